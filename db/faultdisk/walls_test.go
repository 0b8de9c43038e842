package faultdisk_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoProgramHasIt: only test binaries may run on this disk.
func TestNoProgramHasIt(t *testing.T) {
	out, err := exec.Command("go", "list", "-tags", "sqlite_fts5", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "stet/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < 10 {
		t.Fatalf("go list found only %d packages", len(lines))
	}
	for _, line := range lines {
		if room, imports, _ := strings.Cut(line, " "); strings.Contains(imports, "stet/db/faultdisk") {
			t.Errorf("%s imports the fault disk", room)
		}
	}
}

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// A wall says which rooms a room must not know, and why. The imports of tests
// do not count.
type wall struct {
	room  string   // package path or prefix ending in /
	bars  []string // paths or prefixes ending in /
	but   []string // exceptions to bars
	cause string
}

var walls = []wall{
	{"stet/model", []string{"stet/", "github.com/", "golang.org/", "charm.land/", "os", "net/", "database/sql"}, nil,
		"a note is a value: no I/O, no libraries"},
	{"stet/syncengine/store", []string{"stet/"}, []string{"stet/model"}, "contracts are leaves"},
	{"stet/syncengine/remote", []string{"stet/"}, []string{"stet/model"}, "contracts are leaves"},
	{"stet/syncengine/server/store", []string{"stet/"}, []string{"stet/model"}, "contracts are leaves"},
	{"stet/syncengine/wire", []string{"stet/"}, []string{"stet/model"}, "the wire format is shared by driver and server"},
	{"stet/syncengine/merge", []string{"stet/", "os", "net/", "database/sql", "math/rand", "math/rand/v2"}, []string{"stet/model"},
		"merging is pure: the same texts give the same result everywhere"},
	{"stet/syncengine", []string{"stet/db/", "stet/ui/", "stet/ui", "charm.land/", "net/http", "database/sql",
		"github.com/mattn/go-sqlite3", "stet/syncengine/remote/native", "stet/syncengine/remote/kinto", "stet/syncengine/remote/mutations",
		"stet/syncengine/remote/link", "stet/syncengine/server/"}, nil,
		"the engine decides; drivers speak, stores keep"},
	{"stet/syncengine/remote/", []string{"stet/db/", "stet/ui/", "stet/ui", "stet/syncengine/server/", "stet/syncengine/store"}, nil,
		"a driver knows its protocol and nothing else"},
	{"stet/syncengine/remote/native", []string{"stet/syncengine/remote/"}, []string{"stet/syncengine/remote/link"}, "drivers never import one another"},
	{"stet/syncengine/remote/kinto", []string{"stet/syncengine/remote/"}, []string{"stet/syncengine/remote/link"}, "drivers never import one another"},
	{"stet/syncengine/remote/mutations", []string{"stet/syncengine/remote/"}, []string{"stet/syncengine/remote/link"}, "drivers never import one another"},
	{"stet/syncengine/server", []string{"stet/db/", "stet/ui/", "stet/ui", "stet/syncengine/remote/", "charm.land/"}, nil,
		"handlers know the store's contract, not a database"},
	{"stet/db/", []string{"stet/"}, []string{"stet/model", "stet/syncengine/store", "stet/syncengine/remote",
		"stet/syncengine/server/store", "stet/db/"}, "stores know the contracts and nothing else of sync"},
	{"stet/ui", []string{"stet/db/", "stet/syncengine/", "net/http", "database/sql", "github.com/mattn/go-sqlite3"},
		[]string{"stet/syncengine/merge"}, "screens ask for what they need by an interface of their own"},
	{"stet/ui/", []string{"stet/db/", "stet/syncengine/", "net/http", "database/sql", "github.com/mattn/go-sqlite3"},
		[]string{"stet/syncengine/merge"}, "screens ask for what they need by an interface of their own"},
	{"stet/ui/kit/", []string{"stet/"}, []string{"stet/ui/kit/"}, "parts know nothing of notes"},
}

// screens must not import one another: navigation is a value.
var screens = []string{"browse", "reader", "editor", "merge", "history", "activity", "palette"}

func TestWalls(t *testing.T) {
	imports := goList(t)
	for room, list := range imports {
		for _, w := range walls {
			if !within(room, w.room) {
				continue
			}
			for _, imp := range list {
				if anyWithin(imp, w.bars) && !anyWithin(imp, w.but) {
					t.Errorf("%s imports %s: %s", room, imp, w.cause)
				}
			}
		}
		for _, s := range screens {
			if room != "stet/ui/"+s {
				continue
			}
			for _, imp := range list {
				for _, other := range screens {
					if other != s && imp == "stet/ui/"+other {
						t.Errorf("%s imports %s: a screen opens another through the app", room, imp)
					}
				}
			}
		}
	}
}

// TestEveryRoomIsDescribed: a package without a doc has no rules to obey.
func TestEveryRoomIsDescribed(t *testing.T) {
	for _, line := range list(t, `{{if .GoFiles}}{{.ImportPath}}|{{.Doc}}{{end}}`) {
		if path, doc, ok := strings.Cut(line, "|"); ok && doc == "" {
			t.Errorf("%s has no package comment", path)
		}
	}
}

// TestNamesSayWhat: no drawers.
func TestNamesSayWhat(t *testing.T) {
	for path := range goList(t) {
		switch path[strings.LastIndex(path, "/")+1:] {
		case "common", "util", "utils", "helpers", "manager", "types", "base", "core", "misc":
			t.Errorf("%s: a package is named for what it gives", path)
		}
	}
}

func goList(t *testing.T) map[string][]string {
	out := map[string][]string{}
	for _, line := range list(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		f := strings.Fields(line)
		if len(f) > 0 {
			out[f[0]] = f[1:]
		}
	}
	if len(out) < 10 {
		t.Fatalf("go list found only %d packages", len(out))
	}
	return out
}

func list(t *testing.T, format string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", format, "./...")
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	return strings.Split(string(out), "\n")
}

func anyWithin(path string, places []string) bool {
	for _, p := range places {
		if within(path, p) {
			return true
		}
	}
	return false
}

func within(path, place string) bool {
	if strings.HasSuffix(place, "/") {
		return strings.HasPrefix(path, place)
	}
	return path == place
}

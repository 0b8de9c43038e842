package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stet/syncengine/wire"
)

// TestBackupRestoreCompact walks through the commands as an administrator does.
func TestBackupRestoreCompact(t *testing.T) {
	dir := t.TempDir()
	db, file := filepath.Join(dir, "x.db"), filepath.Join(dir, "backup")
	out, _, code := stetd(t, "account", "add", "ann", "--store", db)
	token := strings.TrimSpace(out)
	if code != 0 {
		t.Fatal(code)
	}
	p := serve(t, "--store", db)
	write := func(p *process, id string) int {
		t.Helper()
		res, body, err := p.do(http.MethodPost, wire.PathOps, token, op(id), "Content-Type", "application/json", wire.HeaderKey, "op-"+id)
		if err != nil {
			t.Fatalf("%v %s", err, body)
		}
		return res.StatusCode
	}
	if code := write(p, "one"); code != 201 {
		t.Fatal(code)
	}
	run := func(code int, says string, args ...string) {
		t.Helper()
		out, errs, got := stetd(t, append(args, "--store", db)...)
		if got != code || !strings.Contains(errs, says) || out != "" || strings.Contains(errs, "goroutine") {
			t.Errorf("stetd %v: exit %d, want %d with %q: %s%s", args, got, code, says, out, errs)
		}
	}
	run(0, "1 account, 1 note, ", "backup", file) // while it is served
	run(1, "there already", "backup", file)
	run(3, "no such file", "backup", filepath.Join(dir, "no", "folder"))
	run(0, "would drop", "compact", "--before", "400d", "--dry-run")
	run(0, "0 versions", "compact", "--before", "400d")
	write(p, "two")
	run(7, "stop the server", "restore", file, "--force")
	if code := write(p, "three"); code != 201 {
		t.Errorf("the server after a refused restore: %d", code)
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	run(1, "--force", "restore", file)
	run(0, "new epoch", "restore", file, "--force")
	if aside, _ := filepath.Glob(db + ".before-restore-*"); len(aside) != 1 {
		t.Errorf("kept aside: %v", aside)
	}
	p = serve(t, "--store", db)
	if code := write(p, "two"); code != 201 { // the backup lacks it
		t.Error(code)
	}
	if res, _, err := p.do("GET", "/notes/one", token, nil); err != nil || res.StatusCode != 200 {
		t.Errorf("%v %v", res, err)
	}
}

// TestCopiedOverByHand copies an older file over a store that was stopped: the
// server says so, and tells devices once. A kill and a start are nothing.
func TestCopiedOverByHand(t *testing.T) {
	dir := t.TempDir()
	db, older := filepath.Join(dir, "x.db"), filepath.Join(dir, "older")
	out, _, _ := stetd(t, "account", "add", "ann", "--store", db)
	token := strings.TrimSpace(out)
	end := func(p *process, how os.Signal) string {
		t.Helper()
		if err := p.cmd.Process.Signal(how); err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(p.errs)
		if err != nil {
			t.Fatal(err)
		}
		_ = p.cmd.Wait()
		return string(said)
	}
	copyFile := func(from, to string) {
		t.Helper()
		data, err := os.ReadFile(from)
		if err = errors.Join(err, os.WriteFile(to, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	var cursor string
	sync := func(p *process, want int) {
		t.Helper()
		res, body, err := p.do(http.MethodGet, wire.PathChanges+"?since="+cursor, token, nil)
		if err != nil || res.StatusCode != want {
			t.Fatalf("%v %s, want %d", err, body, want)
		}
		if want == 200 {
			page, err := wire.DecodePage(body)
			if cursor = page.Cursor; err != nil {
				t.Fatal(err)
			}
		}
	}
	// run is a server from its start to its end, and what it said.
	run := func(want int, how os.Signal) string {
		t.Helper()
		p := serve(t, "--store", db)
		sync(p, want)
		return end(p, how)
	}
	if said := run(200, syscall.SIGTERM); said != "" {
		t.Errorf("a new store: %s", said)
	}
	copyFile(db, older)
	run(200, syscall.SIGKILL)
	if said := run(200, syscall.SIGTERM); said != "" {
		t.Errorf("after a kill: %s", said)
	}
	copyFile(older, db)
	if said := run(410, syscall.SIGTERM); strings.Count(said, "\n") != 1 || !strings.Contains(said, "not the one that was served last") {
		t.Errorf("after the copy: %s", said)
	}
	cursor = ""
	run(200, syscall.SIGTERM)
	if said := run(200, syscall.SIGTERM); said != "" {
		t.Errorf("a second start after the copy: %s", said)
	}
	if err := os.Mkdir(db+".run.new", 0o700); err != nil {
		t.Fatal(err)
	}
	_, errs, code := stetd(t, "serve", "--listen", "127.0.0.1:0", "--store", db)
	if code != 1 || !strings.Contains(errs, db+".run") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestDaysUsage(t *testing.T) {
	dir := t.TempDir()
	noise := filepath.Join(dir, "noise")
	if err := os.WriteFile(noise, []byte(strings.Repeat("noise ", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	blank := filepath.Join(dir, "blank")
	if err := os.WriteFile(blank, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"backup", 2, "file name"}, {"backup a b", 2, "file name"}, {"restore", 2, "file name"}, {"compact", 2, "--before"},
		{"compact x", 2, "x"}, {"compact --before yesterday", 2, "400d"}, {"compact --before -5d", 2, "400d"},
		{"compact --before 99999999999d", 2, "400d"}, {"compact --before 2999-01-01", 2, "future"},
		{"backup DIR/b", 3, "no store at"}, {"compact --before 1d", 3, "no store at"}, {"restore DIR/absent", 3, "no such file"},
		{"restore DIR/noise", 8, "no store of stetd"}, {"restore DIR/blank", 8, "no store of stetd"}, {"restore DIR", 1, "not a file"},
		{"backup DIR/b --store DIR/noise", 8, "no store of stetd"}, {"backup DIR/b --store DIR/blank", 3, "empty"},
		{"compact --before 1d --store DIR/noise", 8, "no store of stetd"}, {"backup DIR/b --store postgres://x", 2, "PostgreSQL"},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))
		if !strings.Contains(c.args, "--store") {
			args = append(args, "--store", filepath.Join(dir, "none.db"))
		}
		_, errs, code := stetd(t, args...)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("stetd %s: exit %d, want %d with %q: %s", c.args, code, c.code, c.says, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none.db")); err == nil {
		t.Error("a store was made")
	}
	for _, name := range []string{"backup", "restore", "compact"} {
		out, _, code := stetd(t, "help", name)
		if code != 0 || !strings.Contains(out, "Usage:") || len(out) < 300 {
			t.Errorf("help %s: %d %q", name, code, out)
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"400d": "2025-10-17T08:00:00Z", "0d": "2026-11-21T08:00:00Z", "2025-01-02": "2025-01-02T00:00:00Z",
		"2025-01-02T03:04:05+01:00": "2025-01-02T02:04:05Z", "": "", "d": "", "1.5d": "", "-1d": "", "2025-13-01": "", "400": ""} {
		got, ok := moment(text, now)
		if ok != (want != "") || ok && got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %v %v, want %s", text, got, ok, want)
		}
	}
	if s := strings.Join([]string{size(0), size(2048), size(3 << 20), size(5 << 30)}, " "); s != "0 bytes 2.0 KiB 3.0 MiB 5.0 GiB" {
		t.Error(s)
	}
}

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// identity is what `stet status --json` tells of who a device is.
type identity struct {
	Device   string
	DeviceID string `json:"device_id"`
	Pending  int
}

func (d *device) identity() (id identity) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.must("status", "--json")), &id); err != nil {
		d.t.Fatal(err)
	}
	if len(id.DeviceID) != 32 {
		d.t.Errorf("%s: device id %q", d.home, id.DeviceID)
	}
	return id
}

// copied is a copy of the home of d, made as people make one.
func (d *device) copied(flags string) *device {
	d.t.Helper()
	c := newDevice(d.t)
	if out, err := exec.Command("cp", flags, d.home, c.home).CombinedOutput(); err != nil {
		d.t.Fatalf("cp: %v %s", err, out)
	}
	return c
}

// TestCopiedHome copies a home with notes that wait; both go on as devices of
// their own, whether the first thing that a copy does is to look, write or
// sync. A move is no copy.
func TestCopiedHome(t *testing.T) {
	s := newServer(t)
	a := newDevice(t)
	a.connect(s)
	shared := a.must("add", "shared", "-m", "one\n\ntwo\n\nthree\n")
	a.must("sync")
	me := a.identity()
	waiting := a.must("add", "waiting", "-m", "sent by either")
	a.must("append", shared, "entry")
	looks, writes, syncs := a.copied("-r"), a.copied("-a"), a.copied("-r")
	ids := map[string]bool{me.DeviceID: true}
	if who := looks.identity(); ids[who.DeviceID] || who.Pending != 2 {
		t.Errorf("a copy that looks is %+v, the original %+v", who, me)
	}
	onCopy := writes.must("add", "on the copy", "-m", "by the copy")
	syncs.must("sync")
	onA := a.must("add", "on the original", "-m", "by the original")
	for _, d := range []*device{looks, writes, syncs} {
		who := d.identity()
		if ids[who.DeviceID] {
			t.Errorf("%s is %s again", d.home, who.DeviceID)
		}
		ids[who.DeviceID] = true
		if again := d.identity(); again.DeviceID != who.DeviceID {
			t.Errorf("%s was %s, is %s", d.home, who.DeviceID, again.DeviceID)
		}
	}
	a.must("set", shared, "-m", "ONE\n\ntwo\n\nthree\n")
	looks.must("set", shared, "-m", "one\n\ntwo\n\nTHREE\n")
	got := sameNotes(t, 4, a, looks, writes, syncs)
	if got[shared].Body != "ONE\n\ntwo\n\nTHREE\n" || got[waiting].Body != "sent by either" || got[onA].Body != "by the original" ||
		got[onCopy].Body != "by the copy" {
		t.Errorf("%+v", got)
	}
	var full struct{ Log []any }
	if err := json.Unmarshal([]byte(writes.must("show", shared, "--json")), &full); err != nil || len(full.Log) != 1 {
		t.Errorf("log %v (%v)", full.Log, err)
	}
	if hits := writes.must("search", "copy"); !strings.Contains(hits, onCopy) || strings.Contains(hits, onA) {
		t.Errorf("the copy finds %s", hits)
	}
	moved := &device{t, filepath.Join(t.TempDir(), "moved")}
	if err := os.Rename(a.home, moved.home); err != nil {
		t.Fatal(err)
	}
	if who := moved.identity(); who.DeviceID != me.DeviceID {
		t.Errorf("moved: %s, was %s", who.DeviceID, me.DeviceID)
	}
	moved.must("sync")
}

// TestCopiedHomeWithALooseToken: a copy that lost its modes says what to do,
// keeps everything, and goes on once that is done.
func TestCopiedHomeWithALooseToken(t *testing.T) {
	s := newServer(t)
	a := newDevice(t)
	a.connect(s)
	a.must("add", "waiting", "-m", "sent by either")
	b := a.copied("-r")
	token := filepath.Join(b.home, "token")
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	_, said, code := b.run("", "sync")
	if code != 6 || !strings.Contains(said, "the token file can be read by others") || !strings.Contains(said, "chmod 600 "+token) {
		t.Errorf("exit %d: %s", code, said)
	}
	if who := b.identity(); who.Pending != 1 {
		t.Errorf("%+v", who)
	}
	if err := os.Chmod(token, 0o600); err != nil {
		t.Fatal(err)
	}
	sameNotes(t, 1, a, b)
}

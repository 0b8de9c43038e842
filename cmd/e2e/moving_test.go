package e2e

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// place is an account of a stetd, reached over one of its protocols.
type place struct {
	*server
	protocol string
	through  string // the address of a proxy, if one stands before it
}

// protocols are the three that stetd speaks.
var protocols = []string{"native", "kinto", "mutations"}

// at is a server's account over a protocol.
func (s *server) at(protocol string) place { return place{server: s, protocol: protocol} }

// paths are where stetd has its protocols.
var paths = map[string]string{"kinto": "/kinto/v1", "mutations": "/mutations"}

// url is the address a user would give.
func (p place) url() string { return cmp.Or(p.through, p.server.url()) + paths[p.protocol] }

// join connects a device without agreeing to anything.
func (d *device) join(p place, args ...string) (out, errs string, code int) {
	d.t.Helper()
	args = append([]string{"connect", p.url(), "--token-file", "-"}, args...)
	if p.protocol == "kinto" {
		args = append(args, "--user", "ana")
	}
	return d.run(p.token+"\n", args...)
}

// to connects a device, whatever is here and there.
func (d *device) to(p place, args ...string) {
	d.t.Helper()
	if _, errs, code := d.join(p, append(args, "--yes")...); code != 0 {
		d.t.Fatalf("connect to %s: exit %d: %s", p.url(), code, errs)
	}
}

// kept is kept as far as a place's protocol lets a device know: where an answer
// was lost, Kinto and the mutations log tell of the note as it is by now, and a
// deletion through Kinto has no room for its op's id.
func (p place) kept(on serverState, d state) error {
	if p.protocol == "native" {
		return kept(on, d)
	}
	for op, rev := range d.accepted {
		if got, ok := on.ops[op]; ok && got > rev || !ok && (p.protocol != "kinto" || !on.gone[rev]) {
			return fmt.Errorf("lost on the server: op %s was accepted as %d, the server has %d", op, rev, got)
		}
	}
	return nil
}

func at(t *testing.T, p place, name string) *device {
	d := newDevice(t)
	d.to(p, "--device", name)
	return d
}

// ends runs a command that ends with a code, and returns what it says.
func (d *device) ends(code int, args ...string) (out, errs string) {
	d.t.Helper()
	out, errs, got := d.run("", args...)
	if got != code {
		d.t.Fatalf("stet %v: exit %d, want %d: %s%s", args, got, code, out, errs)
	}
	return out, errs
}

// planned is one line of a plan as scripts see it.
type planned struct{ Direction, Action, ID string }

// foretold syncs and checks that it did what the plan before said, note by note.
func (d *device) foretold(p place, code int) {
	d.t.Helper()
	must := func(err error) {
		d.t.Helper()
		if err != nil {
			d.t.Fatal(err)
		}
	}
	var push, pull []string
	plan := d.must("sync", "--dry-run", "--json")
	for line := range strings.Lines(plan) {
		var one planned
		must(json.Unmarshal([]byte(line), &one))
		if one.Direction == "push" {
			push = append(push, one.ID+" "+told(one.Action))
		} else {
			pull = append(pull, one.ID)
		}
	}
	before, err := d.inspect()
	must(err)
	clock, err := p.clock()
	must(err)
	out, _ := d.ends(code, "sync", "--yes", "--json")
	after, err := d.inspect()
	must(err)
	sent, err := p.changes(clock)
	must(err)
	var became []string
	for id, n := range after.notes {
		if shown(before.notes[id]) != shown(n) {
			became = append(became, id)
		}
	}
	for _, list := range []*[]string{&push, &pull, &sent, &became} {
		slices.Sort(*list)
		*list = slices.Compact(*list) // Kinto takes an edit and an entry in one write, and knows no purge after a deletion
	}
	if !slices.Equal(push, sent) {
		d.t.Errorf("planned to send\n%s\nsent\n%s\n%s", strings.Join(push, "\n"), strings.Join(sent, "\n"), out)
	}
	if !slices.Equal(pull, became) {
		d.t.Errorf("planned to change here\n%s\nchanged\n%s\nplan\n%s", strings.Join(pull, "\n"), strings.Join(became, "\n"), plan)
	}
}

// told is the name of an action that all protocols can tell apart.
func told(action string) string {
	switch action {
	case "create", "append", "update":
		return "write"
	}
	return "delete"
}

// shown is what a user sees of a note.
func shown(n row) string {
	if n.deleted {
		return ""
	}
	return fmt.Sprintf("%q %q %q %q %t", n.title, n.body, n.tags, n.log, n.status == "needs-review")
}

// clock is the newest change of a server's account.
func (s *server) clock() (rev int64, err error) {
	err = snapshot(s.store, func(tx *sql.Tx) error {
		return each(tx, `SELECT coalesce(max(rev), 0) FROM changes`, []any{&rev}, func() error { return nil })
	})
	return rev, err
}

// changes are the writes since then, as "NOTE ACTION".
func (s *server) changes(since int64) (out []string, err error) {
	err = snapshot(s.store, func(tx *sql.Tx) error {
		var id, kind string
		return each(tx, fmt.Sprintf(`SELECT note, kind FROM changes WHERE collection = 'notes' AND note <> '' AND rev > %d`, since), []any{&id, &kind}, func() error {
			out = append(out, id+" "+told(kind))
			return nil
		})
	})
	return out, err
}

// titled are the ids of a device's live notes by title; none is there twice.
func (d *device) titled() map[string]string {
	d.t.Helper()
	st, err := d.inspect()
	if err != nil {
		d.t.Fatal(err)
	}
	out := map[string]string{}
	for id, n := range st.notes {
		if n.deleted {
			continue
		}
		if out[n.title] != "" {
			d.t.Errorf("twice: %q is %s and %s", n.title, out[n.title], id)
		}
		out[n.title] = id
	}
	return out
}

// texts are the bodies that history has of a note.
func (d *device) texts(id string) map[string]bool {
	d.t.Helper()
	out := map[string]bool{}
	for line := range strings.Lines(d.must("history", id, "--json")) {
		var v struct{ Body string }
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			d.t.Fatal(err)
		}
		out[v.Body] = true
	}
	return out
}

// rich is a note with all that a note may have.
func (d *device) rich(title string) string {
	d.t.Helper()
	id := d.must("add", title, "-m", "one\r\n\n👩‍🚀 two\n\nthree", "-t", "red", "-t", "größe", "--notebook", "work/2026", "--pin")
	d.must("set", id, "--color", "teal")
	d.must("append", id, "entry of "+title)
	return id
}

// TestMoveThereAndBack moves a home with notes of every kind from one server to
// another and back, while a device that stays writes on each. Each move is
// planned first, and does what the plan says.
func TestMoveThereAndBack(t *testing.T) {
	for _, way := range turns(t, 1, [2]string{"native", "kinto"}, [2]string{"kinto", "mutations"}, [2]string{"native", "mutations"}, [2]string{"mutations", "native"}) {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			t.Parallel()
			thereAndBack(t, newServer(t).at(way[0]), newServer(t).at(way[1]))
		})
	}
}

func thereAndBack(t *testing.T, a, b place) {
	m, stays, other := at(t, a, "mover"), at(t, a, "stays"), at(t, b, "other")
	ids := map[string]string{}
	for _, title := range []string{"kept", "edited", "merged", "gone at a", "edited here, gone at a", "gone at b", "purged at b", "review", "trash", "purged", "archived"} {
		ids[title] = m.rich(title)
	}
	ids["long"] = m.must("add", "long", "-m", strings.Repeat("a long line of text\n", 5_000))
	m.must("set", ids["archived"], "--archive=true")
	m.must("sync")
	m.must("rm", ids["trash"], ids["purged"])
	m.must("purge", ids["purged"])
	m.must("sync")
	stays.must("sync", "--yes")
	stays.must("set", ids["review"], "-m", "the text of the one that stays")
	stays.must("sync")
	m.must("set", ids["review"], "-m", "the mover's text")
	m.ends(4, "sync")
	// What waits to be sent moves too.
	m.must("set", ids["edited"], "-m", "edited before the move")
	m.must("append", ids["kept"], "appended before the move")
	ids["new"] = m.rich("new")
	never := m.rich("never sent")
	m.must("rm", never)
	ids["at b"] = other.rich("at b")
	other.must("sync")

	// A plan first; nothing happens without consent.
	out, errs, code := m.join(b)
	if code != 4 || !strings.Contains(out, "This device has 11 notes, the server 1; 0 of them") || !strings.Contains(errs, "--yes") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	if got := m.must("status", "--json"); !strings.Contains(got, `"server":"`+a.url()+`"`) || !strings.Contains(got, `"needs_review":1`) {
		t.Fatalf("after the plan: %s", got)
	}
	m.to(b)
	m.foretold(b, 0)
	other.must("sync")
	if err := agree(b.server, m, other); err != nil {
		t.Fatalf("at b: %v", err)
	}
	if got, want := m.titled(), ids; len(got) != len(want)-2 {
		t.Errorf("at b are %v", slices.Sorted(maps.Keys(got)))
	}
	if !m.texts(ids["review"])["the text of the one that stays"] {
		t.Error("the other side of the review is lost")
	}

	// Life goes on at both.
	m.must("set", ids["merged"], "-m", "one, of the mover\r\n\n👩‍🚀 two\n\nthree")
	m.must("set", ids["edited here, gone at a"], "-m", "still wanted")
	m.must("rm", ids["purged at b"])
	m.must("sync")
	m.must("purge", ids["purged at b"])
	m.must("sync")
	other.must("sync")
	other.must("append", ids["new"], "from the other")
	other.must("set", ids["merged"], "-m", "one, of the mover\r\n\n👩‍🚀 two\n\nthree, of the other")
	other.must("rm", ids["gone at b"])
	other.must("sync")
	m.must("sync")
	m.must("set", ids["kept"], "--tag", "+unsent") // never sent to b
	stays.must("set", ids["merged"], "-m", "one\r\n\n👩‍🚀 two, of the one that stays\n\nthree")
	stays.must("rm", ids["gone at a"], ids["edited here, gone at a"])
	ids["at a"] = stays.rich("at a")
	stays.must("sync")

	// And back.
	out, errs, code = m.join(a)
	if code != 4 || !strings.Contains(out, "of them are the same note on both") || strings.Contains(out, "Nothing is deleted") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	m.to(a)
	m.foretold(a, 4)
	waits := map[string]string{}
	for id, c := range m.conflicts() {
		waits[c.Title] = id
	}
	if id, asked := waits["gone at a"]; asked { // a device that was away is asked, or told
		m.must("resolve", id, "--take", "theirs")
		delete(waits, "gone at a")
	}
	if got := slices.Sorted(maps.Keys(waits)); !slices.Equal(got, []string{"edited here, gone at a", "review"}) {
		t.Fatalf("in review are %q", got)
	}
	m.must("resolve", ids["review"], "--take", "both")
	m.must("resolve", ids["edited here, gone at a"], "--take", "mine")
	for _, d := range []*device{m, stays, m} {
		d.must("sync", "--yes")
	}
	if err := agree(a.server, m, stays); err != nil {
		t.Fatalf("back at a: %v", err)
	}
	gone := []string{"gone at a", "gone at b", "trash", "purged", "purged at b"}
	want := slices.DeleteFunc(slices.Sorted(maps.Keys(ids)), func(title string) bool { return slices.Contains(gone, title) })
	for _, title := range slices.Sorted(maps.Keys(m.titled())) {
		if i := slices.Index(want, title); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else if ids[title] != "" {
			t.Errorf("%q is there", title)
		}
	}
	if len(want) > 0 {
		t.Errorf("lost: %q", want)
	}
	st, err := stays.inspect()
	if err != nil {
		t.Fatal(err)
	}
	for title, body := range map[string]string{
		"kept": "one\r\n\n👩‍🚀 two\n\nthree", "edited": "edited before the move", "edited here, gone at a": "still wanted",
		"merged": "one, of the mover\r\n\n👩‍🚀 two, of the one that stays\n\nthree, of the other",
		"review": "the mover's text\nthe text of the one that stays", "at b": "one\r\n\n👩‍🚀 two\n\nthree",
		"long": strings.Repeat("a long line of text\n", 5_000),
	} {
		if got := st.notes[ids[title]].body; strings.TrimSuffix(got, "\n") != strings.TrimSuffix(body, "\n") {
			t.Errorf("%s is %.200q, want %.200q", title, got, body)
		}
	}
	for title, parts := range map[string][]string{"kept": {"entry of kept", "appended before the move"}, "new": {"entry of new", "from the other"}, "at b": {"entry of at b"}} {
		for _, part := range parts {
			if n := strings.Count(st.notes[ids[title]].log, `"`+part+`"`); n != 1 {
				t.Errorf("%s has %q %d times", title, part, n)
			}
		}
	}
	if got := st.notes[ids["kept"]].tags; !strings.Contains(got, "unsent") || !strings.Contains(got, "größe") {
		t.Errorf("kept has the tags %s", got)
	}
}

// TestMoveAcrossOneServer changes the protocol and keeps the account: the notes
// are there already, and only what is new is sent.
func TestMoveAcrossOneServer(t *testing.T) {
	if testing.Short() {
		t.Skip("run without -short; a short run has the move from one server to another")
	}
	t.Parallel()
	s := newServer(t)
	m, stays := at(t, s.at("kinto"), "mover"), at(t, s.at("native"), "stays")
	ids := map[string]string{}
	for _, title := range []string{"kept", "edited", "gone", "review"} {
		ids[title] = m.rich(title)
	}
	m.must("sync")
	stays.must("sync")
	for i, protocol := range []string{"mutations", "native", "kinto"} {
		p := s.at(protocol)
		text := fmt.Sprint("edited before move ", i)
		m.must("set", ids["edited"], "-m", text)
		stays.must("append", ids["kept"], fmt.Sprint("by who stays ", i))
		ids[text] = stays.rich(text)
		stays.must("sync")
		if i == 1 {
			stays.must("set", ids["review"], "-m", "of who stays")
			stays.must("sync")
			m.must("set", ids["review"], "-m", "of the mover")
			m.ends(4, "sync")
		}
		if out, errs, code := m.join(p); code != 4 || !strings.Contains(out, "of them are the same note on both") {
			t.Fatalf("to %s: exit %d: %s%s", protocol, code, out, errs)
		}
		m.to(p)
		before, err := s.clock()
		if err != nil {
			t.Fatal(err)
		}
		// An edit that was not sent yet meets, on a server that is new to this
		// device, the text that it was made from: whose it is only the user can say.
		// On one that it comes back to it just goes out.
		back := i == 2
		code := 4
		if back {
			code = 0
		}
		m.foretold(p, code)
		waits := m.conflicts()
		if sent, err := s.changes(before); err != nil || back != (len(sent) == 1) || len(sent) > 1 {
			t.Errorf("the move to %s sent %q: %v", protocol, sent, err)
		}
		if !back {
			m.must("resolve", ids["edited"], "--take", "mine")
			delete(waits, ids["edited"])
		}
		if i == 1 {
			m.must("resolve", ids["review"], "--take", "both")
			delete(waits, ids["review"])
		}
		if len(waits) > 0 {
			t.Errorf("on %s wait %v", protocol, waits)
		}
		m.must("sync")
		stays.must("sync")
		if err := agree(s, m, stays); err != nil {
			t.Fatalf("on %s: %v", protocol, err)
		}
		if got := m.titled(); len(got) != len(ids) {
			t.Errorf("on %s are %d notes, want %d", protocol, len(got), len(ids))
		}
	}
}

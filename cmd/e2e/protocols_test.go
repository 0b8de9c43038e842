package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// turns are what a test goes through: all of it where STET_PROTOCOLS is set,
// else the first few.
func turns[T any](t *testing.T, few int, all ...T) []T {
	t.Helper()
	if os.Getenv("STET_PROTOCOLS") != "" || few >= len(all) {
		return all
	}
	t.Logf("STET_PROTOCOLS is not set: %d of %d turns, %v", few, len(all), all[:few])
	return all[:few]
}

// conflict is what `stet conflicts --json` tells, as far as tests look.
type conflict struct {
	ID, Title string
	Fields    []string
	Remote    json.RawMessage
	Device    string `json:"remote_device"`
}

func (d *device) conflicts() map[string]conflict {
	d.t.Helper()
	out := map[string]conflict{}
	for line := range strings.Lines(d.must("conflicts", "--json")) {
		var c conflict
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			d.t.Fatalf("%q: %v", line, err)
		}
		out[c.ID] = c
	}
	return out
}

// body is a note's text as it is here.
func (d *device) body(id string) string {
	d.t.Helper()
	return d.must("show", id, "--raw")
}

// TestThreeProtocols has one account, and a device on each protocol: all that a
// note holds arrives, conflicts between any two of them have every way out, and
// an edit meets a deletion both ways.
func TestThreeProtocols(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var all []*device
	for _, protocol := range protocols {
		all = append(all, at(t, s.at(protocol), protocol))
	}
	for _, pair := range turns(t, 1, [2]int{1, 2}, [2]int{0, 1}, [2]int{2, 0}) {
		a, b := all[pair[0]], all[pair[1]]
		t.Run(protocols[pair[0]]+" and "+protocols[pair[1]], func(t *testing.T) { everyWayOut(t, s, a, b) })
	}
	for range 2 {
		for _, d := range all {
			d.must("sync", "--yes")
		}
	}
	if err := agree(s, all...); err != nil {
		t.Error(err)
	}
}

func everyWayOut(t *testing.T, s *server, a, b *device) {
	ways := map[string]struct {
		args []string
		want string
	}{
		"mine":   {[]string{"--take", "mine"}, "text of b\n"},
		"theirs": {[]string{"--take", "theirs"}, "text of a\n"},
		"both":   {[]string{"--take", "both"}, "text of b\ntext of a\n"},
		"base":   {[]string{"--take", "base"}, "text\n"},
		"merged": {[]string{"--file", "-"}, "a text of both\n"},
	}
	ids := map[string]string{}
	add := func(name string) {
		out, errs, code := a.run("text\n", "add", name+" of "+t.Name(), "-m", "-", "-t", "größe", "--notebook", "a/b", "--pin")
		if code != 0 {
			t.Fatal(errs)
		}
		ids[name] = strings.TrimSpace(out)
	}
	names := append(slices.Sorted(maps.Keys(ways)), "kept edit", "kept deletion", "edit taken", "deletion taken", "merges by itself")
	for _, name := range names {
		add(name)
	}
	a.must("set", ids["mine"], "--color", "teal", "--archive=true")
	a.must("append", ids["mine"], "an entry 👩‍🚀")
	set := func(d *device, name, body string) {
		d.t.Helper()
		if _, errs, code := d.run(body, "set", ids[name], "-m", "-"); code != 0 {
			d.t.Fatal(errs)
		}
	}
	set(a, "merges by itself", "one\r\n\r\n\x00two\u2028\n\nthree")
	a.must("sync")
	b.must("sync", "--yes")
	if err := agree(s, a, b); err != nil {
		t.Fatalf("what a wrote: %v", err)
	}

	for name := range ways {
		set(a, name, "text of a\n")
		set(b, name, "text of b\n")
	}
	set(a, "merges by itself", "one of a\r\n\r\n\x00two\u2028\n\nthree")
	set(b, "merges by itself", "one\r\n\r\n\x00two\u2028\n\nthree of b")
	b.must("append", ids["merges by itself"], "entry of b")
	a.must("append", ids["merges by itself"], "entry of a")
	a.must("set", ids["merges by itself"], "--tag", "+tag-a")
	b.must("set", ids["merges by itself"], "--tag", "+tag-b,-größe")
	set(a, "kept edit", "edited\n")
	set(a, "edit taken", "edited\n")
	b.must("rm", ids["kept edit"], ids["edit taken"])
	a.must("rm", ids["kept deletion"], ids["deletion taken"])
	set(b, "kept deletion", "edited\n")
	set(b, "deletion taken", "edited\n")
	a.must("sync")
	out, errs := b.ends(4, "sync", "--json")
	if !strings.Contains(out, `"needs_review":9,"pending":0,"errors":0`) || !strings.Contains(errs, "9 notes were updated in two places") {
		t.Fatalf("after the conflicts: %s%s", out, errs)
	}
	waits := b.conflicts()
	if len(waits) != 9 || slices.Contains(slices.Collect(maps.Keys(waits)), ids["merges by itself"]) {
		t.Fatalf("%d conflicts: %v", len(waits), waits)
	}
	for name := range ways {
		c := waits[ids[name]]
		if !slices.Equal(c.Fields, []string{"body"}) || c.Device != protocolOf(a) {
			t.Errorf("%s: the conflict is in %q with %q", name, c.Fields, c.Device)
		}
		if got := b.body(ids[name]); got+"\n" != "text of b\n" {
			t.Errorf("%s: in review the row is %q", name, got)
		}
	}
	for name, gone := range map[string]bool{"kept edit": false, "edit taken": false, "kept deletion": true, "deletion taken": true} {
		if got := strings.Contains(string(waits[ids[name]].Remote), `"deleted":true`); got != gone {
			t.Errorf("%s: the other side is %s", name, waits[ids[name]].Remote)
		}
	}
	for name, way := range ways {
		if _, errs, code := b.run("a text of both\n", append([]string{"resolve", ids[name]}, way.args...)...); code != 0 {
			t.Fatalf("resolve %s: exit %d %s", name, code, errs)
		}
	}
	b.must("resolve", ids["kept edit"], "--take", "theirs")
	b.must("resolve", ids["edit taken"], "--take", "mine")
	b.must("resolve", ids["kept deletion"], "--take", "mine")
	b.must("resolve", ids["deletion taken"], "--take", "theirs")
	b.must("sync")
	a.must("sync", "--yes")
	if err := agree(s, a, b); err != nil {
		t.Fatalf("what b decided: %v", err)
	}
	for name, way := range ways {
		if got := a.body(ids[name]) + "\n"; got != way.want {
			t.Errorf("%s is %q, want %q", name, got, way.want)
		}
		if texts := b.texts(ids[name]); !texts["text of a\n"] || !texts["text of b\n"] {
			t.Errorf("%s: a side is not in the history: %v", name, texts)
		}
	}
	st, err := a.inspect()
	if err != nil {
		t.Fatal(err)
	}
	for name, gone := range map[string]bool{"kept edit": false, "edit taken": true, "kept deletion": false, "deletion taken": true} {
		if n := st.notes[ids[name]]; n.deleted != gone || !gone && n.body != "edited\n" {
			t.Errorf("%s: deleted is %v, the text %q", name, n.deleted, n.body)
		}
	}
	n := st.notes[ids["merges by itself"]]
	if n.body != "one of a\r\n\r\n\x00two\u2028\n\nthree of b" || n.tags != `["tag-a","tag-b"]` || !strings.Contains(n.log, "entry of a") || !strings.Contains(n.log, "entry of b") {
		t.Errorf("merged is %q %s %s", n.body, n.tags, n.log)
	}
}

func protocolOf(d *device) string {
	d.t.Helper()
	var s struct{ Protocol string }
	if err := json.Unmarshal([]byte(d.must("status", "--json")), &s); err != nil {
		d.t.Fatal(err)
	}
	if s.Protocol == "stet" {
		return "native"
	}
	return s.Protocol
}

// TestStrategies meets conflicts with each strategy over each protocol. Whoever
// wins, the text that lost is in the history.
func TestStrategies(t *testing.T) {
	if testing.Short() {
		t.Skip("run without -short; the scripts of stet have it over one protocol")
	}
	for _, protocol := range turns(t, 1, "kinto", "mutations", "native") {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			strategies(t, newServer(t).at(protocol))
		})
	}
}

func strategies(t *testing.T, p place) {
	a := at(t, p, "a")
	homes := map[string]*device{}
	ids := map[string]string{}
	for _, strategy := range []string{"merge", "server", "client", "newest"} {
		for _, what := range []string{"early", "late", "gone", "rm"} {
			ids[strategy+what] = a.must("add", strategy+" "+what, "-m", "text")
		}
	}
	a.must("sync")
	for strategy := range maps.Keys(map[string]bool{"merge": true, "server": true, "client": true, "newest": true}) {
		d := newDevice(t)
		if strategy == "merge" { // what nobody names
			d.to(p, "--device", strategy)
		} else {
			d.to(p, "--device", strategy, "--strategy", strategy)
		}
		d.must("sync")
		d.must("set", ids[strategy+"early"], "-m", "here") // before the other one
		d.must("set", ids[strategy+"gone"], "-m", "here")
		homes[strategy] = d
	}
	for key, id := range ids {
		switch {
		case strings.HasSuffix(key, "gone"):
			a.must("rm", id)
		default:
			a.must("set", id, "-m", "there")
		}
	}
	a.must("sync")
	for strategy, d := range homes {
		d.must("set", ids[strategy+"late"], "-m", "here") // after it
		d.must("rm", ids[strategy+"rm"])
	}
	// What each of the four notes holds in the end, "" for none.
	want := map[string][4]string{"merge": {"here", "here", "here", ""}, "server": {"there", "there", "", "there"},
		"client": {"here", "here", "here", ""}, "newest": {"there", "here", "", ""}}
	for strategy, d := range homes {
		code := 0
		if strategy == "merge" {
			code = 4
		}
		out, errs := d.ends(code, "sync", "--yes")
		if n := len(d.conflicts()); n != code {
			t.Errorf("%s: %d conflicts: %s%s", strategy, n, out, errs)
		}
		for i, what := range []string{"early", "late", "gone", "rm"} {
			id := ids[strategy+what]
			st, err := d.inspect()
			if err != nil {
				t.Fatal(err)
			}
			got := st.notes[id].body
			if st.notes[id].deleted {
				got = ""
			}
			if got != want[strategy][i] {
				t.Errorf("%s: %s is %q, want %q", strategy, what, got, want[strategy][i])
			}
			texts := d.texts(id)
			if what != "rm" && !texts["here"] || what != "gone" && !texts["there"] {
				t.Errorf("%s: %s has lost a text: %v", strategy, what, texts)
			}
			if strategy == "merge" {
				d.must("resolve", id, "--take", "mine")
			}
		}
		d.must("sync")
	}
	for range 2 {
		a.must("sync", "--yes")
		for _, d := range homes {
			d.must("sync", "--yes")
		}
	}
	if err := agree(p.server, a, homes["merge"], homes["server"], homes["client"], homes["newest"]); err != nil {
		t.Error(err)
	}
}

// TestTrouble: who is not let in, and a server that is away, over each protocol.
func TestTrouble(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, protocol := range protocols {
		p := s.at(protocol)
		d := newDevice(t)
		wrong := p
		wrong.server = &server{addr: s.addr, token: "not-the-token"}
		if _, errs, code := d.join(wrong); code != 6 || !strings.Contains(errs, "the server refused the token") {
			t.Errorf("%s, wrong token: exit %d %s", protocol, code, errs)
		}
		if protocol == "kinto" {
			if _, errs, code := d.run(p.token+"\n", "connect", p.url(), "--token-file", "-", "--user", "bert"); code != 6 || !strings.Contains(errs, "refused") {
				t.Errorf("wrong user: exit %d %s", code, errs)
			}
		}
		if got := d.must("status", "--json"); !strings.Contains(got, `"server":null`) {
			t.Errorf("%s: kept after a refusal: %s", protocol, got)
		}
		d.to(p)
		d.must("add", "one of "+protocol)
		s.kill()
		out, errs := d.ends(5, "sync", "--json")
		if !strings.Contains(errs, "your changes are safe") || !strings.Contains(out, `"pending":1`) {
			t.Errorf("%s, server away: %s%s", protocol, out, errs)
		}
		s.start()
		d.must("sync")
		// The kept token is another account's, or none any more.
		if err := os.WriteFile(d.home+"/token", []byte(strings.ReplaceAll(readFile(t, d.home+"/token"), p.token, strings.Repeat("0", len(p.token)))), 0o600); err != nil {
			t.Fatal(err)
		}
		d.must("add", "two of "+protocol)
		if out, errs := d.ends(6, "sync", "--json"); !strings.Contains(errs, "nothing was lost") || !strings.Contains(out, `"pending":1`) {
			t.Errorf("%s, token refused later: %s%s", protocol, out, errs)
		}
		d.to(p)
		if out := d.must("sync"); !strings.Contains(out, "1 sent") {
			t.Errorf("%s, connected again: %s", protocol, out)
		}
	}
	on, err := s.inspect()
	if err != nil || len(on.live) != 6 {
		t.Errorf("the server has %d notes, want 6: %v", len(on.live), err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(fmt.Errorf("read token: %w", err))
	}
	return string(text)
}

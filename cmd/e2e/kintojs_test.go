package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Where the npm packages are, and a real Kinto with its user:password, of which
// everything is erased.
const (
	npmDir    = "STET_NPM"
	kintoURL  = "STET_KINTO_URL"
	kintoAuth = "STET_KINTO_AUTH"
)

// needed skips a test where the clients cannot be run.
func needed(t *testing.T) (node, packages string) {
	t.Helper()
	if packages = os.Getenv(npmDir); packages == "" {
		t.Skipf("%s names no folder with the npm packages kinto and kinto-http: .ci/interop npm makes one", npmDir)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("kinto.js needs node: %v", err)
	}
	return node, packages
}

// script is a program of testdata/kintojs that talks to a server.
func script(ctx context.Context, t *testing.T, name, url, auth string) *exec.Cmd {
	t.Helper()
	node, packages := needed(t)
	cmd := exec.CommandContext(ctx, node, filepath.Join("testdata", "kintojs", name+".mjs"))
	cmd.Env = append(os.Environ(), npmDir+"="+packages, "STET_KINTOJS_URL="+url, "STET_KINTOJS_AUTH="+auth)
	return cmd
}

// kinto is the server as Kinto's clients know it.
func (s *server) kinto() string { return s.url() + "/kinto/v1" }

// outcomes runs a file of scenarios to its end and returns what it tells, a line
// an outcome.
func outcomes(t *testing.T, name, url, auth string) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := script(ctx, t, name, url, auth)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil {
		return lines, fmt.Errorf("%s against %s: %w after %q\n%s", name, url, err, lines[len(lines)-1], errs.String())
	}
	return lines, nil
}

// better are the outcomes in which stetd is not as Kinto is, and why: there the
// devices are alike afterwards, and with Kinto they are not.
var better = map[string]string{
	"edit against delete | client_wins: a":             "exclude_id hid the record that the client had not deleted",
	"overtaken between pull and push | client_wins: a": "exclude_id hid the record that the client had not deleted",
}

// TestKintoClientsMeetTheSame: what Kinto's own clients meet at stetd is what
// they meet at a real Kinto, outcome by outcome.
func TestKintoClientsMeetTheSame(t *testing.T) {
	needed(t)
	t.Parallel()
	t.Run("side by side", func(t *testing.T) {
		for name, least := range map[string]int{"http": 190, "sync": 90, "asked": 330, "habits": 44} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				meetTheSame(t, name, least)
			})
		}
	})
	meetTheSame(t, "flush", 5) // after all others: it erases what they have there
}

// meetTheSame runs a file of scenarios against both servers.
func meetTheSame(t *testing.T, name string, least int) {
	foreign, auth := os.Getenv(kintoURL), os.Getenv(kintoAuth)
	if foreign == "" {
		t.Skipf("%s names no real Kinto to compare with", kintoURL)
	}
	s := newServer(t, "--kinto-flush")
	var theirs, ours []string
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() { theirs, errs[0] = outcomes(t, name, foreign, auth) })
	both.Go(func() { ours, errs[1] = outcomes(t, name, s.kinto(), "ana:"+s.token) })
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	improved := 0
	for i := range max(len(theirs), len(ours)) {
		want, got := outcome(theirs, i), outcome(ours, i)
		switch why := better[label(got)]; {
		case why != "":
			if improved++; !strings.HasSuffix(got, " | true") || !strings.HasSuffix(want, " | false") {
				t.Errorf("%s\nKinto: %s\nstetd: %s", why, want, got)
			}
		case want != got:
			t.Errorf("\nKinto: %s\nstetd: %s", want, got)
		}
	}
	if len(ours) < least {
		t.Errorf("%d outcomes, want %d at least", len(ours), least)
	}
	if !t.Failed() {
		fmt.Printf("kinto.js | %s | %d outcomes at stetd are those of a real Kinto, %d are better\n", name, len(ours)-improved, improved)
	}
}

func outcome(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// label is what an outcome is called: the scenario and what of it.
func label(line string) string {
	return strings.Join(strings.SplitN(line, " | ", 3)[:min(2, strings.Count(line, " | ")+1)], " | ")
}

// TestKintoClientsLoseNothing: where kinto.js and a real Kinto lose a change
// together, with stetd it is there.
func TestKintoClientsLoseNothing(t *testing.T) {
	needed(t)
	t.Parallel()
	s := newServer(t)
	lines, err := outcomes(t, "lossless", s.kinto(), "ana:"+s.token)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if strings.Contains(line, "| false") || !strings.Contains(line, "| true") {
			t.Error(line)
		}
	}
	if len(lines) < 4 {
		t.Errorf("%d outcomes", len(lines))
	}
}

// text is what of a note a page and a home both show.
type text struct{ Title, Body, Tags string }

// writer is where notes are written: a page with kinto.js, or a home of stet.
type writer interface {
	name() string
	kintojs() bool
	add(title, body string, tags ...string) string
	edit(id, body string)
	retag(id string, tags ...string)
	delete(id string)
	// sync does one round; what is in conflict is decided so that both texts stay.
	sync()
	all() map[string]text
}

// page is a program with kinto.js and a database of its own.
type page struct {
	t     *testing.T
	title string
	in    io.Writer
	out   *bufio.Scanner
}

func newPage(t *testing.T, s *server, name string) *page {
	t.Helper()
	cmd := script(t.Context(), t, "page", s.kinto(), "ana:"+s.token)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	return &page{t, name, in, lines}
}

// do tells the page to do something and reads what came of it into dst.
func (p *page) do(dst any, what string, pairs ...any) {
	p.t.Helper()
	ask := map[string]any{"do": what}
	for i := 0; i < len(pairs); i += 2 {
		ask[pairs[i].(string)] = pairs[i+1]
	}
	if err := json.NewEncoder(p.in).Encode(ask); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("%s: %s: the page is gone: %v", p.title, what, p.out.Err())
	}
	var answer struct {
		Result json.RawMessage
		Error  string
	}
	err := json.Unmarshal(p.out.Bytes(), &answer)
	if err == nil && answer.Error == "" && dst != nil {
		err = json.Unmarshal(answer.Result, dst)
	}
	if err != nil || answer.Error != "" {
		p.t.Fatalf("%s: %s: %v %s", p.title, what, err, answer.Error)
	}
}

func (p *page) name() string { return p.title }

func (p *page) kintojs() bool { return true }

func (p *page) add(title, body string, tags ...string) (id string) {
	p.t.Helper()
	p.do(&id, "add", "title", title, "body", body, "tags", tags)
	return id
}

func (p *page) edit(id, body string) {
	p.t.Helper()
	p.do(nil, "edit", "id", id, "fields", map[string]any{"body": body})
}

func (p *page) retag(id string, tags ...string) {
	p.t.Helper()
	p.do(nil, "edit", "id", id, "fields", map[string]any{"tags": append([]string{}, tags...)})
}

func (p *page) delete(id string) {
	p.t.Helper()
	p.do(nil, "delete", "id", id)
}

func (p *page) sync() {
	p.t.Helper()
	var done struct {
		OK     bool
		Errors json.RawMessage
	}
	if p.do(&done, "settle"); !done.OK {
		p.t.Fatalf("%s does not sync: %s", p.title, done.Errors)
	}
}

func (p *page) all() map[string]text {
	p.t.Helper()
	var list []listed
	p.do(&list, "list")
	return byID(list)
}

type listed struct {
	ID, Title, Body string
	Tags            []string
}

func byID(list []listed) map[string]text {
	out := map[string]text{}
	for _, n := range list {
		slices.Sort(n.Tags)
		out[n.ID] = text{n.Title, n.Body, strings.Join(n.Tags, " ")}
	}
	return out
}

// home is a home of stet that speaks one of the protocols.
type home struct {
	*device
	title string
}

func newHome(t *testing.T, name, token string, args ...string) *home {
	t.Helper()
	h := &home{newDevice(t), name}
	if _, errs, code := h.run(token+"\n", append(append([]string{"connect"}, args...), "--token-file", "-", "--yes")...); code != 0 {
		t.Fatalf("%s: connect: exit %d: %s", name, code, errs)
	}
	return h
}

func (h *home) name() string { return h.title }

func (h *home) kintojs() bool { return false }

func (h *home) add(title, body string, tags ...string) string {
	h.t.Helper()
	args := []string{"add", title, "-m", body}
	for _, tag := range tags {
		args = append(args, "-t", tag)
	}
	return h.must(args...)
}

func (h *home) edit(id, body string) {
	h.t.Helper()
	h.must("set", id, "-m", body)
}

func (h *home) retag(id string, tags ...string) {
	h.t.Helper()
	have := strings.Fields(h.all()[id].Tags)
	var change []string
	for _, tag := range have {
		if !slices.Contains(tags, tag) {
			change = append(change, "-"+tag)
		}
	}
	for _, tag := range tags {
		if !slices.Contains(have, tag) {
			change = append(change, "+"+tag)
		}
	}
	h.must("set", id, "--tag", strings.Join(change, ","))
}

func (h *home) delete(id string) {
	h.t.Helper()
	h.must("rm", id)
}

func (h *home) sync() {
	h.t.Helper()
	for range 5 {
		_, errs, code := h.run("", "sync")
		if code != 0 && code != 4 {
			h.t.Fatalf("%s: sync: exit %d: %s", h.title, code, errs)
		}
		open := slices.Collect(strings.Lines(h.must("conflicts", "--json")))
		if len(open) == 0 || open[0] == "" {
			return
		}
		for _, line := range open {
			var c struct{ ID string }
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				h.t.Fatalf("%q: %v", line, err)
			}
			h.must("resolve", c.ID, "--take", "both")
		}
	}
	h.t.Fatalf("%s: conflicts without end", h.title)
}

func (h *home) all() map[string]text {
	h.t.Helper()
	var list []listed
	for line := range strings.Lines(h.must("ls", "--json", "-n", "0")) {
		var n listed
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			h.t.Fatalf("%q: %v", line, err)
		}
		list = append(list, n)
	}
	return byID(list)
}

// settled syncs until all show the same notes, and returns them.
func settled(t *testing.T, all []writer) map[string]text {
	t.Helper()
	var odd []string
	for range 4 {
		for _, p := range all {
			p.sync()
		}
		want := all[0].all()
		odd = nil
		for _, p := range all[1:] {
			odd = append(odd, different(all[0].name(), want, p.name(), p.all())...)
		}
		if odd == nil {
			return want
		}
	}
	t.Fatalf("%d notes are not alike:\n%s", len(odd), strings.Join(odd[:min(len(odd), 10)], "\n"))
	return nil
}

func different(a string, want map[string]text, b string, got map[string]text) (odd []string) {
	ids := maps.Clone(want)
	maps.Copy(ids, got)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		x, inA := want[id]
		y, inB := got[id]
		if x != y || inA != inB {
			odd = append(odd, fmt.Sprintf("%s: %s has %q (%v), %s has %q (%v)", id, a, x, inA, b, y, inB))
		}
	}
	return odd
}

// TestPagesAndHomesOnTheSameNotes: two pages with kinto.js and two homes of stet,
// one over each protocol, write the same notes; nothing that was typed is lost,
// and in the end all show the same.
func TestPagesAndHomesOnTheSameNotes(t *testing.T) {
	needed(t)
	t.Parallel()
	s := newServer(t)
	a, b := newPage(t, s, "page a"), newPage(t, s, "page b")
	all := []writer{
		newHome(t, "native home", s.token, s.url()), a,
		newHome(t, "kinto home", s.token, s.kinto(), "--user", "ana"), b,
	}
	for _, p := range []*page{a, b} {
		p.do(nil, "limit", "limit", 25)
	}
	written := manyNotes(t, all)
	for _, p := range []*page{a, b} {
		var lists int
		if p.do(&lists, "requests"); lists < 8 {
			t.Errorf("%s asked for %d pages", p.title, lists)
		}
	}
	everyoneAgainstEveryone(t, all)
	got := takenAway(t, all, written)
	if !t.Failed() {
		fmt.Printf("kinto.js | two pages and two homes | %d notes alike on all four | nothing typed is lost\n", len(got))
	}
}

// manyNotes makes more notes than a page of the list has, and returns their ids.
func manyNotes(t *testing.T, all []writer) []string {
	t.Helper()
	want := map[string]text{}
	for _, w := range all {
		many := 40
		if w.kintojs() {
			many = 120
		}
		for n := range many {
			note := text{fmt.Sprintf("%s %d", w.name(), n), fmt.Sprintf("body %d\n\nwith <markup> & ünïcödé 🎉", n), "all"}
			want[w.add(note.Title, note.Body, note.Tags)] = note
		}
	}
	if odd := different("written", want, "all", settled(t, all)); odd != nil {
		t.Fatal(strings.Join(odd, "\n"))
	}
	if len(want) < 300 {
		t.Errorf("%d notes, want 300", len(want))
	}
	return slices.Sorted(maps.Keys(want))
}

// meeting is two writers who change the same notes: what the first wrote is on
// the server when the second syncs.
type meeting struct {
	first, second                     writer
	line, parts, editDelete, deleteIt string // ids
}

// by is what a writer types at this meeting, and nobody else ever.
func (m *meeting) by(w writer) string {
	return fmt.Sprintf("written by %s as %s met %s.", w.name(), m.first.name(), m.second.name())
}

func everyoneAgainstEveryone(t *testing.T, all []writer) {
	t.Helper()
	var meetings []*meeting
	for _, first := range all {
		for _, second := range all {
			if first == second {
				continue
			}
			what := first.name() + ", then " + second.name()
			meetings = append(meetings, &meeting{first, second,
				first.add("one line: "+what, "the line"),
				second.add("two parts: "+what, "the first\n\nthe middle\n\nthe last"),
				first.add("edit, then delete: "+what, "the text"),
				second.add("delete, then edit: "+what, "the text")})
		}
	}
	settled(t, all)
	for _, m := range meetings {
		m.first.edit(m.line, "the line, "+m.by(m.first))
		m.second.edit(m.line, "the line, "+m.by(m.second))
		m.first.edit(m.parts, "the first, "+m.by(m.first)+"\n\nthe middle\n\nthe last")
		m.second.edit(m.parts, "the first\n\nthe middle\n\nthe last, "+m.by(m.second))
		m.first.edit(m.editDelete, "the text, "+m.by(m.first))
		m.second.delete(m.editDelete)
		m.first.delete(m.deleteIt)
		m.second.edit(m.deleteIt, "the text, "+m.by(m.second))
		m.first.sync()
		m.second.sync()
	}
	got := settled(t, all)
	var everything strings.Builder
	for _, n := range got {
		everything.WriteString(n.Body + "\n")
	}
	for _, m := range meetings {
		stands := func(where, typed string) {
			t.Helper()
			if !strings.Contains(where, typed) {
				t.Errorf("%q is lost: %q", typed, where)
			}
		}
		for _, w := range []writer{m.first, m.second} {
			stands(got[m.line].Body, m.by(w))
			stands(got[m.parts].Body, m.by(w))
		}
		stands(got[m.editDelete].Body, m.by(m.first))
		revived := got[m.deleteIt].Body
		if m.second.kintojs() { // a page keeps what was deleted meanwhile as another note
			revived = everything.String()
		}
		stands(revived, "the text, "+m.by(m.second))
	}
}

// takenAway is what one takes away: it is gone for all.
func takenAway(t *testing.T, all []writer, ids []string) map[string]text {
	t.Helper()
	for i, w := range all {
		w.delete(ids[i])
		w.retag(ids[10+i])
		w.retag(ids[20+i], "other")
		w.edit(ids[30+i], "")
	}
	got := settled(t, all)
	for i, w := range all {
		if n, there := got[ids[i]]; there {
			t.Errorf("%q was deleted by %s", n, w.name())
		}
		if bare, other := got[ids[10+i]].Tags, got[ids[20+i]].Tags; bare != "" || other != "other" {
			t.Errorf("tags %q and %q, %s left none and other", bare, other, w.name())
		}
		if n, there := got[ids[30+i]]; n.Body != "" || !there {
			t.Errorf("%q was emptied by %s", n, w.name())
		}
	}
	return got
}

package merge

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stet/model"
)

// triplet is a base and two descendants of which it is known, because they
// were made so, what each side did. No diff takes part in that.
type triplet struct {
	base          []string
	local, remote []edit
	unique        bool // no line occurs twice
	// Terminators and final newlines of the three texts.
	eol  [3]string
	open [3]bool
}

// lines returns the lines of base, local and remote.
func (c triplet) lines() [3][]string {
	return [3][]string{c.base, apply(c.base, c.local), apply(c.base, c.remote)}
}

// texts returns base, local and remote.
func (c triplet) texts() [3]string {
	var out [3]string
	for i, lines := range c.lines() {
		out[i] = strings.Join(lines, c.eol[i])
		if len(lines) > 0 && !c.open[i] {
			out[i] += c.eol[i]
		}
	}
	return out
}

// perturb draws up to count edits anywhere in n lines, at least one kept line
// between any two.
func perturb(r *rand.Rand, base []string, count int, fresh func() string) []edit {
	var out []edit
	for range count {
		from := r.IntN(len(base) + 1)
		e := edit{from: from, to: min(len(base), from+r.IntN(3))}
		for range r.IntN(3) {
			e.lines = append(e.lines, fresh())
		}
		if e.from == e.to && len(e.lines) == 0 || slices.Equal(base[e.from:e.to], e.lines) ||
			slices.ContainsFunc(out, func(x edit) bool { return touching(x, e) }) {
			continue
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(x, y edit) int { return x.from - y.from })
	return out
}

// agree makes remote do something that local did: the same edit, or with one
// line more.
func agree(r *rand.Rand, local, remote []edit, fresh func() string) []edit {
	e := local[r.IntN(len(local))]
	if r.IntN(4) == 0 {
		e.lines = append(slices.Clone(e.lines), fresh())
	}
	remote = slices.DeleteFunc(slices.Clone(remote), func(y edit) bool { return touching(e, y) })
	remote = append(remote, e)
	slices.SortFunc(remote, func(x, y edit) int { return x.from - y.from })
	return remote
}

func drawTriplet(r *rand.Rand) triplet {
	c := triplet{unique: r.IntN(5) < 3}
	k := 0
	line := func() string {
		k++
		if !c.unique {
			switch r.IntN(6) {
			case 0, 1:
				return ""
			case 2:
				return []string{"- [ ] milk", "- [ ] bread", "---"}[r.IntN(3)]
			}
		}
		return "line " + strconv.Itoa(k)
	}
	n := r.IntN(14)
	if !c.unique {
		n = 6 + r.IntN(24)
	}
	if r.IntN(50) == 0 {
		n *= 12
	}
	c.base = make([]string, n)
	for i := range c.base {
		c.base[i] = line()
	}
	c.local, c.remote = perturb(r, c.base, r.IntN(4), line), perturb(r, c.base, r.IntN(4), line)
	if len(c.local) > 0 && r.IntN(4) == 0 {
		c.remote = agree(r, c.local, c.remote, line)
	}
	c.eol = [3]string{lf, lf, lf}
	if r.IntN(8) == 0 {
		for i := range c.eol {
			c.eol[i] = []string{lf, crlf}[r.IntN(2)]
		}
	}
	for i, lines := range c.lines() { // an open last line that is empty is no line
		c.open[i] = r.IntN(8) == 0 && len(lines) > 0 && lines[len(lines)-1] != ""
	}
	return c
}

// verdict is what became of a triplet's body.
type verdict int

const (
	fine verdict = iota
	needless
	otherwise // clean, to other lines: repeated ones can be read in more than one way
)

// judgeBody compares the merged body with what is known of the edits: (a), (b),
// (c), (d), (f) and (g) of I-17.
func (c triplet) judgeBody(hunks []Hunk) (verdict, error) {
	review, want := expected(c.base, c.local, c.remote)
	clean := isClean(hunks)
	if err := c.keepsInserted(hunks); err != nil {
		return fine, err
	}
	switch {
	case c.unique && review == clean:
		return fine, fmt.Errorf("review is %v, want %v", !clean, review)
	case !clean && !review:
		return needless, nil
	case !clean:
		return fine, nil
	case review:
		return fine, c.keepsCounts(mergedOf(hunks))
	}
	merged := mergedOf(hunks)
	got := linesOf(merged)
	if !slices.Equal(got, want) {
		if c.unique {
			return fine, fmt.Errorf("merged to %q, want %q", got, want)
		}
		return otherwise, c.accounted(got, want)
	}
	return fine, c.judgeEnds(merged, want)
}

// judgeEnds holds what is known of terminators and the final newline: each is
// one value, merged like any other.
func (c triplet) judgeEnds(merged string, want []string) error {
	three := func(b, l, r string) string {
		if l == b {
			return r
		}
		return l
	}
	for _, edits := range [][]edit{c.local, c.remote} {
		if keptLines(c.base, edits) < 2 {
			return nil // only a kept line that ends tells that a side converted the text
		}
	}
	if eol := three(c.eol[0], c.eol[1], c.eol[2]); strings.Count(merged, crlf) != map[string]int{lf: 0, crlf: strings.Count(merged, lf)}[eol] {
		return fmt.Errorf("terminators of %q, want all %q", merged, eol)
	}
	open := three(fmt.Sprint(c.open[0]), fmt.Sprint(c.open[1]), fmt.Sprint(c.open[2])) == "true"
	if n := len(want); n > 0 && want[n-1] != "" && c.lastLinesSay() && strings.HasSuffix(merged, lf) == open {
		return fmt.Errorf("final newline of %q, want open %v", merged, open)
	}
	return nil
}

// lastLinesSay reports that all three texts show how they end, which none with
// an empty last line can.
func (c triplet) lastLinesSay() bool {
	for _, lines := range c.lines() {
		if n := len(lines); n == 0 || lines[n-1] == "" {
			return false
		}
	}
	return true
}

func keptLines(base []string, edits []edit) int {
	n := len(base)
	for _, e := range edits {
		n -= e.to - e.from
	}
	return n
}

func linesOf(s string) []string {
	var out []string
	for s != "" {
		line := ""
		line, s = cutLine(s)
		out = append(out, strip(line))
	}
	return out
}

func counts(lines []string) map[string]int {
	out := map[string]int{}
	for _, line := range lines {
		out[line]++
	}
	return out
}

// accounted: a clean result that is not what was meant still has every line as
// often as what was meant, give or take those that both sides put in, or took
// out, at places that repeated lines make look the same; or as often as the
// counts of the three texts ask for.
func (c triplet) accounted(got, want []string) error {
	x := c.lines()
	base, local, remote, meant, have := counts(x[0]), counts(x[1]), counts(x[2]), counts(want), counts(got)
	put, taken := c.putAndTaken()
	for _, line := range slices.Concat(x[0], x[1], x[2], got) {
		here, there := local[line]-base[line], remote[line]-base[line]
		low, high := base[line]+here+there, base[line]+here+there
		if here >= 0 && there >= 0 {
			low = base[line] + max(here, there)
		}
		if here <= 0 && there <= 0 {
			high = base[line] + min(here, there)
		}
		low = min(low, meant[line]-min(put[0][line], put[1][line]))
		high = max(high, meant[line]+min(taken[0][line], taken[1][line]))
		if n := have[line]; n < low || n > high {
			return fmt.Errorf("merged to %q, want %q: %q is there %d times", got, want, line, n)
		}
	}
	return nil
}

// putAndTaken counts the lines that each side inserted and deleted.
func (c triplet) putAndTaken() (put, taken [2]map[string]int) {
	for i, edits := range [][]edit{c.local, c.remote} {
		put[i], taken[i] = map[string]int{}, map[string]int{}
		for _, e := range edits {
			for _, line := range e.lines {
				put[i][line]++
			}
			for _, line := range c.base[e.from:e.to] {
				taken[i][line]++
			}
		}
	}
	return put, taken
}

// keepsInserted: every line that a side put in stands in the result or in a
// conflict (f).
func (c triplet) keepsInserted(hunks []Hunk) error {
	there := map[string]bool{}
	for _, h := range hunks {
		for _, line := range linesOf(h.Merged) {
			there[line] = true
		}
		if h.Kind == Conflicting {
			for _, line := range append(linesOf(h.Local), linesOf(h.Remote)...) {
				there[line] = true
			}
		}
	}
	for _, e := range slices.Concat(c.local, c.remote) {
		for _, line := range e.lines {
			if !there[line] && !slices.Contains(c.base, line) { // else it may have been read as kept, and deleted by the other side
				return fmt.Errorf("the inserted line %q is gone", line)
			}
		}
	}
	return nil
}

// keepsCounts: where edits met among repeated lines and still merged, no line
// is fewer times in the result than both sides together account for.
func (c triplet) keepsCounts(merged string) error {
	base, have := counts(c.base), counts(linesOf(merged))
	put, taken := c.putAndTaken()
	for _, line := range slices.Concat(c.lines()[0], c.lines()[1], c.lines()[2]) {
		floor := base[line] - taken[0][line] - taken[1][line] + max(put[0][line], put[1][line])
		if have[line] < floor && line != "" { // an open text does not show an empty last line
			return fmt.Errorf("merged to %q: %q is there %d times, want at least %d", merged, line, have[line], floor)
		}
	}
	return nil
}

// TestMergeOracle is I-17 (a) to (g) on texts made by known edits, and the
// policy of every field on notes made by known changes. STET_MERGES sets the
// number of cases.
func TestMergeOracle(t *testing.T) {
	n, asked := 5000, os.Getenv("STET_MERGES")
	if asked != "" {
		var err error
		if n, err = strconv.Atoi(asked); err != nil || n < 1 {
			t.Fatalf("STET_MERGES=%s", asked)
		}
	}
	var reviews, cleans, repeated, needed, moved int
	for i := range n {
		r := rand.New(rand.NewPCG(17, uint64(i)))
		c := drawTriplet(r)
		x := c.texts()
		hunks := Lines(x[0], x[1], x[2])
		fail := func(err error) {
			t.Fatalf("case %d: %v\nbase %q\nlocal %v\nremote %v\n%q", i, err, x[0], c.local, c.remote, hunks)
		}
		v, err := c.judgeBody(hunks)
		if err != nil {
			fail(err)
		}
		checkBody(t, x[0], x[1], x[2])
		if again := Lines(x[0], x[1], x[2]); !slices.Equal(again, hunks) {
			fail(fmt.Errorf("another time it is %q", again))
		}
		if err := judgeNote(r, x, hunks); err != nil {
			fail(err)
		}
		if isClean(hunks) {
			cleans++
		} else {
			reviews++
		}
		if review, _ := expected(c.base, c.local, c.remote); !c.unique && !review {
			repeated++
			if v == needless {
				needed++
			}
			if v == otherwise {
				moved++
			}
		}
	}
	share := 100 * float64(needed) / float64(max(repeated, 1))
	t.Logf("%d bodies: %d need review, %d merge; of %d with repeated lines and edits apart %d need review (%.2f %%), %d merge otherwise",
		n, reviews, cleans, repeated, needed, share, moved)
	if reviews < n/10 || cleans < n/10 || repeated < n/20 {
		t.Fatal("the cases are one-sided")
	}
	if share > 2 {
		t.Errorf("%.2f %% false reviews, want at most 2 %%", share)
	}
	if 500*moved > repeated {
		t.Errorf("%d of %d cases merged otherwise", moved, repeated)
	}
	if asked != "" && !t.Failed() {
		fmt.Printf("proof G2 | merges against an independent oracle | %d cases: 0 violations, false review %.2f %% | 200000, ≤ 2 %%\n", n, share)
	}
}

// change of a note's fields by one side, drawn apart from the body.
func changeFields(r *rand.Rand, base model.Fields, body, who string) model.Fields {
	f := base.Clone()
	f.Body = body
	some := func() bool { return r.IntN(5) == 0 }
	word := func() string { return []string{"a", "b", who}[r.IntN(3)] }
	if some() {
		f.Title = word()
	}
	if some() {
		f.Notebook = word()
	}
	if some() {
		f.Tags = model.NormalTags(append(f.Tags, word()))
	}
	if some() && len(f.Tags) > 0 {
		f.Tags = slices.Delete(f.Tags, 0, 1)
	}
	if some() {
		f.Pinned = !f.Pinned
	}
	if some() {
		f.Archived = !f.Archived
	}
	if some() {
		f.Color = word()
	}
	if some() {
		f.Order = word()
	}
	for range r.IntN(2) {
		f.Log = append(f.Log, model.LogEntry{ID: word() + strconv.Itoa(len(f.Log)), Text: who})
	}
	if some() {
		if f.Extra == nil {
			f.Extra = map[string]json.RawMessage{}
		}
		f.Extra[word()] = json.RawMessage(`"` + word() + `"`)
	}
	if some() {
		f.Extra = nil
	}
	f.Deleted = r.IntN(12) == 0
	return f
}

// judgeNote puts the three bodies into notes and compares the merge of their
// other fields with the policy of each, spelled out here once more.
func judgeNote(r *rand.Rand, x [3]string, hunks []Hunk) error {
	base := model.Fields{Title: "t", Body: x[0], Notebook: "n", Tags: []string{"keep", "old"}, Log: []model.LogEntry{{ID: "0"}},
		Color: "red", CreatedAt: time.UnixMilli(1000), Extra: map[string]json.RawMessage{"k": json.RawMessage(`1`)}}
	local, remote := changeFields(r, base, x[1], "l"), changeFields(r, base, x[2], "r")
	got := Notes(&base, local, remote)
	want, conflicts := policy(base, local, remote)
	if !local.Deleted && !remote.Deleted {
		want.Body = mergedOf(hunks)
		for _, h := range hunks {
			if h.Kind == Conflicting {
				conflicts = append(conflicts, model.FieldBody)
			}
		}
	}
	var fields []string
	for _, c := range got.Conflicts {
		fields = append(fields, c.Field)
	}
	if !slices.Equal(fields, conflicts) || got.Clean() != (len(conflicts) == 0) {
		return fmt.Errorf("fields %v need review, want %v\nlocal %+v\nremote %+v", fields, conflicts, local, remote)
	}
	if got.Merged.Deleted != want.Deleted || !want.Deleted && !model.Equal(got.Merged, want) {
		return fmt.Errorf("merged to %+v\nwant %+v\nlocal %+v\nremote %+v", got.Merged, want, local, remote)
	}
	if !want.Deleted && !got.Merged.CreatedAt.Equal(base.CreatedAt) {
		return fmt.Errorf("created %v", got.Merged.CreatedAt)
	}
	return judgeMergedFields(local, got)
}

// judgeMergedFields: the fields that are told as taken from the other side are
// those in which the result differs from this device's.
func judgeMergedFields(local model.Fields, got Result) error {
	m := got.Merged
	if m.Deleted || local.Deleted {
		if told := slices.Contains(got.MergedFields, model.FieldDeleted); told != (m.Deleted != local.Deleted) {
			return fmt.Errorf("deletion told as merged: %v", told)
		}
		return nil
	}
	for field, differs := range map[string]bool{model.FieldTitle: m.Title != local.Title, model.FieldBody: m.Body != local.Body, model.FieldNotebook: m.Notebook != local.Notebook,
		model.FieldTags: !slices.Equal(m.Tags, local.Tags), model.FieldPinned: m.Pinned != local.Pinned, model.FieldArchived: m.Archived != local.Archived,
		model.FieldColor: m.Color != local.Color, model.FieldOrder: m.Order != local.Order, model.FieldLog: len(m.Log) != len(local.Log)} {
		if slices.Contains(got.MergedFields, field) != differs {
			return fmt.Errorf("%s told as merged: %v, it differs: %v", field, !differs, differs)
		}
	}
	return nil
}

// policy is the merge of all fields but the body.
func policy(b, l, r model.Fields) (want model.Fields, conflicts []string) {
	if l.Deleted || r.Deleted {
		live := l
		if l.Deleted {
			live = r
		}
		says := live.Title != b.Title || live.Body != b.Body || live.Notebook != b.Notebook || !slices.Equal(live.Tags, b.Tags) || len(live.Log) != len(b.Log)
		if l.Deleted != r.Deleted && says {
			return l, []string{model.FieldDeleted}
		}
		return model.Fields{Deleted: true}, nil
	}
	want = l.Clone()
	for _, s := range []struct {
		field   string
		b, l, r string
		to      *string
	}{{model.FieldTitle, b.Title, l.Title, r.Title, &want.Title}, {model.FieldNotebook, b.Notebook, l.Notebook, r.Notebook, &want.Notebook}} {
		switch changedL, changedR := s.l != s.b, s.r != s.b; {
		case changedL && changedR && s.l != s.r:
			conflicts = append(conflicts, s.field)
		case !changedL:
			*s.to = s.r
		}
	}
	want.Tags = nil
	for _, tag := range []string{"a", "b", "keep", "l", "old", "r"} { // sorted
		had, here, there := slices.Contains(b.Tags, tag), slices.Contains(l.Tags, tag), slices.Contains(r.Tags, tag)
		if had && here && there || !had && (here || there) {
			want.Tags = append(want.Tags, tag)
		}
	}
	if l.Pinned == b.Pinned {
		want.Pinned = r.Pinned
	}
	if l.Archived == b.Archived {
		want.Archived = r.Archived
	}
	if l.Color == b.Color {
		want.Color = r.Color
	}
	if l.Order == b.Order {
		want.Order = r.Order
	}
	want.Log = slices.Clone(r.Log)
	for _, e := range l.Log {
		if !slices.ContainsFunc(r.Log, func(x model.LogEntry) bool { return x.ID == e.ID }) {
			want.Log = append(want.Log, e)
		}
	}
	want.Extra = map[string]json.RawMessage{}
	for _, k := range []string{"a", "b", "k", "l", "r"} {
		from := l.Extra
		if string(l.Extra[k]) == string(b.Extra[k]) {
			from = r.Extra
		}
		if v, ok := from[k]; ok {
			want.Extra[k] = v
		}
	}
	if len(want.Extra) == 0 {
		want.Extra = nil
	}
	return want, conflicts
}

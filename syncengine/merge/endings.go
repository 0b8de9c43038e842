package merge

import "strings"

// endings are the values of three bodies that are merged apart from the lines:
// which terminator a side turned the whole text into, and whether the text ends
// with a newline.
type endings struct {
	eol           string // for lines that have none and need one
	local, remote string // terminator to which that side converted the text, "" if it did not
	final         newline
	ofBase        newline
	ofLocal       newline
	ofRemote      newline
}

// newline says how a body ends.
type newline int

const (
	undecided newline = iota
	exact             // as the last chunk's text has it
	present
	absent
)

func newlineOf(s string) newline {
	switch {
	case s == "":
		return exact
	case strings.HasSuffix(s, lf):
		return present
	}
	return absent
}

// endingsOf reads the endings off the hunks of three bodies.
func endingsOf(hunks []Hunk) endings {
	var e endings
	var base, local, remote style
	for _, h := range hunks {
		base.add(h.Base)
		local.add(h.Local)
		remote.add(h.Remote)
	}
	e.ofBase, e.ofLocal, e.ofRemote = base.end, local.end, remote.end
	e.final = finalNewline(base.end, local.end, remote.end)
	if to := local.uniform(); base.other(to) && converted(hunks, func(h Hunk) string { return h.Local }) {
		e.local = to
	}
	if to := remote.uniform(); base.other(to) && converted(hunks, func(h Hunk) string { return h.Remote }) {
		e.remote = to
	}
	if e.local != "" && e.remote != "" && e.local != e.remote {
		e.local, e.remote = "", "" // each line decides for itself
	}
	sum := base
	if base.all == 0 {
		sum = style{all: local.all + remote.all, crlf: local.crlf + remote.crlf}
	}
	switch {
	case e.local != "":
		e.eol = e.local
	case e.remote != "":
		e.eol = e.remote
	case 2*sum.crlf > sum.all:
		e.eol = crlf
	default:
		e.eol = lf
	}
	return e
}

// finalNewline merges three-way; an empty text says nothing.
func finalNewline(base, local, remote newline) newline {
	if base == exact {
		base = absent
	}
	if local == exact {
		local = base
	}
	if remote == exact {
		remote = base
	}
	if local == base {
		return remote
	}
	return local // there are two values: either remote is base or it agrees
}

// style counts a text's terminators.
type style struct {
	all, crlf int
	end       newline
}

func (s *style) add(t string) {
	if s.end == undecided {
		s.end = exact
	}
	if t == "" {
		return
	}
	s.all += strings.Count(t, lf)
	if strings.IndexByte(t, '\r') >= 0 {
		s.crlf += strings.Count(t, crlf)
	}
	s.end = newlineOf(t)
}

// uniform returns the one terminator in use, "" if none or both.
func (s style) uniform() string {
	switch {
	case s.all == 0:
		return ""
	case s.crlf == 0:
		return lf
	case s.crlf == s.all:
		return crlf
	}
	return ""
}

// other reports whether a terminator other than eol is in use.
func (s style) other(eol string) bool {
	return eol == lf && s.crlf > 0 || eol == crlf && s.crlf < s.all
}

// converted reports whether side changed the terminator of a line it kept.
func converted(hunks []Hunk, side func(Hunk) string) bool {
	for _, h := range hunks {
		b, s := h.Base, side(h)
		if b == s || !sameContent(b, s) {
			continue
		}
		was, is := eolOf(b), eolOf(s)
		if was != "" && is != "" && was != is || strip(b) != strip(s) {
			return true
		}
	}
	return false
}

// piece is what a hunk adds to the body. A text that ends without a terminator
// gets eol where another line follows.
type piece struct{ text, eol string }

// pieces returns the text of every hunk and how the body is to end. choose
// gives a conflict's text and its ending, or undecided for the local text.
func (e endings) pieces(hunks []Hunk, choose func(int, Hunk) (string, newline)) ([]piece, newline) {
	out := make([]piece, len(hunks))
	final := e.final
	for i, h := range hunks {
		if h.Kind != Conflicting {
			out[i] = e.clean(h)
			continue
		}
		text, end := choose(i, h)
		if end == undecided {
			text, end = e.ours(h), e.ofLocal
		}
		out[i] = piece{text: text}
		if i == len(hunks)-1 {
			final = end
			if text != "" {
				final = exact
			}
		}
	}
	return out, final
}

// ours and theirs are a side's text with the conversion that the other side
// made.
func (e endings) ours(h Hunk) string   { return withEOL(h.Local, e.remote) }
func (e endings) theirs(h Hunk) string { return withEOL(h.Remote, e.local) }

// before is the base text with the conversion that either side made.
func (e endings) before(h Hunk) string { return withEOL(withEOL(h.Base, e.local), e.remote) }

// clean returns the text of a hunk that needs no choice.
func (e endings) clean(h Hunk) piece {
	switch {
	case h.Local == h.Remote:
		return e.open(h.Local, h.Base)
	case h.Local == h.Base:
		return e.open(e.theirs(h), h.Base)
	case h.Remote == h.Base:
		return e.open(e.ours(h), h.Base)
	}
	// All three differ, at least in terminators.
	local, remote := sameContent(h.Local, h.Base), sameContent(h.Remote, h.Base)
	switch {
	case local && !remote:
		return e.open(restyle(e.theirs(h), h.Base, h.Local), h.Base, h.Local)
	case remote && !local:
		return e.open(restyle(e.ours(h), h.Base, h.Remote), h.Base, h.Remote)
	case countLines(h.Base) == countLines(h.Local):
		return eachLine(h.Base, e.ours(h), e.theirs(h))
	}
	return eachLine("", e.ours(h), e.theirs(h))
}

// open returns the piece of a text whose last line, if it has no terminator,
// would have that of the chunk's other texts, unless a side converted all.
func (e endings) open(s string, others ...string) piece {
	p := piece{text: s}
	if s == "" || eolOf(s) != "" || e.local != "" || e.remote != "" {
		return p
	}
	for _, o := range others {
		if p.eol = eolOf(o); p.eol != "" {
			break
		}
	}
	return p
}

// restyle gives s the terminators to which a side turned the chunk's base.
func restyle(s, base, side string) string {
	to := uniformEOL(side)
	var was style
	was.add(base)
	if !was.other(to) {
		return s
	}
	return withEOL(s, to)
}

// eachLine merges the terminators of the same lines one by one.
func eachLine(base, local, remote string) piece {
	var b strings.Builder
	for local != "" && remote != "" {
		var x, y, z string
		x, base = cutLine(base)
		y, local = cutLine(local)
		z, remote = cutLine(remote)
		content, eol := strip(y), mergeEOL(eolOf(x), eolOf(y), eolOf(z))
		b.WriteString(content)
		if len(content) == len(y) || eolOf(z) == "" { // the last line of a side
			return piece{b.String(), eol}
		}
		b.WriteString(after(content, eol))
	}
	return piece{text: b.String()}
}

// mergeEOL merges one line's terminator; "" is unknown, since how the last line
// ends is no property of the line.
func mergeEOL(base, local, remote string) string {
	if local == "" {
		local = base
	}
	if remote == "" {
		remote = base
	}
	switch {
	case local == base || local == "":
		return remote
	case remote == base || remote == "" || remote == local:
		return local
	}
	return lf // both gave a line of unknown terminator one, each its own
}

// join makes the pieces follow one another: a line that is not the last gets a
// terminator if it lacks one, and the last one ends as final says.
func (e endings) join(pieces []piece, final newline) []string {
	out := make([]string, len(pieces))
	last := -1
	for i, p := range pieces {
		if p.text == "" {
			continue
		}
		if last >= 0 {
			out[last] = e.closed(pieces[last])
		}
		out[i], last = p.text, i
	}
	if last < 0 {
		return out
	}
	switch final {
	case present:
		out[last] = e.closed(pieces[last])
	case absent:
		out[last] = opened(out[last])
	}
	return out
}

// opened returns s without its final newline, unless that would take away a
// line: an empty last line is nothing but its terminator.
func opened(s string) string {
	if rest := strip(s); rest != "" && !strings.HasSuffix(rest, lf) {
		return rest
	}
	return s
}

// closed returns the piece's text ending with a terminator.
func (e endings) closed(p piece) string {
	switch {
	case p.text == "" || strings.HasSuffix(p.text, lf):
		return p.text
	case p.eol != "":
		return p.text + after(p.text, p.eol)
	}
	return p.text + after(p.text, e.eol)
}

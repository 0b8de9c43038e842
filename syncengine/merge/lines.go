package merge

import "slices"

// HunkKind says how a chunk of the body came to its merged text.
type HunkKind string

// The kinds of hunks.
const (
	Same        HunkKind = "same"        // nobody changed it
	TookLocal   HunkKind = "local"       // only this device changed it
	TookRemote  HunkKind = "remote"      // only the other side changed it
	Agreed      HunkKind = "agreed"      // both changed it to the same lines
	Conflicting HunkKind = "conflicting" // both changed it differently: someone must choose
)

// Hunk is a chunk of a body in its three texts, exact with terminators: the
// Base texts of all hunks together are the base, and so for Local and Remote.
type Hunk struct {
	Kind                HunkKind
	Base, Local, Remote string
	// Merged is the chunk's text in the result; together they are the merged
	// body. It may differ from all three in terminators. A conflicting hunk
	// stands at the local text.
	Merged string
}

// Lines merges two bodies that descend from base by line. Bodies beyond the
// size gate merge with one coarse change a side, so perhaps as one conflict.
func Lines(base, local, remote string) []Hunk {
	return render(align(base, local, remote))
}

// render fills in the merged texts, conflicts at the local one.
func render(hunks []Hunk) []Hunk {
	e := endingsOf(hunks)
	pieces, final := e.pieces(hunks, func(int, Hunk) (string, newline) { return "", undecided })
	for i, text := range e.join(pieces, final) {
		hunks[i].Merged = text
	}
	return hunks
}

// align cuts three texts into hunks without their merged texts.
func align(base, local, remote string) []Hunk {
	c := cutter{base: split(base), local: split(local), remote: split(remote)}
	ids := numberBase(c.base)
	c.baseIDs = ids.ids
	c.localIDs = ids.side(c.local)
	if local == remote {
		c.remoteIDs = c.localIDs
	} else {
		c.remoteIDs = ids.side(c.remote)
	}
	total := len(ids.first)
	here := match(c.baseIDs, c.localIDs, total)
	there := match(c.baseIDs, c.remoteIDs, total)
	at, toLocal, toRemote := 0, 0, 0 // toX: a kept line's place there less its place in base
	for _, g := range groups(here, there) {
		c.stable(at, g.b0, toLocal, toRemote)
		l0, r0 := g.b0+toLocal, g.b0+toRemote
		if n := len(g.local); n > 0 {
			toLocal = g.local[n-1].s1 - g.local[n-1].b1
		}
		if n := len(g.remote); n > 0 {
			toRemote = g.remote[n-1].s1 - g.remote[n-1].b1
		}
		c.unstable(span{g.b0, g.b1}, span{l0, g.b1 + toLocal}, span{r0, g.b1 + toRemote})
		at = g.b1
	}
	c.stable(at, c.base.len(), toLocal, toRemote)
	return c.out
}

// group is a span of base lines with all changes of both sides that cannot be
// judged apart.
type group struct {
	b0, b1        int
	local, remote []change
}

// groups joins the changes of both sides that overlap or touch, and those
// whose true places, as far as repeated lines leave them open, could overlap.
func groups(local, remote []change) []group {
	var done []group
	for len(local)+len(remote) > 0 {
		mine := len(remote) == 0 || len(local) > 0 && local[0].b0 <= remote[0].b0
		var c change
		g := group{}
		if mine {
			c, g.local, local = local[0], local[:1:1], local[1:]
		} else {
			c, g.remote, remote = remote[0], remote[:1:1], remote[1:]
		}
		g.b0, g.b1 = c.b0, c.b1
		for n := len(done); n > 0; n = len(done) {
			before := done[n-1]
			others := before.local
			if mine {
				others = before.remote
			}
			if len(others) == 0 {
				break
			}
			end := others[len(others)-1].b1
			if end < c.b0 && end <= c.lo {
				break
			}
			g.b0, g.b1 = before.b0, max(g.b1, before.b1)
			g.local = append(before.local, g.local...)
			g.remote = append(before.remote, g.remote...)
			done = done[:n-1]
		}
		done = append(done, g)
	}
	return done
}

// span is the lines [from,to) of one of the texts.
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

// cutter collects the hunks of three texts whose equal lines have equal ids.
type cutter struct {
	base, local, remote          text
	baseIDs, localIDs, remoteIDs []int32
	out                          []Hunk
}

func (c *cutter) emit(kind HunkKind, b, l, r span) {
	c.out = append(c.out, Hunk{Kind: kind, Base: c.base.span(b.from, b.to),
		Local: c.local.span(l.from, l.to), Remote: c.remote.span(r.from, r.to)})
}

// stable emits base lines [from,to), which both sides kept: one hunk, or more
// where terminators changed.
func (c *cutter) stable(from, to, toLocal, toRemote int) {
	for from < to {
		kind, end := c.ending(from, toLocal, toRemote), from+1
		if whole := c.kindOf(from, to, toLocal, toRemote); whole == Same {
			kind, end = Same, to
		}
		for end < to && c.ending(end, toLocal, toRemote) == kind {
			end++
		}
		c.emit(kind, span{from, end}, span{from + toLocal, end + toLocal}, span{from + toRemote, end + toRemote})
		from = end
	}
}

// ending judges one kept line by its terminators.
func (c *cutter) ending(i, toLocal, toRemote int) HunkKind {
	return c.kindOf(i, i+1, toLocal, toRemote)
}

func (c *cutter) kindOf(from, to, toLocal, toRemote int) HunkKind {
	b := c.base.span(from, to)
	l := c.local.span(from+toLocal, to+toLocal)
	r := c.remote.span(from+toRemote, to+toRemote)
	switch {
	case l == b && r == b:
		return Same
	case r == b:
		return TookLocal
	case l == b:
		return TookRemote
	}
	return Agreed
}

// unstable emits a group.
func (c *cutter) unstable(b, l, r span) {
	base, local, remote := c.baseIDs[b.from:b.to], c.localIDs[l.from:l.to], c.remoteIDs[r.from:r.to]
	switch {
	case slices.Equal(local, base) && slices.Equal(remote, base):
		c.stable(b.from, b.to, l.from-b.from, r.from-b.from)
	case slices.Equal(remote, base):
		c.emit(TookLocal, b, l, r)
	case slices.Equal(local, base):
		c.emit(TookRemote, b, l, r)
	case slices.Equal(local, remote):
		c.emit(Agreed, b, l, r)
	default:
		c.conflict(b, l, r)
	}
}

// conflict emits a conflict, less the lines at its ends that both sides have.
// They are lifted only where it is plain which base lines they stand for, so
// that the base of the rest still is a base; what is left stays a conflict even
// where one side now equals the base.
func (c *cutter) conflict(b, l, r span) {
	if b.len() > 0 && (b.len() != l.len() || b.len() != r.len()) {
		c.emit(Conflicting, b, l, r)
		return
	}
	local, remote := c.localIDs[l.from:l.to], c.remoteIDs[r.from:r.to]
	p := commonPrefix(local, remote)
	s := commonSuffix(local[p:], remote[p:])
	cut := func(from span, head, tail int) (a, mid, z span) {
		if from.len() == 0 {
			return from, from, from
		}
		i, j := from.from+head, from.to-tail
		return span{from.from, i}, span{i, j}, span{j, from.to}
	}
	b0, b1, b2 := cut(b, p, s)
	l0, l1, l2 := cut(l, p, s)
	r0, r1, r2 := cut(r, p, s)
	if p > 0 {
		c.emit(Agreed, b0, l0, r0)
	}
	c.emit(Conflicting, b1, l1, r1)
	if s > 0 {
		c.emit(Agreed, b2, l2, r2)
	}
}

// twoTexts cuts two texts that have no base: only what stands byte for byte at
// the start and the end of both is agreed.
func twoTexts(local, remote string) []Hunk {
	if local == remote {
		if local == "" {
			return nil
		}
		return []Hunk{{Kind: Agreed, Local: local, Remote: remote}}
	}
	l, r := split(local), split(remote)
	n := min(l.len(), r.len())
	p, s := 0, 0
	for p < n && l.span(p, p+1) == r.span(p, p+1) {
		p++
	}
	for s < n-p && l.span(l.len()-s-1, l.len()-s) == r.span(r.len()-s-1, r.len()-s) {
		s++
	}
	var out []Hunk
	if p > 0 {
		out = append(out, Hunk{Kind: Agreed, Local: l.span(0, p), Remote: r.span(0, p)})
	}
	out = append(out, Hunk{Kind: Conflicting, Local: l.span(p, l.len()-s), Remote: r.span(p, r.len()-s)})
	if s > 0 {
		out = append(out, Hunk{Kind: Agreed, Local: l.span(l.len()-s, l.len()), Remote: r.span(r.len()-s, r.len())})
	}
	return out
}

package merge

import "strings"

// The two line terminators. A lone "\r" is text.
const (
	lf   = "\n"
	crlf = "\r\n"
)

// text is a body cut into lines. Line i is s[at[i]:at[i+1]], terminator
// included; only the last line may lack one.
type text struct {
	s  string
	at []int // starts, and the end of s as the last element
}

func split(s string) text {
	n := strings.Count(s, lf)
	at := make([]int, 1, n+2)
	for i := 0; i < len(s); {
		next := strings.IndexByte(s[i:], '\n')
		if next < 0 {
			i = len(s)
		} else {
			i += next + 1
		}
		at = append(at, i)
	}
	return text{s, at}
}

func (t text) len() int { return len(t.at) - 1 }

// span returns the exact text of lines i to j-1.
func (t text) span(i, j int) string { return t.s[t.at[i]:t.at[j]] }

// content returns line i without its terminator.
func (t text) content(i int) string {
	s := t.s[t.at[i]:t.at[i+1]]
	n := len(s)
	if n > 0 && s[n-1] == '\n' {
		n--
		if n > 0 && s[n-1] == '\r' {
			n--
		}
	}
	return s[:n]
}

// eolOf returns the terminator that s ends with, "" if none.
func eolOf(s string) string {
	switch {
	case strings.HasSuffix(s, crlf):
		return crlf
	case strings.HasSuffix(s, lf):
		return lf
	}
	return ""
}

// strip returns s without the terminator at its end.
func strip(s string) string { return s[:len(s)-len(eolOf(s))] }

// sameContent reports whether a and b have the same lines, terminators and
// final newline aside.
func sameContent(a, b string) bool {
	if a == b {
		return true
	}
	for a != "" && b != "" {
		x, y := "", ""
		x, a = cutLine(a)
		y, b = cutLine(b)
		if strip(x) != strip(y) {
			return false
		}
	}
	return a == b
}

// cutLine splits off the first line of s, terminator included.
func cutLine(s string) (line, rest string) {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i+1], s[i+1:]
	}
	return s, ""
}

// countLines returns the number of lines in s; an unterminated rest counts.
func countLines(s string) int {
	n := strings.Count(s, lf)
	if s != "" && !strings.HasSuffix(s, lf) {
		n++
	}
	return n
}

// uniformEOL returns the one terminator that all of s's lines have, "" if it
// has none or both.
func uniformEOL(s string) string {
	all := strings.Count(s, lf)
	switch {
	case all == 0:
		return ""
	case !strings.Contains(s, crlf):
		return lf
	case strings.Count(s, crlf) == all:
		return crlf
	}
	return ""
}

// withEOL returns s with every terminator turned into eol.
func withEOL(s, eol string) string {
	if eol == "" || !strings.Contains(s, lf) || uniformEOL(s) == eol {
		return s
	}
	var b strings.Builder
	for s != "" {
		line := ""
		line, s = cutLine(s)
		body := strip(line)
		b.WriteString(body)
		if len(body) < len(line) {
			b.WriteString(after(body, eol))
		}
	}
	return b.String()
}

// after returns the terminator to write behind line: eol, but never one that
// would swallow a "\r" that is text.
func after(line, eol string) string {
	if eol == lf && strings.HasSuffix(line, "\r") {
		return crlf
	}
	return eol
}

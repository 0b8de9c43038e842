package cells

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Ellipsis marks text that was cut.
const Ellipsis = "…"

// Width returns the cells that s takes when it is drawn in one row by Fit, tabs
// expanded from column 0.
func Width(s string) int {
	w := 0
	for s != "" {
		if c := s[0]; c >= 0x20 && c < 0x7F && (len(s) == 1 || s[1] < 0x80) {
			w++
			s = s[1:]
			continue
		}
		if s[0] == '\t' {
			w += TabWidth(w)
			s = s[1:]
			continue
		}
		_, cw, n := Show(s)
		w += cw
		s = s[n:]
	}
	return w
}

// Fit draws s in exactly w cells under both rulers: cleaned, on one line, tabs expanded,
// cut with … when too long, padded with spaces when too short. Empty when w is not
// positive.
func Fit(s string, w int) string {
	return paint(s, w, true, nil, Pen{}, Pen{})
}

// Cut is Fit without the padding.
func Cut(s string, w int) string {
	return paint(s, w, false, nil, Pen{}, Pen{})
}

// FitStyled brings a row that we styled ourselves to exactly w cells. Text from outside
// must have been cleaned before the styling went in.
func FitStyled(s string, w int) string {
	if w <= 0 {
		return ""
	}
	have := ruler(s)
	if have > w {
		s = ansi.Truncate(s, w, Ellipsis)
		if ansi.StringWidthWc(s) > w {
			s = ansi.TruncateWc(s, w, Ellipsis)
		}
		have = ruler(s)
	}
	if have < w {
		s += Blank(w - have)
	}
	return s
}

const blanks = "                                                                                "

// Blank returns n spaces, none when n is negative.
func Blank(n int) string {
	if n <= 0 {
		return ""
	}
	if n <= len(blanks) {
		return blanks[:n]
	}
	return strings.Repeat(" ", n)
}

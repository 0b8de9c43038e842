package model

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words counts the runs of letters and digits' surroundings in a body: maximal
// runs without white space. Derived, never stored or sent.
func Words(body string) int { return len(strings.FieldsFunc(body, unicode.IsSpace)) }

// Tasks counts Markdown task items: "- [ ]" open, "- [x]" done, with *, + or
// a number as bullet too.
func Tasks(body string) (open, done int) {
	if !strings.Contains(body, "[") {
		return 0, 0
	}
	for line := range strings.Lines(body) {
		mark, ok := taskMark(line)
		switch {
		case !ok:
		case mark == ' ':
			open++
		default:
			done++
		}
	}
	return open, done
}

func taskMark(line string) (mark byte, ok bool) {
	s := strings.TrimLeft(line, " \t>")
	digits := strings.TrimLeft(s, "0123456789")
	switch {
	case digits != s && (strings.HasPrefix(digits, ".") || strings.HasPrefix(digits, ")")):
		s = digits[1:]
	case s != "" && strings.ContainsRune("-*+", rune(s[0])):
		s = s[1:]
	default:
		return 0, false
	}
	box := strings.TrimLeft(s, " \t")
	if box == s || len(box) < 3 || box[0] != '[' || box[2] != ']' {
		return 0, false
	}
	if len(box) > 3 && box[3] != ' ' && box[3] != '\t' && box[3] != '\n' && box[3] != '\r' {
		return 0, false
	}
	mark = box[1]
	return mark, mark == ' ' || mark == 'x' || mark == 'X'
}

// snippetBytes bounds a [Head]'s snippet.
const snippetBytes = 120

// Snippet returns the first line of body that holds text, without Markdown's
// leading marks, cut to about 120 bytes at a rune boundary.
func Snippet(body string) string {
	for line := range strings.Lines(body[:min(len(body), 4096)]) {
		line = strings.TrimLeft(strings.TrimSpace(line), "#> \t")
		for _, bullet := range []string{"- ", "* ", "+ "} {
			line = strings.TrimPrefix(line, bullet)
		}
		if line != "" {
			return cut(line, snippetBytes)
		}
	}
	return ""
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

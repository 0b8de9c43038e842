package wire

import (
	"errors"
	"strconv"
	"strings"
)

// Cursor is a position in an account's changes: the epoch of the data, the rev
// of a change and a rolling hash over all changes up to it. Clients keep its
// text and never look inside. It has the shape of the server store's cursor.
type Cursor struct {
	Epoch string
	Rev   int64
	Tag   string
}

// errCursor is the one reason for a malformed cursor.
var errCursor = errors.New("cursor is malformed")

// maxCursor bounds a cursor's text.
const maxCursor = 256

// IsZero reports whether c is the absence of a cursor.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// String returns the cursor's text, "epoch.rev.tag" with rev in base 36; "" for
// the zero Cursor. It is safe in URLs and headers.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return c.Epoch + "." + strconv.FormatInt(c.Rev, 36) + "." + c.Tag
}

// ParseCursor reads what String wrote; "" is the zero Cursor.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	parts := strings.Split(text, ".")
	if len(text) > maxCursor || len(parts) != 3 || !word(parts[0]) || !word(parts[1]) || !word(parts[2]) {
		return Cursor{}, errCursor
	}
	rev, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil || rev < 0 || rev > maxInteger || strconv.FormatInt(rev, 36) != parts[1] {
		return Cursor{}, errCursor
	}
	return Cursor{Epoch: parts[0], Rev: rev, Tag: parts[2]}, nil
}

// word reports whether s is 1 to 32 lower-case letters and digits.
func word(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// ETag returns the entity tag of a note at rev.
func ETag(rev int64) string { return `"rev-` + strconv.FormatInt(rev, 10) + `"` }

// ParseETag reads a strong entity tag of [ETag]; false for any other, weak ones
// included: they never match.
func ParseETag(tag string) (rev int64, ok bool) {
	digits, found := strings.CutPrefix(strings.TrimSpace(tag), `"rev-`)
	digits, end := strings.CutSuffix(digits, `"`)
	if !found || !end {
		return 0, false
	}
	rev, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || rev <= 0 || strconv.FormatInt(rev, 10) != digits {
		return 0, false
	}
	return rev, true
}

// CursorETag returns the entity tag of an answer of [PathChanges]. What it
// holds is the cursor up to which the answer goes.
func CursorETag(c Cursor) string { return `"` + c.String() + `"` }

// ParseKey reads an Idempotency-Key header, bare or as a quoted structured
// string: both are the same key. It reports false for a key that is empty, too
// long or not visible ASCII.
func ParseKey(header string) (string, bool) {
	key := strings.TrimSpace(header)
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	return key, ValidKey(key)
}

// ValidKey reports whether key may be an op's id: 1 to 255 visible ASCII
// characters other than the double quote and the backslash.
func ValidKey(key string) bool {
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return key != "" && len(key) <= 255
}

// ValidNoteID reports whether id may name a note: a letter or digit, then
// letters, digits, hyphens and underscores, at most 64 in all.
func ValidNoteID(id string) bool {
	for i := range len(id) {
		c := id[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '-' && c != '_') {
			return false
		}
	}
	return id != "" && len(id) <= 64
}

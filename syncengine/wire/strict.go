package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds nesting: a note is flat, so depth is always an attack.
const maxDepth = 32

// CheckJSON reports whether data is one well-formed I-JSON text: valid UTF-8
// without lone surrogates, no member name twice in an object, at most 32
// levels. The error says what is wrong and quotes nothing of the text.
func CheckJSON(data []byte) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("text is not valid UTF-8")
	}
	if depth(data) > maxDepth {
		return fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	if !json.Valid(data) {
		return fmt.Errorf("not one JSON value")
	}
	s := scanner{data: data}
	return s.value(nil)
}

// depth counts brackets outside strings, before the parser recurses.
func depth(data []byte) int {
	deepest, now, in := 0, 0, false
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case in && c == '\\':
			i++
		case c == '"':
			in = !in
		case in:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// member is one member of an object: its decoded name and its value as written.
type member struct {
	name  string
	value json.RawMessage
}

// members returns the members of an object that CheckJSON accepts, in order.
// It exists because encoding/json matches names whatever their case.
func members(data []byte) ([]member, error) {
	if err := CheckJSON(data); err != nil {
		return nil, err
	}
	return split(data)
}

// split is members for a text that was checked before.
func split(data []byte) ([]member, error) {
	s := scanner{data: data}
	s.space()
	if s.data[s.at] != '{' {
		return nil, fmt.Errorf("want an object")
	}
	out := make([]member, 0, 8)
	err := s.object(func(name string, value []byte) { out = append(out, member{name, value}) })
	return out, err
}

// scanner walks a text that is known to be valid JSON.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// value walks one value; visit, if not nil, is told an object's own members.
func (s *scanner) value(visit func(string, []byte)) error {
	s.space()
	switch s.data[s.at] {
	case '{':
		return s.object(visit)
	case '[':
		return s.array()
	case '"':
		_, err := s.text()
		return err
	}
	for s.at < len(s.data) && bytes.IndexByte(scalarEnds, s.data[s.at]) < 0 {
		s.at++
	}
	return nil
}

// scalarEnds are the bytes that end a number or a word.
var scalarEnds = []byte(",]} \t\r\n")

func (s *scanner) array() error {
	for s.at++; ; s.at++ {
		s.space()
		if s.data[s.at] == ']' {
			s.at++
			return nil
		}
		if err := s.value(nil); err != nil {
			return err
		}
		s.space()
		if s.data[s.at] == ']' {
			s.at++
			return nil
		}
	}
}

func (s *scanner) object(visit func(string, []byte)) error {
	var seen names
	for s.at++; ; s.at++ {
		s.space()
		if s.data[s.at] == '}' {
			s.at++
			return nil
		}
		raw, err := s.text()
		if err != nil {
			return err
		}
		name, err := name(raw)
		if err != nil {
			return err
		}
		if !seen.add(name) {
			return fmt.Errorf("a member occurs twice in one object")
		}
		s.space()
		s.at++ // the colon
		s.space()
		from := s.at
		if err := s.value(nil); err != nil {
			return err
		}
		if visit != nil {
			visit(name, s.data[from:s.at])
		}
		s.space()
		if s.data[s.at] == '}' {
			s.at++
			return nil
		}
	}
}

// text walks a string and returns it as written, quotes included.
func (s *scanner) text() ([]byte, error) {
	from := s.at
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] != '\\' {
			continue
		}
		s.at++
		if s.data[s.at] == 'u' && !s.pair() {
			return nil, fmt.Errorf("a string holds half a surrogate pair")
		}
	}
	s.at++
	return s.data[from:s.at], nil
}

// pair walks a \u escape, with its second half if it is a surrogate, to its
// last digit. encoding/json would quietly replace half a pair.
func (s *scanner) pair() bool {
	r := s.hex(s.at + 1)
	s.at += 4
	if r < 0xd800 || r > 0xdfff {
		return true
	}
	if r > 0xdbff || s.data[s.at+1] != '\\' || s.data[s.at+2] != 'u' {
		return false
	}
	low := s.hex(s.at + 3)
	s.at += 6
	return low >= 0xdc00 && low <= 0xdfff
}

func (s *scanner) hex(at int) rune {
	n, _ := strconv.ParseUint(string(s.data[at:at+4]), 16, 32)
	return rune(n)
}

// name decodes a member's name.
func name(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var out string
	err := json.Unmarshal(raw, &out)
	return out, err
}

// names is the set of member names of one object; most objects are small.
type names struct {
	few  [16]string
	n    int
	many map[string]bool
}

// add reports whether name is new to the set.
func (s *names) add(name string) bool {
	if s.many != nil {
		if s.many[name] {
			return false
		}
		s.many[name] = true
		return true
	}
	for _, have := range s.few[:s.n] {
		if have == name {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	s.many = map[string]bool{name: true}
	for _, have := range s.few {
		s.many[have] = true
	}
	return true
}

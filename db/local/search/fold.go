package search

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold returns s in lower case without accents: the form in which texts are
// compared.
func fold(s string) string {
	if lower, ok := foldASCII(s); ok {
		return lower
	}
	var out strings.Builder
	out.Grow(len(s))
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			out.WriteByte(byte(unicode.ToLower(r)))
		case unicode.Is(unicode.Mn, r):
		default:
			r = unicode.ToLower(r)
			if plain, ok := plainLetters[r]; ok {
				out.WriteString(plain)
				continue
			}
			out.WriteRune(r)
		}
	}
	return out.String()
}

func foldASCII(s string) (string, bool) {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(s), true
}

// accented lists, for each plain letter, the lower-case letters that are it
// with an accent (Latin, and the Greek and Cyrillic ones in daily use).
var accented = map[string]string{
	"a": "àáâãäåāăąǎǻạảấầẩẫậắằẳẵặ", "c": "çćĉċč", "d": "ďđ", "e": "èéêëēĕėęěẹẻẽếềểễệ", "g": "ĝğġģǧ", "h": "ĥħ", "i": "ìíîïĩīĭįıǐỉị",
	"j": "ĵ", "k": "ķǩ", "l": "ĺļľŀł", "n": "ñńņňŉ", "o": "òóôõöøōŏőơǒọỏốồổỗộớờởỡợ", "r": "ŕŗř", "s": "śŝşšș", "t": "ţťŧț",
	"u": "ùúûüũūŭůűųưǔụủứừửữự", "w": "ŵẁẃẅ", "y": "ýÿŷỳỵỷỹ", "z": "źżž", "ss": "ß", "ae": "æ", "oe": "œ",
	"α": "ά", "ε": "έ", "η": "ή", "ι": "ίϊΐ", "ο": "ό", "υ": "ύϋΰ", "ω": "ώ", "σ": "ς", "е": "ё", "и": "й",
}

var plainLetters = func() map[rune]string {
	m := make(map[rune]string, 160)
	for plain, letters := range accented {
		for _, r := range letters {
			m[r] = plain
		}
	}
	return m
}()

// words returns the words of a folded text: runs of letters and digits, and
// single signs of scripts that are written without spaces.
func words(folded string) []string {
	var out []string
	start := -1
	for i, r := range folded {
		single := r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
		if !single && (unicode.IsLetter(r) || unicode.IsNumber(r)) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			out, start = append(out, folded[start:i]), -1
		}
		if single {
			out = append(out, folded[i:i+utf8.RuneLen(r)])
		}
	}
	if start >= 0 {
		out = append(out, folded[start:])
	}
	return out
}

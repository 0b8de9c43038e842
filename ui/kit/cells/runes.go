package cells

import "unicode"

// hidden reports whether r draws nothing, moves the cursor or reorders text, and so
// must be shown by its number: controls of the bidirectional algorithm, format
// characters, fillers, variation selectors, tags, separators and non-characters.
// Contexts in which some of them are wanted are judged by allowed.
func hidden(r rune) bool {
	switch {
	case r < 0x300:
		return r == 0xAD || r >= 0x7F && r < 0xA0 || r < 0x20
	case r == 0x034F, r == 0x061C, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5:
		return true
	case r >= 0x180B && r <= 0x180F:
		return true
	case r >= 0x200B && r <= 0x200F, r >= 0x2028 && r <= 0x202E, r >= 0x2060 && r <= 0x206F:
		return true
	case r == 0x3164, r == 0xFEFF, r == 0xFFA0:
		return true
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0xFFF0 && r <= 0xFFFB, r >= 0xFDD0 && r <= 0xFDEF:
		return true
	case r >= 0xE0000 && r <= 0xE0FFF, r >= 0x1BCA0 && r <= 0x1BCA3, r >= 0x1D173 && r <= 0x1D17A:
		return true
	case r&0xFFFE == 0xFFFE:
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// pictograph reports whether r may carry an emoji selector or take part in a joined
// emoji. It is wider than the Unicode property on purpose: a selector after a symbol
// hides nothing.
func pictograph(r rune) bool {
	switch {
	case r == 0xA9, r == 0xAE, r == 0x3030, r == 0x303D, r == 0x3297, r == 0x3299:
		return true
	case r >= 0x203C && r <= 0x2049, r >= 0x2100 && r <= 0x2BFF:
		return true
	}
	return r >= 0x1F000 && r <= 0x1FAFF && !skinTone(r) && !regional(r)
}

func skinTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

func regional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// joining lists scripts whose spelling needs the zero-width joiner or non-joiner
// between letters (Persian, and the Indic scripts after a virama).
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Devanagari, unicode.Bengali,
	unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
	unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar,
}

// allowed reports whether the hidden rune r may stand between prev and next: where the
// writing system or an emoji sequence needs it. A second one in a row never may, so
// nothing can be smuggled in a run of them.
func allowed(prev, r, next rune) bool {
	switch {
	case r == 0xFE0F || r == 0xFE0E:
		return pictograph(prev) || prev == '#' || prev == '*' || prev >= '0' && prev <= '9'
	case r == 0x200D:
		if pictograph(next) && (pictograph(prev) || skinTone(prev) || prev == 0xFE0F) {
			return true
		}
		return unicode.In(prev, joining...)
	case r == 0x200C:
		return unicode.In(prev, joining...)
	case r >= 0xE0100 && r <= 0xE01EF:
		return unicode.Is(unicode.Han, prev)
	case r >= 0x180B && r <= 0x180D:
		return unicode.Is(unicode.Mongolian, prev) && unicode.IsLetter(prev)
	}
	return false
}

// plain gives the width of the commonest characters, on which both rulers agree and
// which join with nothing before them; 0 for all others.
func plain(r rune) int {
	switch {
	case r < 0x7F:
		if r >= 0x20 {
			return 1
		}
	case r < 0x300:
		if r >= 0xA0 && r != 0xAD {
			return 1
		}
	case r >= 0x370 && r <= 0x3FF, r >= 0x400 && r <= 0x482, r >= 0x48A && r <= 0x52F:
		return 1
	case r >= 0x2010 && r <= 0x2027, r >= 0x2500 && r <= 0x259F:
		return 1
	case r >= 0x3041 && r <= 0x3096, r >= 0x30A1 && r <= 0x30FA, r >= 0x4E00 && r <= 0x9FFF, r >= 0xAC00 && r <= 0xD7A3:
		return 2
	}
	return 0
}

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"stet/model"
)

// mark is the title of the note that is drawn first, one word so that it
// reaches the terminal in one piece.
const mark = "Quixotrystart"

// bigMark is the title of the note of 1 MB.
const bigMark = "Quixotrybig"

// corpus makes notes as people keep them: a median body of 600 bytes with a
// long tail, words as frequent as in a language, some tags and notebooks.
type corpus struct {
	rng   *rand.Rand
	words []string
	zipf  *rand.Zipf
}

// newCorpus returns the corpus of a seed; equal seeds give equal notes.
func newCorpus(seed uint64) *corpus {
	c := &corpus{rng: rand.New(rand.NewPCG(seed, 1))}
	c.words = allWords()
	c.zipf = rand.NewZipf(c.rng, 1.07, 4, uint64(len(c.words)-1))
	return c
}

var allWords = sync.OnceValue(func() []string { return vocabulary(20_000) })

// vocabulary makes words that can be spoken, the same for all seeds, shorter
// ones first.
func vocabulary(n int) []string {
	rng := rand.New(rand.NewPCG(7, 7))
	onsets := strings.Fields("b c d f g h k l m n p r s t v w br cl dr fl gr pl pr sh st th tr")
	vowels := strings.Fields("a e i o u ai ea ou")
	ends := strings.Fields("n r s t l m d nd st rk")
	seen, out := map[string]bool{}, make([]string, 0, n)
	for len(out) < n {
		var w strings.Builder
		for range 1 + len(out)*3/n + rng.IntN(2) {
			w.WriteString(onsets[rng.IntN(len(onsets))] + vowels[rng.IntN(len(vowels))])
		}
		if rng.IntN(2) == 0 {
			w.WriteString(ends[rng.IntN(len(ends))])
		}
		if word := w.String(); !seen[word] && len(word) > 2 {
			seen[word] = true
			out = append(out, word)
		}
	}
	return out
}

func (c *corpus) word() string { return c.words[c.zipf.Uint64()] }

// typed are words that people would search for, from frequent to rare.
func (c *corpus) typed() []string {
	return []string{c.words[3], c.words[40], c.words[400], c.words[2500], c.words[9000], c.words[30] + " " + c.words[700]}
}

// sentence makes n words.
func (c *corpus) sentence(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = c.word()
	}
	words[0] = strings.ToUpper(words[0][:1]) + words[0][1:]
	return strings.Join(words, " ")
}

// body makes a text of about size bytes.
func (c *corpus) body(size int) string {
	var b strings.Builder
	for b.Len() < size {
		switch c.rng.IntN(8) {
		case 0:
			b.WriteString("## " + c.sentence(3) + "\n\n")
		case 1, 2:
			for range 2 + c.rng.IntN(4) {
				b.WriteString("- " + c.sentence(2+c.rng.IntN(6)) + "\n")
			}
			b.WriteByte('\n')
		case 3:
			b.WriteString("- [ ] " + c.sentence(4) + "\n- [x] " + c.sentence(3) + "\n")
		default:
			for range 1 + c.rng.IntN(4) {
				b.WriteString(c.sentence(6+c.rng.IntN(10)) + ". ")
			}
			b.WriteString("\n\n")
		}
	}
	return strings.TrimSpace(b.String()[:size]) + "\n"
}

// size draws a body's length: log-normal around 600 bytes.
func (c *corpus) size() int {
	return min(max(int(600*math.Exp(0.8*c.rng.NormFloat64())), 20), 40_000)
}

// fields makes one note.
func (c *corpus) fields() model.Fields {
	f := model.Fields{Title: c.sentence(2 + c.rng.IntN(4)), Body: c.body(c.size())}
	for range c.rng.IntN(4) {
		f.Tags = append(f.Tags, c.words[100+c.rng.IntN(40)])
	}
	if c.rng.IntN(3) > 0 {
		f.Notebook = fmt.Sprintf("%s/%s", c.words[200+c.rng.IntN(6)], c.words[300+c.rng.IntN(5)])
	}
	return f
}

// firstDay is when the oldest note was written.
var firstDay = time.Date(2025, 1, 1, 8, 0, 0, 0, time.UTC)

// uuidAt makes a UUIDv7 of a time and of the corpus's randomness.
func (c *corpus) uuidAt(at time.Time) string {
	ms, a, b := uint64(at.UnixMilli()), c.rng.Uint64(), c.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", ms>>16, ms&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// text is one note of the corpus.
type text struct {
	id     string
	at     time.Time
	fields model.Fields
}

// texts makes n notes, oldest first; the last is the marked one, pinned.
func (c *corpus) texts(n int) []text {
	out := make([]text, n)
	for i := range out {
		at := firstDay.Add(time.Duration(i) * 5 * time.Minute)
		out[i] = text{c.uuidAt(at), at, c.fields()}
	}
	out[n-1].fields.Title, out[n-1].fields.Pinned = mark, true
	return out
}

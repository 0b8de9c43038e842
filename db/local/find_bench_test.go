package local

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

// language is a vocabulary whose words are as frequent as those of a human
// language: the n-th occurs about 1/n times as often as the first.
type language struct {
	r     *rand.Rand
	zipf  *rand.Zipf
	words []string
}

func newLanguage(seed int64, n int) *language {
	r := rand.New(rand.NewSource(seed))
	l := &language{r: r, zipf: rand.NewZipf(r, 1.07, 3, uint64(n-1))}
	parts := strings.Fields("ba be com con de di en er ex fi ga in ing ion ka le lo ma me mi mo na ne no or pa per pla pre pro ra re ri ro sa se si so sta ta te ti to tra tu un us ve vi wa")
	seen := map[string]bool{}
	for len(l.words) < n {
		var b strings.Builder
		for range 1 + min(5, r.Intn(2+len(l.words)*3/n)+r.Intn(3)) {
			b.WriteString(parts[r.Intn(len(parts))])
		}
		if r.Intn(4) == 0 {
			b.WriteString([]string{"s", "ed", "ly", "er"}[r.Intn(4)])
		}
		if w := b.String(); !seen[w] {
			seen[w] = true
			l.words = append(l.words, w)
		} else if r.Intn(3) == 0 {
			w += string(rune('a' + r.Intn(26)))
			if !seen[w] {
				seen[w] = true
				l.words = append(l.words, w)
			}
		}
	}
	return l
}

func (l *language) text(bytes int) string {
	var b strings.Builder
	for b.Len() < bytes {
		b.WriteString(l.words[l.zipf.Uint64()])
		b.WriteByte(" \n"[min(1, 10/(1+l.r.Intn(100)))])
	}
	return b.String()
}

// keys are the lines that stand in the search line while 20 words and 10 pairs
// of words are typed.
func (l *language) keys() (lines []string) {
	for i := range 30 {
		line := l.words[5+i*i*i/2%20000]
		if i%3 == 2 {
			line = l.words[3+i*7] + " " + l.words[40+i*31]
		}
		for n := range len(line) {
			if line[n] != ' ' {
				lines = append(lines, line[:n+1])
			}
		}
	}
	return lines
}

// BenchmarkTypedSearch types words into the search line, 100,000 notes of prose
// behind it, and asks the same of FTS5 without anything around it in turns.
func BenchmarkTypedSearch(b *testing.B) {
	ctx := context.Background()
	s, l := proseStore(b, 100_000)
	raw, err := sql.Open("sqlite3", "file:"+filepath.Join(filepath.Dir(s.o.Path), "search.db")+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	find := func(line string, limit int) {
		q, err := model.ParseQuery(line, time.UTC)
		if err == nil {
			_, err = s.Find(ctx, q, limit)
		}
		if err != nil {
			b.Fatal(line, err)
		}
	}
	var early []time.Duration // the index is being made
	for _, line := range l.keys() {
		early = append(early, timed(func() { find(line, 50) }))
	}
	slices.Sort(early)
	b.Logf("keys while the index is made: median %v, p99 %v", early[len(early)/2], early[len(early)*99/100])
	complete(b, s, "index", l.words[9])
	b.Logf("key for a text inside of words, the first time: %v", timed(func() { find("aexripl", 50) }))
	complete(b, s, "table of words", "aexripl")
	b.Logf("key for a text inside of words, then: %v", timed(func() { find("aexrip", 50) }))
	for _, limit := range []int{50, 301} {
		b.Run(fmt.Sprint("limit=", limit), func(b *testing.B) {
			var ours, floor []time.Duration
			slowest, cpu := "", time.Duration(0)
			for range b.N {
				for _, line := range l.keys() {
					c := cpuSpent()
					d := timed(func() { find(line, limit) })
					cpu += cpuSpent() - c
					if len(ours) == 0 || d > slices.Max(ours) {
						slowest = line
					}
					ours = append(ours, d)
					floor = append(floor, timed(func() { rawFind(b, raw, line, limit) }))
					if os.Getenv("KEYS") != "" {
						fmt.Printf("%-30q %8.2f %8.2f\n", line, ours[len(ours)-1].Seconds()*1e3, floor[len(floor)-1].Seconds()*1e3)
					}
				}
			}
			report(b, "ours", ours)
			report(b, "raw", floor)
			b.ReportMetric(float64(cpu.Microseconds())/1000/float64(len(ours)), "cpu-ms/key")
			b.Logf("slowest at %q", slowest)
		})
	}
}

func cpuSpent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func rawFind(b *testing.B, raw *sql.DB, line string, limit int) {
	terms := strings.Fields(line)
	for i, t := range terms {
		terms[i] = `"` + t + `"`
	}
	rows, err := raw.Query("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?", strings.Join(terms, " AND ")+" *", limit)
	if err != nil {
		b.Skip(err) // no full-text index in this build
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			b.Fatal(err)
		}
	}
}

func report(b *testing.B, name string, d []time.Duration) {
	slices.Sort(d)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(d[len(d)*p/100].Microseconds())/1000, fmt.Sprintf("%s-p%d-ms", name, p))
	}
}

func proseStore(b *testing.B, n int) (*Store, *language) {
	l := newLanguage(1, 60_000)
	path := filepath.Join(b.TempDir(), "stet.db")
	if p := os.Getenv("PROSE"); p != "" {
		path = p
	}
	s, err := Open(context.Background(), Options{Path: path, Now: testNow})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if c, _ := s.Counts(context.Background()); c.Notes == 0 {
		for i := 0; i < n; {
			write(b, s, func(t store.Tx) error {
				for end := min(n, i+2000); i < end; i++ {
					x := note(noteID(i), strings.TrimSpace(l.text(25)), l.text(150+int(l.r.ExpFloat64()*650)))
					x.UpdatedAt = t0.Add(time.Duration(i) * time.Minute)
					x.Archived, x.Status, x.Rev = i%20 == 1, model.Synced, int64(i+1)
					if _, err := t.PutNote(x); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	return s, l
}

// complete makes up for what the index lacks for a word.
func complete(b *testing.B, s *Store, what, word string) {
	cpu := cpuSpent()
	d := timed(func() {
		if _, err := s.FindComplete(context.Background(), model.Query{Text: []model.Term{{Text: word}}}, 1); err != nil {
			b.Fatal(err)
		}
	})
	b.Logf("%s made up in %v, %v of CPU", what, d, cpuSpent()-cpu)
}

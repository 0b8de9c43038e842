package uitest

import (
	"testing"

	"stet/ui/screen"
)

// BenchmarkKeyToFrame is one step down in a list of 100,000 notes: the key, the
// questions it leads to, and the frame.
func BenchmarkKeyToFrame(b *testing.B) {
	clock := NewClock()
	d := New(b, many(clock, 100_000), nil, clock, 120, 40)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%5000 == 4999 {
			d.Press("g")
		}
		d.Press("j")
		d.App.View()
	}
}

// BenchmarkView draws a frame in which only the preview was scrolled.
func BenchmarkView(b *testing.B) {
	clock := NewClock()
	d := New(b, many(clock, 1000), nil, clock, 120, 40)
	b.ReportAllocs()
	for b.Loop() {
		d.Send(screen.Press("J"))
		d.App.View()
	}
}

// BenchmarkStart is the first frame of a list of 100,000 notes.
func BenchmarkStart(b *testing.B) {
	clock := NewClock()
	n := many(clock, 100_000)
	New(b, n, nil, clock, 120, 40).App.View()
	for b.Loop() {
		New(b, n, nil, clock, 120, 40).App.View()
	}
}

// BenchmarkBell is a bell that tells of changed notes, in a list of 100,000.
func BenchmarkBell(b *testing.B) {
	clock := NewClock()
	d := New(b, many(clock, 100_000), nil, clock, 120, 40)
	for b.Loop() {
		d.Ring(screen.Ring{Notes: true})
		d.ticks = nil
		d.App.View()
	}
}

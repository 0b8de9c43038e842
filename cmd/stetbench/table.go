package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// quantity is a number with its unit.
type quantity struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

func (q quantity) String() string {
	text := strconv.FormatFloat(q.Value, 'f', digits(q.Value), 64)
	return strings.TrimSpace(text + " " + q.Unit)
}

// digits shows about three figures and no more than a measurement carries.
func digits(v float64) int {
	switch v = math.Abs(v); {
	case v == math.Trunc(v) || v >= 100:
		return 0
	case v >= 10:
		return 1
	case v >= 1:
		return 2
	}
	return 3
}

// figure is one row of the table.
type figure struct {
	Group string
	What  string
	Got   quantity
	// Floor is what it is compared with, nil if nothing; FloorIs says what that is.
	Floor   *quantity
	FloorIs string
	Bars    []bar
	Note    string
}

// bar is what a figure must keep to: a multiple of its floor, or a number in
// the figure's unit.
type bar struct {
	Times   float64 // of the floor, 0 if the bar is absolute
	Is      float64
	AtLeast bool
}

func atMost(v float64) bar     { return bar{Is: v} }
func atLeast(v float64) bar    { return bar{Is: v, AtLeast: true} }
func timesFloor(n float64) bar { return bar{Times: n} }

// holds reports whether the bar is kept; known is false where the floor is
// missing.
func (r bar) holds(f figure) (holds, known bool) {
	limit := r.Is
	if r.Times != 0 {
		if f.Floor == nil || f.Floor.Value == 0 {
			return false, false
		}
		limit = r.Times * f.Floor.Value
	}
	if r.AtLeast {
		return f.Got.Value >= limit, true
	}
	return f.Got.Value <= limit, true
}

func (r bar) text(unit string) string {
	sign := "≤ "
	if r.AtLeast {
		sign = "≥ "
	}
	if r.Times != 0 {
		return sign + strconv.FormatFloat(r.Times, 'f', -1, 64) + " × floor"
	}
	return sign + quantity{r.Is, unit}.String()
}

// ratio is the figure over its floor, "" without one.
func (f figure) ratio() string {
	if f.Floor == nil || f.Floor.Value == 0 || f.Floor.Unit != f.Got.Unit {
		return ""
	}
	r := f.Got.Value / f.Floor.Value
	return strconv.FormatFloat(r, 'f', max(digits(r), 1), 64) + " ×"
}

// The verdicts.
const (
	verdictHolds = "holds"
	verdictNot   = "does not hold"
	verdictNone  = "" // there is no bar, or its floor could not be measured
)

func (f figure) verdict() string {
	out := verdictNone
	for _, r := range f.Bars {
		holds, known := r.holds(f)
		switch {
		case known && !holds:
			return verdictNot
		case known:
			out = verdictHolds
		}
	}
	return out
}

func (f figure) bars() string {
	var out []string
	for _, r := range f.Bars {
		out = append(out, r.text(f.Got.Unit))
	}
	return strings.Join(out, ", ")
}

func (f figure) floor() string {
	if f.Floor == nil {
		return ""
	}
	return f.Floor.String() + " " + f.FloorIs
}

// printFigures writes the table, or one object a line.
func printFigures(w io.Writer, figures []figure, asJSON bool) error {
	if asJSON {
		return printObjects(w, figures)
	}
	rows := [][]string{{"figure", "measured", "floor", "ratio", "bar", ""}}
	for _, f := range figures {
		what := f.What
		if f.Note != "" {
			what += " (" + f.Note + ")"
		}
		rows = append(rows, []string{what, f.Got.String(), f.floor(), f.ratio(), f.bars(), f.verdict()})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-len([]rune(cell))+2))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

func printObjects(w io.Writer, figures []figure) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, f := range figures {
		if err := enc.Encode(struct {
			Group   string    `json:"group"`
			What    string    `json:"figure"`
			Got     quantity  `json:"measured"`
			Floor   *quantity `json:"floor"`
			FloorIs string    `json:"floor_is,omitempty"`
			Ratio   string    `json:"ratio,omitempty"`
			Bars    string    `json:"bar,omitempty"`
			Verdict string    `json:"verdict,omitempty"`
			Note    string    `json:"note,omitempty"`
		}{f.Group, f.What, f.Got, f.Floor, f.FloorIs, f.ratio(), f.bars(), f.verdict(), f.Note}); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// times are measured durations.
type times []time.Duration

// at returns the p-th percentile, 0 < p <= 100, by nearest rank: a duration
// that was measured, never one between two. No durations give 0.
func (t times) at(p float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	s := slices.Clone(t)
	slices.Sort(s)
	rank := int(math.Ceil(p / 100 * float64(len(s))))
	return s[min(max(rank, 1), len(s))-1]
}

// ms is a percentile in milliseconds.
func (t times) ms(p float64) quantity { return quantity{millis(t.at(p)), "ms"} }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ref makes a floor of a quantity.
func ref(q quantity) *quantity { return &q }

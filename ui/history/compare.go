package history

import (
	"strings"

	"stet/model"
	"stet/syncengine/merge"
	"stet/ui/kit/cells"
	"stet/ui/kit/sidediff"
)

// around is how many unchanged lines stay around a change.
const around = 3

// compare returns what changed from one text to another, title, notebook and
// tags first. Both nil means that nothing did.
func compare(old, now model.Fields) []sidediff.Row {
	var rows []sidediff.Row
	for _, f := range [][3]string{
		{"title", old.Title, now.Title},
		{"notebook", old.Notebook, now.Notebook},
		{"tags", strings.Join(old.Tags, " "), strings.Join(now.Tags, " ")},
	} {
		row := pair(f[0]+": "+f[1], f[0]+": "+f[2])
		switch {
		case f[1] == f[2]:
			continue
		case f[1] == "":
			row = changed(nil, []string{f[0] + ": " + f[2]})[0]
		case f[2] == "":
			row = changed([]string{f[0] + ": " + f[1]}, nil)[0]
		}
		rows = append(rows, row)
	}
	if old.Deleted != now.Deleted {
		rows = append(rows, pair(place(old), place(now)))
	}
	body := fold(bodyRows(old.Body, now.Body))
	if len(rows) > 0 && len(body) > 0 {
		rows = append(rows, sidediff.Row{Left: same(""), Right: same("")})
	}
	return append(rows, body...)
}

func place(f model.Fields) string {
	if f.Deleted {
		return "in the trash"
	}
	return "among the notes"
}

func same(text string) sidediff.Cell { return sidediff.Cell{Text: text, Kind: sidediff.Same} }

// pair is a changed line with its changed words marked.
func pair(old, now string) sidediff.Row {
	a, b := merge.Words(old, now)
	return sidediff.Row{
		Left:  sidediff.Cell{Text: old, Marks: marks(a), Kind: sidediff.Changed},
		Right: sidediff.Cell{Text: now, Marks: marks(b), Kind: sidediff.Changed},
	}
}

func marks(in []merge.Range) []cells.Range {
	out := make([]cells.Range, len(in))
	for i, r := range in {
		out[i] = cells.Range(r)
	}
	return out
}

// bodyRows are all lines of both bodies, paired.
func bodyRows(old, now string) []sidediff.Row {
	if old == now {
		return nil
	}
	var rows []sidediff.Row
	for _, h := range merge.Lines(old, now, old) {
		if h.Kind == merge.Same {
			for line := range strings.Lines(h.Base) {
				c := same(bare(line))
				rows = append(rows, sidediff.Row{Left: c, Right: c})
			}
			continue
		}
		rows = append(rows, changed(lines(h.Base), lines(h.Local))...)
	}
	return rows
}

func bare(line string) string { return strings.TrimRight(line, "\r\n") }

func lines(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		out = append(out, bare(l))
	}
	return out
}

// changed pairs the lines of a change one by one; what is left over was added
// or removed.
func changed(old, now []string) []sidediff.Row {
	var rows []sidediff.Row
	for i := range max(len(old), len(now)) {
		switch {
		case i >= len(now):
			rows = append(rows, sidediff.Row{Left: sidediff.Cell{Text: old[i], Kind: sidediff.Removed}})
		case i >= len(old):
			rows = append(rows, sidediff.Row{Right: sidediff.Cell{Text: now[i], Kind: sidediff.Added}})
		default:
			rows = append(rows, pair(old[i], now[i]))
		}
	}
	return rows
}

// fold leaves out long stretches of unchanged lines and says how many.
func fold(rows []sidediff.Row) []sidediff.Row {
	keep := make([]bool, len(rows))
	for i, r := range rows {
		if r.Left.Kind == sidediff.Same {
			continue
		}
		for j := max(i-around, 0); j <= min(i+around, len(rows)-1); j++ {
			keep[j] = true
		}
	}
	var out []sidediff.Row
	for i := 0; i < len(rows); {
		if keep[i] {
			out = append(out, rows[i])
			i++
			continue
		}
		from := i
		for i < len(rows) && !keep[i] {
			i++
		}
		if i-from == 1 {
			out = append(out, rows[from])
			continue
		}
		c := same(skipped(i - from))
		out = append(out, sidediff.Row{Left: c, Right: c})
	}
	return out
}

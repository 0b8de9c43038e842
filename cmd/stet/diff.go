package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
	"github.com/spf13/cobra"

	"stet/model"
	"stet/ui/kit/cells"
)

func diffCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff ID VERSION [VERSION]",
		Short: "Show what changed between two versions of a note",
		Long:  "Shows what changed from one version to another, or to the note as it stands. Versions are numbered by history.",
		Example: `  stet diff 019a 2
  stet diff 019a 2 5`,
		Args:              between(2, 3, "the id of a note", "a version"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			var numbers []int64
			for _, s := range args[1:] {
				n, err := versionNumber(s)
				if err != nil {
					return err
				}
				numbers = append(numbers, n)
			}
			d, id, err := a.find(ctx, args[0])
			if err != nil {
				return err
			}
			from, err := d.version(ctx, id, numbers[0])
			if err != nil {
				return err
			}
			to, err := d.target(ctx, id, numbers[1:])
			if err != nil {
				return err
			}
			return a.diff(from.Fields, to)
		},
	}
}

// target is the version to compare with: the one given, or the note itself.
func (d *device) target(ctx context.Context, id string, numbers []int64) (model.Fields, error) {
	if len(numbers) > 0 {
		v, err := d.version(ctx, id, numbers[0])
		return v.Fields, err
	}
	n, err := d.store.Get(ctx, id)
	if err != nil {
		return model.Fields{}, fmt.Errorf("read note: %w", err)
	}
	return n.Fields, nil
}

// diff prints the fields that differ, then the lines of the body.
func (a *app) diff(from, to model.Fields) error {
	for _, f := range []struct{ name, from, to string }{
		{"title", from.Title, to.Title},
		{"notebook", from.Notebook, to.Notebook},
		{"tags", strings.Join(from.Tags, " "), strings.Join(to.Tags, " ")},
	} {
		if f.from == f.to {
			continue
		}
		if err := a.print("-%s: %s\n+%s: %s\n", f.name, cells.CleanLine(f.from), f.name, cells.CleanLine(f.to)); err != nil {
			return err
		}
	}
	return a.diffBody(from.Body, to.Body)
}

// maxDiff bounds the product of the changed lines of two bodies: beyond it the
// comparison is too slow, and one coarse change is shown.
const maxDiff = 40_000_000

// contextLines is how many unchanged lines are shown around a change.
const contextLines = 3

func (a *app) diffBody(from, to string) error {
	if from == to {
		return nil
	}
	diffs := lineDiff(from, to)
	words := a.toTerminal() && a.color()
	for i := 0; i < len(diffs); i++ {
		var err error
		switch d := diffs[i]; {
		case d.Type == diffmatchpatch.DiffEqual:
			err = a.unchanged(lines(d.Text), i > 0, i < len(diffs)-1)
		case words && d.Type == diffmatchpatch.DiffDelete && i+1 < len(diffs) && diffs[i+1].Type == diffmatchpatch.DiffInsert:
			i++
			err = a.changed(d.Text, diffs[i].Text)
		case d.Type == diffmatchpatch.DiffDelete:
			err = a.marked("-", lines(d.Text))
		default:
			err = a.marked("+", lines(d.Text))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lineDiff compares two texts line by line.
func lineDiff(from, to string) []diffmatchpatch.Diff {
	if strings.Count(from, "\n")*strings.Count(to, "\n") > maxDiff {
		return []diffmatchpatch.Diff{{Type: diffmatchpatch.DiffDelete, Text: from}, {Type: diffmatchpatch.DiffInsert, Text: to}}
	}
	d := diffmatchpatch.New()
	d.DiffTimeout = 0 // a count bounds the work, never the clock
	x, y, table := d.DiffLinesToRunes(from, to)
	return d.DiffCharsToLines(d.DiffMainRunes(x, y, false), table)
}

// lines splits a text; a missing last newline is told as diff does.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if bare, ok := strings.CutSuffix(line, "\n"); ok {
			out = append(out, bare)
		} else {
			out = append(out, line+"\n\\ No newline at end of text")
		}
	}
	return out
}

func (a *app) marked(mark string, lines []string) error {
	for _, l := range lines {
		on, off := a.ink(mark)
		if err := a.print("%s%s%s%s\n", on, mark, cleanDiff(l), off); err != nil {
			return err
		}
	}
	return nil
}

// cleanDiff makes a line safe and shows a carriage return at its end.
func cleanDiff(l string) string {
	line, note, noted := strings.Cut(l, "\n")
	line = cells.CleanLine(line)
	if noted {
		line += "\n" + note
	}
	return line
}

// unchanged prints the lines next to changes and leaves out the rest.
func (a *app) unchanged(lines []string, after, before bool) error {
	head, tail := 0, 0
	if after {
		head = min(contextLines, len(lines))
	}
	if before {
		tail = min(contextLines, len(lines)-head)
	}
	left := len(lines) - head - tail
	if left == 1 { // a line costs no more than saying that one is left out
		head, left = head+1, 0
	}
	if err := a.marked(" ", lines[:head]); err != nil {
		return err
	}
	if left > 0 {
		if err := a.print("@@ %s @@\n", plural(left, "unchanged line", "unchanged lines")); err != nil {
			return err
		}
	}
	return a.marked(" ", lines[len(lines)-tail:])
}

// changed prints replaced lines with the changed words marked.
func (a *app) changed(from, to string) error {
	old, now := words(from), words(to)
	table := map[string]rune{}
	var back []string
	number := func(ws []string) []rune {
		out := make([]rune, 0, len(ws))
		for _, w := range ws {
			r, ok := table[w]
			if !ok {
				r = rune(len(back) + 1)
				if r >= 0xD800 { // beyond the surrogates, which are no runes
					r += 0x800
				}
				table[w] = r
				back = append(back, w)
			}
			out = append(out, r)
		}
		return out
	}
	x, y := number(old), number(now)
	if len(x)*len(y) > maxDiff {
		if err := a.marked("-", lines(from)); err != nil {
			return err
		}
		return a.marked("+", lines(to))
	}
	d := diffmatchpatch.New()
	d.DiffTimeout = 0
	diffs := d.DiffMainRunes(x, y, false)
	text := func(runes string) string {
		var b strings.Builder
		for _, r := range runes {
			if r >= 0xE000 {
				r -= 0x800
			}
			b.WriteString(back[r-1])
		}
		return b.String()
	}
	for _, side := range []struct {
		mark string
		drop diffmatchpatch.Operation
	}{{"-", diffmatchpatch.DiffInsert}, {"+", diffmatchpatch.DiffDelete}} {
		var b strings.Builder
		on, off := a.ink(side.mark)
		for _, p := range diffs {
			if p.Type == side.drop {
				continue
			}
			piece := cells.Clean(text(p.Text))
			if p.Type != diffmatchpatch.DiffEqual {
				piece = strings.ReplaceAll(inverse+piece+inverseOff, "\n", inverseOff+"\n"+inverse)
			}
			b.WriteString(piece)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n") {
			if err := a.print("%s%s%s%s\n", on, side.mark, line, off); err != nil {
				return err
			}
		}
	}
	return nil
}

// words splits a text into words, blanks and newlines.
func words(text string) []string {
	var out []string
	kind := func(r rune) int {
		switch {
		case r == '\n':
			return 0
		case r == ' ' || r == '\t' || r == '\r':
			return 1
		case r < 0x80 && strings.ContainsRune(`.,;:!?()[]{}<>"'/\|=+*#~-_`, r):
			return 2
		}
		return 3
	}
	start, last := 0, -1
	for i, r := range text {
		k := kind(r)
		if i > 0 && (k != last || k == 0 || k == 2) {
			out = append(out, text[start:i])
			start = i
		}
		last = k
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

// The few escape sequences that diff writes to a terminal.
const (
	red, green, plain   = "\x1b[31m", "\x1b[32m", "\x1b[0m"
	inverse, inverseOff = "\x1b[7m", "\x1b[27m"
)

// ink is the colour of a marked line, none off a terminal.
func (a *app) ink(mark string) (on, off string) {
	if !a.toTerminal() || !a.color() {
		return "", ""
	}
	switch mark {
	case "-":
		return red, plain
	case "+":
		return green, plain
	}
	return "", ""
}

// color reports whether the terminal takes colours and the user wants them.
func (a *app) color() bool { return a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" }

package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// header is the first row: where one is, what wants attention, and how the
// account stands. When room is short the words of the counts go first, then the
// counts, then the name of the screen.
func (a *App) header(width int) string {
	p := a.theme.Pens()
	left := " " + p.Title.Paint("stet") + "  " + screen.Words(a.top().Title())
	if len(a.stack) > 1 {
		left = " " + p.Bold.Paint(screen.Words(a.top().Title()))
	}
	own := ""
	if s, ok := a.top().(screen.Headed); ok {
		own = s.Headline()
	}
	state := a.state(p, width)
	middles := []string{a.counts(p, true), a.counts(p, false), ""}
	if own != "" {
		middles = []string{own}
	}
	for _, middle := range middles {
		right := join("   ", middle, state) + " "
		if ansi.StringWidth(left)+ansi.StringWidth(right)+2 <= width {
			return screen.Sides(left, right, width)
		}
	}
	if own != "" {
		state = own
	}
	if ansi.StringWidth(state) > width*3/4 { // what a server says can be long: its beginning is better than nothing
		state = ansi.Truncate(state, max(0, width-ansi.StringWidth(left)-3), "…")
	}
	return screen.Sides(left, state+" ", width)
}

func join(sep string, parts ...string) string {
	var out []string
	for _, s := range parts {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, sep)
}

// counts tells how many notes are not simply synced.
func (a *App) counts(p *screen.Pens, words bool) string {
	c := a.head.counts
	one := func(pen cells.Pen, symbol string, n int, word string) string {
		switch {
		case n == 0:
			return ""
		case words:
			return pen.Paint(fmt.Sprintf("%s %s %s", symbol, screen.Number(n), word))
		}
		return pen.Paint(fmt.Sprintf("%s %s", symbol, screen.Number(n)))
	}
	review := "needs review"
	if c.NeedsReview > 1 {
		review = "need review"
	}
	return join("  ",
		one(p.Accent, "↑", c.Pending, "pending"),
		one(p.Warn, "◆", c.NeedsReview, review),
		one(p.Warn, "!", c.Error, plural(c.Error, "error", "errors")))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// state tells how the account stands, in words.
func (a *App) state(p *screen.Pens, width int) string {
	if !a.head.loaded {
		return ""
	}
	if a.ring.Total > 0 {
		what := "syncing"
		if a.account.LastSynced.IsZero() {
			what = "first sync"
		}
		return p.Accent.Paint(fmt.Sprintf("%s %s of %s %s", what, screen.Number(a.ring.Done),
			screen.Number(a.ring.Total), bar(a.ring.Done, a.ring.Total)))
	}
	synced := screen.SyncedAgo(a.account.LastSynced, a.cfg.Now())
	switch {
	case a.account.Server == "":
		return p.Dim.Paint("on this device only")
	case a.account.Held > 0 && width < 70:
		return p.Warn.Paint("paused, S to review")
	case a.account.Held > 0:
		return p.Warn.Paint("paused: " + screen.Count(a.account.Held, "note waits", "notes wait") + " for you, S to review")
	case a.account.Paused != "":
		return p.Warn.Paint("paused: " + screen.Words(a.account.Paused))
	case a.ring.Online == screen.SignIn:
		return p.Warn.Paint("sign in again")
	case a.ring.Online == screen.Paused:
		return p.Warn.Paint("paused, S to review")
	case a.ring.Online == screen.Offline:
		return p.Dim.Paint("offline, changes are saved")
	case a.ring.Problem != "":
		return p.Warn.Paint(screen.Words(a.ring.Problem))
	case a.ring.Online == screen.Running && a.account.LastSynced.IsZero():
		return p.Dim.Paint("first sync")
	}
	return p.Dim.Paint(synced)
}

// bar draws progress in five cells.
func bar(done, total int) string {
	full := 0
	if total > 0 {
		full = max(min(done*5/total, 5), 0)
	}
	return strings.Repeat("▓", full) + strings.Repeat("░", 5-full)
}

package activity

import "time"

// stamp is a time in a column of always the same width: today's by the clock,
// others by the day.
func stamp(t, now time.Time) string {
	t = t.In(now.Location())
	if y, m, d := t.Date(); now.Year() == y && now.Month() == m && now.Day() == d {
		return "today  " + t.Format("15:04")
	}
	if now.Sub(t) < 300*24*time.Hour {
		return t.Format("02 Jan 15:04")
	}
	return "  " + t.Format("2006-01-02")
}

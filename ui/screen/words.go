package screen

import (
	"fmt"
	"time"

	"stet/model"
)

// Badge returns the symbol and word of a note's state. syncing says that an op
// of the note is in a running request.
func Badge(s model.Status, syncing bool) (symbol, word string) {
	switch {
	case s == model.NeedsReview:
		return "◆", "Needs review"
	case s == model.Failed:
		return "!", "Error"
	case syncing:
		return "⟳", "Syncing"
	case s == model.Pending:
		return "↑", "Pending"
	}
	return "✓", "Synced"
}

// Sentence tells what a state means for the user's text.
func Sentence(s model.Status) string {
	switch s {
	case model.NeedsReview:
		return "Updated in two places. Choose what to keep."
	case model.Failed:
		return "Can't sync right now. Your changes are safe."
	case model.Pending:
		return "Saved on this device. Syncing when online."
	}
	return "The same on this device and the server."
}

// Ago tells a past time in a few words: now, 4m, 2h, Mon, 3 Nov, 2024-11-03.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	t = t.In(now.Location())
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	case d < 6*24*time.Hour:
		return t.Format("Mon")
	case t.Year() == now.Year():
		return t.Format("2 Jan")
	}
	return t.Format("2006-01-02")
}

// SyncedAgo tells when the last complete round ended, in words.
func SyncedAgo(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never synced"
	case d < time.Minute:
		return "synced just now"
	case d < time.Hour:
		return fmt.Sprintf("synced %d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("synced %d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("synced %d days ago", int(d.Hours()/24))
}

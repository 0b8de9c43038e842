package activity

import (
	"slices"
	"strings"

	"stet/model"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// told are the events in words: a sign, and what happened.
var told = map[model.EventName][2]string{
	model.EventCreated:      {"+", "Written on this device"},
	model.EventEdited:       {"✎", "Edited on this device"},
	model.EventAppended:     {"+", "An entry was added to its log"},
	model.EventDeleted:      {"×", "Moved to the trash"},
	model.EventRestored:     {"↺", "Restored"},
	model.EventPurged:       {"×", "Deleted for good"},
	model.EventSent:         {"↑", "Sent to the server"},
	model.EventAccepted:     {"✓", "The server has it"},
	model.EventPulled:       {"↓", "Came from another device"},
	model.EventMerged:       {"⇄", "Two edits were merged"},
	model.EventConflict:     {"◆", "Edited in two places, needs review"},
	model.EventResolved:     {"✓", "The review was settled"},
	model.EventRejected:     {"!", "The server refused it"},
	model.EventRetry:        {"!", "Sending failed, will be tried again"},
	model.EventTrashed:      {"×", "Deleted on another device"},
	model.EventHeld:         {"?", "A deletion waits for your consent"},
	model.EventSentAgain:    {"↑", "Sent again, the server had lost it"},
	model.EventDiscarded:    {"↺", "Back to the server's text"},
	model.EventRound:        {"✓", "Synced"},
	model.EventPaused:       {"?", "Sync is paused"},
	model.EventResync:       {"⇄", "Everything was compared with the server"},
	model.EventConnected:    {"✓", "Connected to a server"},
	model.EventDisconnected: {"×", "Disconnected from the server"},
	model.EventNewDevice:    {"✓", "This is a new device"},
}

// words tells an event in a sentence with its detail.
func words(e model.Event) (sign, text string) {
	t, ok := told[e.Name]
	if !ok {
		t = [2]string{"·", string(e.Name)}
	}
	text = t[1]
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return t[0], text
}

// filter is a part of the log.
type filter struct {
	name  string
	names []model.EventName // nil for all
	none  string            // what to say when it is empty
}

var (
	errorNames    = []model.EventName{model.EventRejected, model.EventRetry, model.EventPaused, model.EventHeld}
	conflictNames = []model.EventName{model.EventConflict, model.EventResolved}
	mergeNames    = []model.EventName{model.EventMerged}
)

var filters = []filter{
	{"all", nil, "Nothing has happened yet."},
	{"errors", errorNames, "No errors."},
	{"conflicts", conflictNames, "No conflicts."},
	{"merges", mergeNames, "Nothing was merged."},
}

// pen is the colour of an event's sign.
func pen(p *screen.Pens, name model.EventName) cells.Pen {
	switch {
	case slices.Contains(errorNames, name), name == model.EventConflict:
		return p.Warn
	case name == model.EventMerged, name == model.EventResolved:
		return p.Accent
	}
	return p.Dim
}

func blank(width, height int, lines []string) []string {
	for len(lines) < height {
		lines = append(lines, cells.Blank(width))
	}
	return lines[:max(height, 0)]
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

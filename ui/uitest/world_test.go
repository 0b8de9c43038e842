package uitest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stet/model"
)

// world is a small device with a note in every state.
func world(clock *Clock) (*Notes, *Sync) {
	n := NewNotes(clock.Now)
	at := func(ago time.Duration) time.Time { return clock.Now().Add(-ago) }
	put := func(id, title, body string, status model.Status, ago time.Duration, more func(*model.Note)) {
		note := model.Note{ID: id, Status: status, UpdatedAt: at(ago), Device: "thinkpad",
			Fields: model.Fields{Title: title, Body: body, CreatedAt: at(ago + time.Hour)}}
		if more != nil {
			more(&note)
		}
		n.Put(note)
	}
	put("offline", "Offline notes", "Local data is the default; the network is an occasional helper.\n\n## Outbox\n\n- every write makes an op\n- retried until acknowledged\n\n## Left to do\n\n- [x] squash ops\n- [x] freeze sent ops\n- [ ] lease with fencing\n- [ ] delete guard\n- [ ] [protocol](https://example.org/protocol)\n",
		model.Pending, 20*time.Second, func(n *model.Note) { n.Pinned, n.Tags = true, []string{"design", "sync"} })
	put("groceries", "Groceries", "# Saturday\n\n- bread\n- 2 litres oat milk\n- eggs\n- coffee\n", model.Synced, 4*time.Minute,
		func(n *model.Note) { n.Pinned = true })
	put("lisbon", "Trip to Lisbon", "Flights on **Friday**, the hotel is in Alfama.\n\n| day | plan |\n|---|---|\n| Sat | Belém |\n| Sun | Sintra |\n", model.Synced, time.Hour,
		func(n *model.Note) { n.Notebook = "Travel" })
	put("ana", "Meeting with Ana", "Talk about the *naïve* plan – 会議は三時から。\n", model.Pending, 2*time.Hour, nil)
	put("reading", "Reading list", "1. The Mythical Man-Month\n2. A Philosophy of Software Design\n", model.Synced, 5*24*time.Hour, nil)
	put("router", "Router password", "It is on the sticker below.\n", model.Failed, 5*24*time.Hour+time.Hour, nil)
	put("untitled", "", "A thought without a title, written in a hurry\n", model.Synced, 30*24*time.Hour, nil)
	put("old", "Notes of last year", "old\n", model.Synced, 400*24*time.Hour, nil)
	put("gone", "Thrown away", "was here\n", model.Synced, 3*24*time.Hour, func(n *model.Note) { n.Deleted = true })
	base := model.Fields{Title: "Groceries", Body: "# Saturday\n\n- bread\n- oat milk\n- eggs\n- coffee\n"}
	n.Conflict("groceries", &base, model.Record{Rev: 7, Device: "phone", SavedAt: at(time.Minute),
		Fields: model.Fields{Title: "Groceries", Body: "# Saturday\n\n- bread\n- oat milk (barista)\n- eggs\n- coffee\n"}})
	n.Log("router", model.EventCreated, "")
	n.Log("router", model.EventSent, "")
	n.Log("router", model.EventRejected, "the server refuses notes in this notebook")
	n.Log("", model.EventRound, "1 sent, 2 came in")
	sync := &Sync{State: model.Account{Server: "https://notes.example.org", Protocol: "stet", LastSynced: at(2 * time.Minute), Device: "thinkpad"}}
	return n, sync
}

func start(t testing.TB, w, h int) (*Driver, *Notes) {
	clock := NewClock()
	n, sync := world(clock)
	return New(t, n, sync, clock, w, h), n
}

// many returns a device with a number of notes.
func many(clock *Clock, count int) *Notes {
	n := NewNotes(clock.Now)
	for i := range count {
		n.Put(model.Note{ID: fmt.Sprintf("n%07d", i), UpdatedAt: clock.Now().Add(-time.Duration(i) * time.Minute),
			Fields: model.Fields{Title: fmt.Sprintf("Note number %d", i), Body: fmt.Sprintf("Body %d.\n\n", i) + strings.Repeat("some words of a note\n", 6)}})
	}
	return n
}

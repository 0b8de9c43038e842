package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// PathEvents is the stream of pokes, of type [TypeEvents].
const PathEvents = "/sync/events"

// TypeEvents is the content type of a stream of events.
const TypeEvents = "text/event-stream"

// HeaderLastEvent carries the id of the last event heard: a cursor. It wins
// over the query, which a client that comes back repeats unchanged.
const HeaderLastEvent = "Last-Event-ID"

// EventChange is the one event of the stream: the account has come to a cursor.
const EventChange = "change"

// MaxWait is the longest wait of a poll, in seconds.
const MaxWait = 30

// Poke is the data of an event. It tells that there is something to fetch, and
// nothing of what.
type Poke struct {
	Cursor string `json:"cursor"`
}

// Event returns the text of an event that tells of c.
func Event(c Cursor) string {
	text := c.String()
	return "event: " + EventChange + "\nid: " + text + "\ndata: {\"cursor\":\"" + text + "\"}\n\n"
}

// DecodePoke reads the data of an event.
func DecodePoke(data []byte) (Poke, error) {
	var p Poke
	if err := CheckJSON(data); err != nil {
		return p, fmt.Errorf("read event: %w", err)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("read event: %w", err)
	}
	if p.Cursor == "" {
		return p, errors.New("read event: it has no cursor")
	}
	return p, nil
}

package kinto

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
)

// cursor is a place in a collection's changes, and what is needed to go on from
// there. Times are the server's, in ms.
type cursor struct {
	Print string  `json:"u"`           // whose collection it is
	Epoch string  `json:"x,omitempty"` // of its history, where the server tells it
	ETag  int64   `json:"e"`           // the collection's timestamp at the last whole pull
	Head  head    `json:"h,omitzero"`  // the newest row seen: the witness
	Since int64   `json:"s"`           // everything up to here is known for good
	Known []int64 `json:"k,omitempty"` // rows after Since that were handed on, by timestamp
	Far   bool    `json:"f,omitempty"` // the newest row is in the server's future, where it takes no _since
	Walk  *walk   `json:"w,omitempty"` // in the middle of a pull
}

// head is a row by id and timestamp.
type head struct {
	ID string `json:"i"`
	At int64  `json:"t"`
}

// walk is a pull of several pages under way.
type walk struct {
	Start int64   `json:"d"`           // the server's clock at its first page
	Pos   int64   `json:"p"`           // the last row's timestamp
	Token string  `json:"t,omitempty"` // where the server takes no such timestamp
	Cold  bool    `json:"c,omitempty"` // a complete listing
	Met   bool    `json:"m,omitempty"` // the witness was listed
	Head  head    `json:"h,omitzero"`  // the newest row of this pull
	Read  []int64 `json:"r,omitempty"` // its rows that may have others behind them
}

const cursorMark = "k1."

// maxKnown bounds the rows that a cursor remembers; those beyond it are handed
// on once more, which changes nothing.
const maxKnown = 256

// farAhead is how far in the server's future a timestamp is no place to begin
// a list at, in ms; the server itself refuses it from a day on.
const farAhead = 12 * 60 * 60 * 1000

// maxCursor bounds a cursor's length, in bytes.
const maxCursor = 64 << 10

func (k cursor) String() string {
	text, err := json.Marshal(k)
	if err != nil {
		return ""
	}
	return cursorMark + base64.RawURLEncoding.EncodeToString(text)
}

// parseCursor reads a cursor; what this driver never wrote is unknown.
func parseCursor(s string) (*cursor, error) {
	unknown := &remote.ResyncError{Reason: remote.CursorUnknown}
	text, ok := strings.CutPrefix(s, cursorMark)
	if !ok || len(s) > maxCursor {
		return nil, unknown
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, unknown
	}
	k := &cursor{}
	if json.Unmarshal(raw, k) != nil || k.Print == "" || k.ETag < 0 || k.Since < 0 || k.Head.At < 0 {
		return nil, unknown
	}
	if k.Epoch != "" && !link.ValidEpoch(k.Epoch) {
		return nil, unknown
	}
	if k.Head.ID != "" && !objectID.MatchString(k.Head.ID) || k.Walk != nil && (k.Walk.Pos < 0 || strings.ContainsAny(k.Walk.Token, "&#\r\n ")) {
		return nil, unknown
	}
	return k, nil
}

// begin is the walk of a new pull.
func (k *cursor) begin(cold bool, date int64) *walk {
	return &walk{Start: date, Cold: cold, Met: cold || k.Head.ID == "", Pos: k.start()}
}

// start is where a pull begins: just before the newest row that was seen, which
// is listed again as the witness.
func (k *cursor) start() int64 {
	if k.Head.ID == "" || k.Far {
		return k.Since
	}
	return k.Head.At - 1
}

// take notes the rows of a page and returns those that were not handed on
// before, each id once.
func (k *cursor) take(w *walk, rows []row, overlap int64) []row {
	var fresh []row
	edge := w.Start - overlap
	for _, r := range rows {
		at := r.rec.Rev
		w.Pos = max(w.Pos, at)
		if at >= k.Head.At && r.rec.ID == k.Head.ID {
			w.Met = true
		}
		if at > w.Head.At {
			w.Head = head{r.rec.ID, at}
		}
		if at > edge {
			w.Read = append(w.Read, at)
		}
		if !slices.Contains(k.Known, at) {
			fresh = append(fresh, r)
		}
	}
	if over := len(w.Read) - maxKnown; over > 0 {
		slices.Sort(w.Read)
		w.Read = slices.Delete(w.Read, 0, over)
	}
	return newest(fresh)
}

// newest keeps the newest row of each id, oldest first; of rows with one
// timestamp the last.
func newest(rows []row) []row {
	slices.SortStableFunc(rows, func(a, b row) int { return int(min(max(a.rec.Rev-b.rec.Rev, -1), 1)) })
	last := make(map[string]int, len(rows))
	for i, r := range rows {
		last[r.rec.ID] = i
	}
	kept := rows[:0]
	for i, r := range rows {
		if last[r.rec.ID] == i {
			kept = append(kept, r)
		}
	}
	return kept
}

// end is the cursor after a whole pull, whose collection stood at etag. What is
// not older than the overlap may still get company.
func (k *cursor) end(w *walk, etag, overlap int64) cursor {
	out := cursor{Print: k.Print, Epoch: k.Epoch, ETag: etag, Head: w.Head}
	if out.Head.ID == "" {
		out.Head = k.Head
	}
	settled := min(w.Start-overlap, etag)
	out.Since = max(settled, k.Since, 0)
	out.Far = out.Head.At > w.Start+farAhead
	for _, at := range w.Read {
		if at > out.Since && at != out.Head.At {
			out.Known = append(out.Known, at)
		}
	}
	if out.Head.ID != "" {
		out.Known = append(out.Known, out.Head.At)
	}
	return out
}

// restless reports whether rows may have come behind those that were seen, and
// no more can, now that the server's clock is at date.
func (k *cursor) restless(date, overlap int64) bool {
	return k.Head.ID != "" && k.Since < k.start() && date-overlap >= k.Head.At
}

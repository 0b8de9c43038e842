package uitest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"stet/model"
	"stet/ui/screen"
)

// Notes is a device's notes in memory.
type Notes struct {
	mu       sync.Mutex
	now      func() time.Time
	notes    map[string]*model.Note
	order    []string // by place: pinned, then newest
	stale    bool     // order must be made again
	versions map[string][]model.Version
	events   []model.Event
	reviews  map[string]model.Review
	drafts   map[string]model.Draft
	serial   int
	seq      int64
	counts   model.Counts
	// Lists counts the calls of List; Fail, when set, is what every write
	// answers.
	Lists int
	Fail  error
}

var _ screen.Notes = (*Notes)(nil)

// NewNotes returns an empty store.
func NewNotes(now func() time.Time) *Notes {
	return &Notes{now: now, notes: map[string]*model.Note{}, versions: map[string][]model.Version{},
		reviews: map[string]model.Review{}, drafts: map[string]model.Draft{}}
}

// Put stores a note as a test wants it. An empty ID or zero UpdatedAt is filled
// in, a zero Version becomes 1.
func (n *Notes) Put(note model.Note) model.Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	if note.ID == "" {
		note.ID = n.id()
	}
	if note.UpdatedAt.IsZero() {
		note.UpdatedAt = n.now()
	}
	if note.Status == "" {
		note.Status = model.Synced
	}
	note.Version = max(note.Version, 1)
	n.put(note)
	n.version(note, cmp.Or(note.Cause, model.CauseCreate))
	return note
}

// Pull changes a note as a sync round does: another device's text arrives.
func (n *Notes) Pull(id string, change func(f *model.Fields)) model.Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	note := *n.notes[id]
	note.Fields = note.Fields.Clone()
	change(&note.Fields)
	note.Rev++
	note.UpdatedAt = n.now()
	note.Device = "phone"
	return n.write(note, model.CausePull, model.EventPulled, model.Synced)
}

// Conflict puts a note in review against another device's text.
func (n *Notes) Conflict(id string, base *model.Fields, remote model.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	note := *n.notes[id]
	note.Status = model.NeedsReview
	n.put(note)
	remote.ID = id
	n.reviews[id] = model.Review{NoteID: id, Base: base, Remote: remote, DetectedAt: n.now()}
	n.event(id, model.EventConflict, "edited in two places")
}

// Log adds a timeline entry; an empty id is the account's.
func (n *Notes) Log(id string, name model.EventName, detail string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.event(id, name, detail)
}

func (n *Notes) id() string {
	n.serial++
	return fmt.Sprintf("note-%06d", n.serial)
}

func (n *Notes) put(note model.Note) {
	n.seq++
	note.Seq = n.seq
	old, had := n.notes[note.ID]
	if !had || keyOf(*old) != keyOf(note) || old.Purged != note.Purged {
		n.stale = true
	}
	if had {
		n.count(old, -1)
	}
	n.count(&note, 1)
	n.notes[note.ID] = &note
}

func (n *Notes) version(note model.Note, cause model.Cause) {
	vs := n.versions[note.ID]
	n.versions[note.ID] = append(vs, model.Version{NoteID: note.ID, Version: note.Version, Rev: note.Rev,
		At: note.UpdatedAt, Device: note.Device, Cause: cause, Fields: note.Fields.Clone()})
}

func (n *Notes) event(id string, name model.EventName, detail string) {
	n.events = append(n.events, model.Event{ID: int64(len(n.events) + 1), NoteID: id, At: n.now(), Name: name, Detail: detail})
}

// write stores a note whose text may have changed.
func (n *Notes) write(note model.Note, cause model.Cause, name model.EventName, status model.Status) model.Note {
	note.Version++
	note.Cause = cause
	note.Status = status
	n.put(note)
	n.version(note, cause)
	n.event(note.ID, name, "")
	return *n.notes[note.ID]
}

func keyOf(note model.Note) model.Key { return model.KeyOf(headOf(note)) }

func headOf(n model.Note) model.Head {
	return model.Head{ID: n.ID, Title: n.Title, Snippet: model.Snippet(n.Body), Notebook: n.Notebook, Tags: n.Tags,
		Pinned: n.Pinned, Archived: n.Archived, Deleted: n.Deleted, Color: n.Color, Status: n.Status,
		UpdatedAt: n.UpdatedAt, Rev: n.Rev, Seq: n.Seq}
}

// compare orders places: pinned first, newest first.
func compare(a, b model.Key) int {
	if a.Pinned != b.Pinned {
		if a.Pinned {
			return -1
		}
		return 1
	}
	return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), strings.Compare(b.ID, a.ID))
}

func (n *Notes) sorted() []string {
	if n.stale {
		n.order = n.order[:0]
		for id, note := range n.notes {
			if !note.Purged {
				n.order = append(n.order, id)
			}
		}
		slices.SortFunc(n.order, func(a, b string) int { return compare(keyOf(*n.notes[a]), keyOf(*n.notes[b])) })
		n.stale = false
	}
	return n.order
}

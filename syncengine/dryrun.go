package syncengine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// Plan is what a round would do if nothing changed meanwhile, note by note.
// Making it changes nothing, here or on the server, and counts as no try.
//
// It is a rehearsal: the very code of a round runs on a copy in memory, against
// the server as it is read now. So it is right about whatever a round decides
// from what is here and there. It cannot know what comes from outside: another
// device that writes meanwhile, a save here, an answer that a rule of the
// server alone gives (an op refused for good, a fault, a limit), nor the fate
// of an op that was out before and whose note another device has changed since,
// unless its change is still to be seen in what the server holds. Of a server
// that forgot, tombstones are known of 200 notes at most.
type Plan struct {
	// Push has one item for each op that the server would take, in order.
	Push []PlanItem
	// Pull has one item for each note that would change here, by id.
	Pull []PlanItem
	// Held is the number of notes whose deletion or replacement would wait for
	// consent; they are those of Pull whose Held is set.
	Held int
}

// PlanItem is one note of a plan.
type PlanItem struct {
	NoteID string
	Title  string
	// Action is create, update, append, delete or purge for a push. For a pull it
	// is new, update (the server's newer version is taken), replace (its version,
	// which does not descend from ours, is), merge (both sides are in the result),
	// review, delete, restore or purge. A note that goes through more than one is
	// told by how it stands after the round against before.
	Action string
	// Held says that the change would wait for consent; Why says why in a
	// sentence, "" for all others.
	Held bool
	Why  string
}

// Plan foresees the round that the user asks for.
func (e *Engine) Plan(ctx context.Context) (Plan, error) {
	return e.PlanRound(ctx, RoundOptions{Force: true})
}

// PlanRound foresees a round with these options. Its errors are those that
// would keep the round from being done.
func (e *Engine) PlanRound(ctx context.Context, opts RoundOptions) (Plan, error) {
	var p Plan
	err := e.store.Read(ctx, func(tx store.Reader) error {
		o, err := newOverlay(tx)
		if err != nil {
			return err
		}
		far := &rehearsal{Remote: e.remote, base: tx, start: o.cursor, world: map[string]model.Record{}, now: e.now,
			try: func(ask func() error) error { return e.try(ctx, ask) }, fit: func(p *remote.Page) error { return e.fit(tx, p) }}
		report, err := e.understudy(o, far).Round(ctx, opts)
		if err != nil && !errors.Is(err, ErrHeld) {
			return err
		}
		p = Plan{Push: sendings(o, far.took), Pull: changes(o), Held: report.Held}
		if report.Held > 0 {
			p.Pull = append(p.Pull, waitings(o)...)
		}
		return nil
	})
	if err != nil {
		return Plan{}, fmt.Errorf("plan: %w", err)
	}
	return p, nil
}

// understudy is an engine that rehearses: it makes ids of its own, rings no
// bell, and never waits where the server is not asked.
func (e *Engine) understudy(o *overlay, far *rehearsal) *Engine {
	n := 0
	own := *e
	own.newID = func() string { n++; return fmt.Sprintf("plan-%d", n) }
	own.store, own.remote, own.bell = o, far, newBell()
	own.rand = func() float64 { return 0 }
	own.after = func(time.Duration) <-chan time.Time {
		over := make(chan time.Time, 1)
		over <- e.now()
		return over
	}
	return &own
}

func sendings(o *overlay, ops []model.Op) (out []PlanItem) {
	for _, op := range ops {
		out = append(out, PlanItem{NoteID: op.NoteID, Title: o.title(op.NoteID, ""), Action: string(op.Kind)})
	}
	return out
}

// changes tells of the notes that the rehearsal changed here.
func changes(o *overlay) (out []PlanItem) {
	for id, l := range o.leaves {
		action := became(l.was, l.now)
		if action == "update" && o.guarded[id] {
			action = "replace"
		}
		if action != "" {
			out = append(out, PlanItem{NoteID: id, Title: o.title(id, ""), Action: action})
		}
	}
	slices.SortFunc(out, func(a, b PlanItem) int { return cmp.Compare(a.NoteID, b.NoteID) })
	return out
}

// waitings tells of the changes that would be held.
func waitings(o *overlay) (out []PlanItem) {
	for _, at := range slices.SortedFunc(maps.Values(o.held), func(a, b heldAt) int { return cmp.Compare(a.pos, b.pos) }) {
		if at.Reason == store.HeldForConsent {
			h := heldNote(at.Record, o.title(at.Record.ID, at.Record.Fields.Title))
			out = append(out, PlanItem{NoteID: h.ID, Title: h.Title, Action: h.Action, Held: true, Why: h.Why})
		}
	}
	return out
}

// became names what a round made of a note here, "" if nothing that shows.
func became(was, now standing) string {
	before, after := was.exists && !was.note.Purged, now.exists && !now.note.Purged
	switch {
	case !before && !after:
		return ""
	case !before && now.note.Deleted:
		return "delete"
	case !before && was.exists:
		return "restore"
	case !before:
		return "new"
	case !after:
		return "purge"
	case now.inReview && !(was.inReview && model.Equal(was.review.Remote.Fields, now.review.Remote.Fields)):
		return "review"
	case was.note.Deleted != now.note.Deleted:
		return map[bool]string{true: "delete", false: "restore"}[now.note.Deleted]
	case model.Equal(was.note.Fields, now.note.Fields):
		return ""
	case was.note.Status == model.Synced && now.note.Status == model.Synced:
		return "update"
	}
	return "merge"
}

// title is how a note is called here before the round, or else after it.
func (o *overlay) title(id, other string) string {
	l, err := o.leaf(id)
	switch {
	case err != nil:
	case l.was.exists && l.was.note.Title != "":
		return l.was.note.Title
	case l.now.exists && l.now.note.Title != "":
		return l.now.note.Title
	}
	return other
}

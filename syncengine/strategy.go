package syncengine

import (
	"fmt"
	"time"

	"stet/model"
	"stet/syncengine/store"
)

// Strategy says what becomes of a note that was changed here and elsewhere. It
// holds for all of an account's conflicts, deletions included. What loses stays
// in the note's history.
type Strategy string

// The strategies.
const (
	// StrategyMerge combines both sides, and asks the user where they overlap.
	StrategyMerge Strategy = "merge"
	// StrategyServer takes the server's version.
	StrategyServer Strategy = "server"
	// StrategyClient keeps the version of this device.
	StrategyClient Strategy = "client"
	// StrategyNewest takes the later one: by the server's clock where it knows
	// both, otherwise by the time of the save here. Only then a wrong clock of a
	// device can decide.
	StrategyNewest Strategy = "newest"
)

// ParseStrategy reads a setting; "" is [StrategyMerge].
func ParseStrategy(s string) (Strategy, error) {
	switch st := Strategy(s); st {
	case "":
		return StrategyMerge, nil
	case StrategyMerge, StrategyServer, StrategyClient, StrategyNewest:
		return st, nil
	}
	return "", fmt.Errorf("strategy %q: want merge, server, client or newest: %w", s, model.ErrInvalid)
}

// reconcile is hand's, unless the user wants one side to win.
func (e *Engine) reconcile(tx store.Tx, s standing, base *model.Fields, far model.Record) (outcome, error) {
	if e.strategy == "" || e.strategy == StrategyMerge || !rivals(s, base, far) {
		return e.hand.reconcile(tx, s, base, far)
	}
	if e.strategy == StrategyClient || e.strategy == StrategyNewest && s.later(far) {
		return e.keepOurs(tx, s, far)
	}
	if _, err := e.takeRemote(tx, s, far); err != nil {
		return ignored, err
	}
	return merged, e.log(tx, far.ID, model.EventMerged, far.Rev, far.OpID, "changed in two places, the server's version was taken"+from(far))
}

// rivals reports whether both sides changed a note, each in its own way. Log
// entries are no rivals: they always come together. Where a comparison with a
// server that forgot knows no common text, nothing is decided here.
func rivals(s standing, base *model.Fields, far model.Record) bool {
	ours, theirs := unlogged(s.note.Fields), unlogged(far.Fields)
	switch {
	case s.inReview || model.Equal(ours, theirs):
		return false
	case base == nil:
		return s.common() == nil
	}
	common := unlogged(*base)
	return !model.Equal(ours, common) && !model.Equal(theirs, common)
}

func unlogged(f model.Fields) model.Fields {
	f.Log = nil
	return f
}

// later reports whether the note's row, whose change the server does not have,
// is later than the server's version.
func (s standing) later(far model.Record) bool {
	theirs := far.ServerAt
	if theirs.IsZero() {
		theirs = far.SavedAt
	}
	return s.savedAt().After(theirs)
}

// savedAt is when the row was saved: after what it builds on, whatever the
// device's clock says.
func (s standing) savedAt() time.Time {
	if s.shadowed && s.shadow.ServerAt.After(s.note.UpdatedAt) {
		return s.shadow.ServerAt
	}
	return s.note.UpdatedAt
}

// keepOurs answers the server's version with ours: the next push replaces it.
func (e *Engine) keepOurs(tx store.Tx, s standing, far model.Record) (outcome, error) {
	if err := keepOther(tx, far); err != nil {
		return ignored, err
	}
	s.shadow, s.shadowed = far, true
	s.note.UpdatedAtServer = far.ServerAt
	if _, err := e.commit(tx, s, mergeMove(s)); err != nil {
		return ignored, err
	}
	return merged, e.log(tx, far.ID, model.EventMerged, far.Rev, far.OpID, "changed in two places, the version of this device was kept"+from(far))
}

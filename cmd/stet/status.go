package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/store"
	"stet/ui/kit/cells"
	"stet/ui/screen"
)

// statusJSON is the state of this device as scripts see it.
type statusJSON struct {
	Pending        int     `json:"pending"`
	Syncing        int     `json:"syncing"`
	NeedsReview    int     `json:"needs_review"`
	Error          int     `json:"error"`
	Notes          int     `json:"notes"`
	LastSynced     *string `json:"last_synced"`
	Server         *string `json:"server"`
	Protocol       *string `json:"protocol"`
	PausedReason   *string `json:"paused_reason"`
	ConflictsTotal int     `json:"conflicts_total"`
	Trash          int     `json:"trash"`
	Account        *string `json:"account"`
	Device         string  `json:"device"`
	DeviceID       *string `json:"device_id"` // random, of this home alone; null in a copy that cannot be written
	// Problems are the notes in error, with why and what to do.
	Problems []problemJSON `json:"problems"`
	Held     int           `json:"held"`     // deletions and replacements that wait for consent
	Undoable int           `json:"undoable"` // notes that stet sync --undo would bring back
	// Notice is what the server wants its users to know.
	Notice   string  `json:"notice,omitempty"`
	Strategy *string `json:"strategy"` // what becomes of a note changed in two places; null if not connected
}

// problemJSON is a note that cannot be synced.
type problemJSON struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Problem string `json:"problem"`
	Parked  bool   `json:"parked"` // refused for good; others are tried again by themselves
	Way     string `json:"way"`
}

func statusCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell what is synced and what waits; asks no server",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			s, err := d.status(cmd.Context())
			if err != nil {
				return err
			}
			if s.Problems, err = d.problems(cmd.Context(), s.Error); err != nil {
				return err
			}
			if asJSON {
				return a.writeJSON(s)
			}
			return a.printStatus(s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object")
	return cmd
}

func (d *device) status(ctx context.Context) (statusJSON, error) {
	counts, err := d.store.Counts(ctx)
	if err != nil {
		return statusJSON{}, fmt.Errorf("count notes: %w", err)
	}
	c, connected, err := d.connection(ctx)
	if err != nil {
		return statusJSON{}, err
	}
	conflicts, err := d.store.Activity(ctx, []model.EventName{model.EventConflict}, 0, 0)
	if err != nil {
		return statusJSON{}, fmt.Errorf("count conflicts: %w", err)
	}
	last, err := d.store.Meta(ctx, store.MetaLastSynced)
	if err != nil {
		return statusJSON{}, fmt.Errorf("read status: %w", err)
	}
	paused, err := d.store.Meta(ctx, store.MetaPaused)
	if err != nil {
		return statusJSON{}, fmt.Errorf("read status: %w", err)
	}
	notice, err := d.store.Meta(ctx, store.MetaNotice)
	if err != nil {
		return statusJSON{}, fmt.Errorf("read status: %w", err)
	}
	held := 0
	if paused == "held" {
		if held, err = d.notes.HeldCount(ctx); err != nil {
			return statusJSON{}, err
		}
	}
	// A copy on a full disk or beside a long write has no id yet: no reason to
	// hide all else.
	id, _ := d.store.DeviceID(ctx)
	undoable, _, err := d.notes.Undoable(ctx)
	if err != nil {
		return statusJSON{}, err
	}
	strategy := ""
	if connected {
		strategy = cmp.Or(c.Strategy, string(syncengine.StrategyMerge))
	}
	return statusJSON{Strategy: orNull(strategy), Notice: notice, Held: held, Undoable: undoable, Pending: counts.Pending, Syncing: counts.Syncing, NeedsReview: counts.NeedsReview, Error: counts.Error,
		Notes: counts.Notes, LastSynced: orNull(last), Server: orNull(c.URL), Protocol: orNull(c.Protocol),
		PausedReason: orNull(paused), ConflictsTotal: len(conflicts), Trash: counts.Trash, Account: orNull(c.Account),
		Device: d.label, DeviceID: orNull(id)}, nil
}

// problems are the notes in error, of which there are so many.
func (d *device) problems(ctx context.Context, n int) ([]problemJSON, error) {
	out := []problemJSON{}
	if n == 0 {
		return out, nil
	}
	heads, err := d.store.Find(ctx, model.Query{State: []model.Match{{Value: string(model.Failed)}}, All: true}, problemsMost)
	if err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	for _, h := range heads {
		t, err := d.notes.Trouble(ctx, h.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, problemJSON{h.ID, h.Title, t.Problem, t.Parked, t.Way(h.ID)})
	}
	return out, nil
}

// problemRows is how many notes in error status names.
const problemRows = 5

// problemsMost bounds the notes in error that are told one by one.
const problemsMost = 100

func (a *app) printStatus(s statusJSON) error {
	server, synced := "not connected", "never"
	if s.Server != nil {
		server = *s.Server
		if s.Account != nil {
			server += " as " + *s.Account
		}
	}
	if s.LastSynced != nil {
		at, _ := model.ParseTime(*s.LastSynced)
		synced = localTime(at)
	}
	if err := a.print("notes        %d\nserver       %s\nlast synced  %s\n", s.Notes, cells.CleanLine(server), synced); err != nil {
		return err
	}
	if s.Strategy != nil && *s.Strategy != string(syncengine.StrategyMerge) {
		if err := a.print("%-12s %s  %s\n", "strategy", *s.Strategy, "of a note changed in two places; the other text stays in its history"); err != nil {
			return err
		}
	}
	for _, line := range []struct {
		n       int
		name    string
		meaning model.Status
	}{{s.Pending, "pending", model.Pending}, {s.NeedsReview, "needs review", model.NeedsReview}, {s.Error, "error", model.Failed}} {
		if line.n > 0 {
			if err := a.print("%-12s %d  %s\n", line.name, line.n, screen.Sentence(line.meaning)); err != nil {
				return err
			}
		}
	}
	for i, p := range s.Problems {
		if i == problemRows {
			if err := a.print("  and %d more: stet ls --status error\n", len(s.Problems)-i); err != nil {
				return err
			}
			break
		}
		if err := a.print("  %s  %s: %s\n    %s\n", p.ID, cells.CleanLine(p.Title), cells.CleanLine(p.Problem), p.Way); err != nil {
			return err
		}
	}
	if s.Notice != "" {
		if err := a.print("%-12s %s\n", "server says", cells.CleanLine(s.Notice)); err != nil {
			return err
		}
	}
	if s.PausedReason != nil {
		return a.print("%-12s %s\n", "paused", pausedSentence(*s.PausedReason))
	}
	return nil
}

// pausedSentence tells why sync stands still.
func pausedSentence(reason string) string {
	switch reason {
	case "":
		return ""
	case "auth":
		return "The server refused the token. Connect again; your changes are safe."
	case "held":
		return "A sync would delete or replace many notes. Look: stet sync --dry-run; go on: stet sync --yes; keep them: stet sync --keep."
	}
	return cells.CleanLine(reason)
}

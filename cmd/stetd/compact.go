package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stet/db/server/sqlite"
)

func compactCommand(at place) *cobra.Command {
	var before string
	var dry bool
	cmd := &cobra.Command{
		Use: "compact --before TIME", Short: "Drop old versions of notes, also while the store is served", Args: noArgs,
		Long: `Drop the texts of versions that were overtaken and are older than TIME: a date
(2025-11-21), a time (2025-11-21T08:00:00Z) or an age (400d). What notes hold now
stays, and so does what is known of deleted notes and of requests. Devices that
did not sync since then compare everything at their next sync.`,
		Example: "  stetd compact --before 400d --dry-run\n  stetd compact --before 2025-01-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := at()
			if err != nil {
				return err
			}
			now := world().Now()
			when, ok := moment(before, now)
			switch {
			case before == "":
				return usage("say --before TIME: what is older is dropped")
			case !ok:
				return usage(fmt.Sprintf("--before %q is no date (2025-11-21), time (2025-11-21T08:00:00Z) or age (400d)", before))
			case when.After(now):
				return usage("--before is in the future")
			}
			done, err := sqlite.Compact(cmd.Context(), path, sqlite.CompactOptions{Before: when, DryRun: dry, Now: world().Now, Sleep: sleep})
			if err != nil {
				return &storeError{path, err}
			}
			tellCompacted(cmd.ErrOrStderr(), when, done, dry)
			return nil
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "date, time or age up to which old versions go")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only tell what would go")
	return cmd
}

// moment reads a date, a time, or an age in days.
func moment(text string, now time.Time) (time.Time, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		return now.Add(-time.Duration(n) * 24 * time.Hour), err == nil && n <= math.MaxInt64/uint64(24*time.Hour)
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func tellCompacted(w io.Writer, when time.Time, c sqlite.Compacted, dry bool) {
	verb := "dropped"
	if dry {
		verb = "would drop"
	}
	fmt.Fprintf(w, "%s what was overtaken before %s: %s (%s), the last of %s among them; %s\n", verb, when.UTC().Format(time.RFC3339),
		count(c.Versions, "version"), size(c.Bytes), count(c.Tombstones, "deleted note"), count(c.Accounts, "account"))
	if !dry && c.Free >= 1<<20 {
		fmt.Fprintf(w, "the file keeps its size: %s in it are free for new notes; a backup is written without them\n", size(c.Free))
	}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/ui/kit/cells"
)

// versionJSON is one text of a note as scripts see it.
type versionJSON struct {
	Version  int64    `json:"version"`
	Rev      int64    `json:"rev"`
	At       *string  `json:"at"`
	Device   *string  `json:"device"`
	Cause    string   `json:"cause"`
	Title    string   `json:"title"`
	Body     string   `json:"body"`
	Tags     []string `json:"tags"`
	Notebook string   `json:"notebook"`
}

func newVersionJSON(v model.Version) versionJSON {
	return versionJSON{v.Version, v.Rev, timeOf(v.At), orNull(v.Device), string(v.Cause), v.Fields.Title, v.Fields.Body,
		array(v.Fields.Tags), v.Fields.Notebook}
}

func historyCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history ID",
		Short: "List every text a note ever had, newest first",
		Long: "Lists every text a note ever had, the highest version number first. Numbers count the texts in the order in which " +
			"they came to this device. The present text (stet show) mostly has the highest; where a conflict was decided for a text " +
			"that was here before the other side's, it has a lower one.",
		Example: `  stet history 019a
  stet diff 019a 2 5
  stet restore 019a --version 2`,
		Args:              exactly("the id of a note"),
		ValidArgsFunction: a.completeID,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, id, err := a.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			versions, err := d.store.History(cmd.Context(), id, 0)
			if err != nil {
				return fmt.Errorf("read history: %w", err)
			}
			slices.SortStableFunc(versions, func(x, y model.Version) int { return cmp.Compare(y.Version, x.Version) })
			for _, v := range versions {
				if asJSON {
					err = a.writeJSON(newVersionJSON(v))
				} else {
					err = a.print("%d  %s  %s\n", v.Version, strings.Join(versionFacts(v)[1:], "  "), cells.CleanLine(v.Fields.Title))
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object a line, with the texts")
	return cmd
}

// versionFacts are number, time, cause and device of a version, for people.
func versionFacts(v model.Version) []string {
	facts := []string{fmt.Sprintf("version %d", v.Version), localTime(v.At), string(v.Cause)}
	if v.Device != "" {
		facts = append(facts, cells.CleanLine(v.Device))
	}
	return facts
}

// version reads one version of a note.
func (d *device) version(ctx context.Context, id string, version int64) (model.Version, error) {
	v, err := d.store.VersionOf(ctx, id, version)
	if errors.Is(err, model.ErrNotFound) {
		return v, fail(exitNotFound, "see: stet history "+id, "the note has no version %d", version)
	}
	if err != nil {
		return v, fmt.Errorf("read version: %w", err)
	}
	return v, nil
}

// restoreVersion makes an old text the note's newest one.
func (d *device) restoreVersion(ctx context.Context, id string, version int64) error {
	v, err := d.version(ctx, id, version)
	if err != nil {
		return err
	}
	_, err = d.notes.RestoreText(ctx, id, v.Fields)
	return err
}

// versionNumber reads a version as typed.
func versionNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, usage("see: stet history ID", "%q is no version number", s)
	}
	return n, nil
}

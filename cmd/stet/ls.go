package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/ui/kit/cells"
)

// listFlags are what ls and search have in common.
type listFlags struct {
	limit int
	json  bool
}

func (l *listFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVarP(&l.limit, "limit", "n", 0, "show at most `N`; 0 is all")
	cmd.Flags().BoolVar(&l.json, "json", false, "one note object a line, with the body")
}

func lsCommand(a *app) *cobra.Command {
	var common listFlags
	var tags []string
	var notebook, status, sort string
	var trash bool
	cmd := &cobra.Command{
		Use:   "ls [QUERY]",
		Short: "List notes, newest first",
		Long:  "Lists live notes that are not archived, newest first: id, status and title. QUERY is as for search.",
		Example: `  stet ls
  stet ls --tag shop -n 10
  stet ls "status:needs-review"
  stet ls --trash --json`,
		Annotations: map[string]string{takesText: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := parseQuery(args)
			if err != nil {
				return err
			}
			if q.Sort, err = sortNamed(sort); err != nil {
				return err
			}
			if _, err := valid("the filter", strings.Join(append(tags, notebook, status), "")); err != nil {
				return err
			}
			for _, t := range splitTags(tags) {
				q.Tag = append(q.Tag, model.Match{Value: strings.TrimSpace(t)})
			}
			if notebook != "" {
				q.Book = append(q.Book, model.Match{Value: model.NormalNotebook(notebook)})
			}
			if status != "" {
				byStatus, err := model.ParseQuery(`status:"`+strings.ReplaceAll(status, `"`, "")+`"`, time.Local)
				if err != nil {
					return err
				}
				q.State = append(q.State, byStatus.State...)
			}
			q.Trash = q.Trash || trash
			return a.list(cmd.Context(), q, common, false)
		},
	}
	common.add(cmd)
	cmd.Flags().StringArrayVar(&tags, "tag", nil, "only notes with `TAG`; may be given again")
	cmd.Flags().StringVar(&notebook, "notebook", "", "only the notebook at `PATH` and those in it")
	cmd.Flags().StringVar(&status, "status", "", "only `STATUS`: synced, pending, syncing, error or needs-review")
	cmd.Flags().BoolVar(&trash, "trash", false, "only the trash")
	cmd.Flags().StringVar(&sort, "sort", "updated", "by `WHAT`: updated, created, title or order")
	return cmd
}

func searchCommand(a *app) *cobra.Command {
	var common listFlags
	cmd := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find notes by their text, best first",
		Long: `Finds notes, archived ones too. All words must occur. Operators:
title: body: tag: notebook: status: created: updated: is:pinned|archived|deleted|conflict|task
"quotes" keep words together, - in front means not.`,
		Example: `  stet search milk -tag:old
  stet search 'title:"shopping list" updated:>2026-11-01'
  stet search is:task notebook:work`,
		Annotations: map[string]string{takesText: "yes"},
		Args:        between(1, -1, "words to look for"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := parseQuery(args)
			if err != nil {
				return err
			}
			q.All = true
			return a.list(cmd.Context(), q, common, true)
		},
	}
	common.add(cmd)
	return cmd
}

// parseQuery reads the words of a query; those that were quoted for the shell
// are taken as typed.
func parseQuery(args []string) (model.Query, error) {
	line, err := valid("the query", strings.Join(args, " "))
	if err != nil {
		return model.Query{}, err
	}
	return model.ParseQuery(line, time.Local)
}

func sortNamed(name string) (model.Sort, error) {
	switch name {
	case "updated":
		return model.SortUpdated, nil
	case string(model.SortCreated), string(model.SortTitle), string(model.SortOrder):
		return model.Sort(name), nil
	}
	return "", usage("it is one of updated, created, title, order", "there is no order %q", name)
}

// list prints the notes of a query. A query with text is ranked if asked, else
// put into the list's order.
func (a *app) list(ctx context.Context, q model.Query, l listFlags, ranked bool) error {
	if l.limit < 0 {
		return usage("", "-n takes 0 or more")
	}
	d, err := a.open(ctx)
	if err != nil {
		return err
	}
	if l.json && l.limit == 0 && !q.Filtered() {
		syncing, err := d.syncing(ctx)
		if err != nil {
			return err
		}
		return d.store.Each(ctx, q, func(n model.Note) error { return a.writeJSON(newNoteJSON(n, syncing.word(n.ID, n.Status))) })
	}
	limit := l.limit
	if q.Filtered() && !ranked {
		limit = 0
	}
	heads, err := d.store.FindComplete(ctx, q, limit)
	if err != nil {
		return fmt.Errorf("list notes: %w", err)
	}
	if q.Filtered() && !ranked {
		slices.SortStableFunc(heads, byOrder(q.Sort))
		if l.limit > 0 && len(heads) > l.limit {
			heads = heads[:l.limit]
		}
	}
	for _, h := range heads {
		if err := a.line(ctx, d, h, l.json); err != nil {
			return err
		}
	}
	return nil
}

// byOrder compares rows as a list orders them, pinned ones first but by title.
func byOrder(by model.Sort) func(x, y model.Head) int {
	return func(x, y model.Head) int {
		if by != model.SortTitle && x.Pinned != y.Pinned {
			if x.Pinned {
				return -1
			}
			return 1
		}
		switch by {
		case model.SortTitle:
			return cmp.Or(strings.Compare(strings.ToLower(x.Title), strings.ToLower(y.Title)), strings.Compare(x.ID, y.ID))
		case model.SortCreated, model.SortOrder:
			return 0 // the store's order stands
		}
		return cmp.Or(y.UpdatedAt.Compare(x.UpdatedAt), strings.Compare(y.ID, x.ID))
	}
}

// line prints one note of a list.
func (a *app) line(ctx context.Context, d *device, h model.Head, asJSON bool) error {
	status := string(h.Status)
	if h.Syncing {
		status = wordSyncing
	}
	if asJSON {
		n, err := d.store.Get(ctx, h.ID)
		if err != nil {
			return fmt.Errorf("read note: %w", err)
		}
		return a.writeJSON(newNoteJSON(n, status))
	}
	title := cells.CleanLine(h.Title)
	if strings.TrimSpace(title) == "" {
		title = cells.CleanLine(h.Snippet)
	}
	if a.toTerminal() {
		status = fmt.Sprintf("%-12s", status)
	}
	return a.print("%s  %s  %s\n", h.ID, status, title)
}

// wordSyncing is the state of a note whose change is in a running request.
const wordSyncing = "syncing"

// running are the notes of which a change is in a running request.
type running map[string]bool

func (r running) word(id string, s model.Status) string {
	if r[id] {
		return wordSyncing
	}
	return string(s)
}

// syncing returns the notes that are being sent just now.
func (d *device) syncing(ctx context.Context) (running, error) {
	heads, err := d.store.Find(ctx, model.Query{State: []model.Match{{Value: wordSyncing}}, All: true}, 0)
	if err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	out := make(running, len(heads))
	for _, h := range heads {
		out[h.ID] = true
	}
	return out, nil
}

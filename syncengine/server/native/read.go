package native

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine/server/answer"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// How long keys and tombstones live, in seconds. They are kept without end; a
// client is promised this much.
const (
	keyWindow = 400 * 24 * 3600
	retention = 400 * 24 * 3600
)

// getChanges answers GET /sync/changes. A quiet poll is the most frequent
// request of all: it is answered from the account's row alone, with the fewest
// headers that caches need.
func (d *Dialect) getChanges(c call) error {
	q := c.r.URL.Query()
	since, err := cursor(q.Get("since"))
	if err != nil {
		return err
	}
	limit, err := number(q.Get("limit"), wire.DefaultPage, 1, d.opts.Limits.Page, "limit")
	if err != nil {
		return err
	}
	wait, err := number(q.Get("wait"), 0, 0, wire.MaxWait, "wait")
	if err != nil {
		return err
	}
	match := c.r.Header.Get("If-None-Match")
	if tag := wire.CursorETag(wire.Cursor(since)); wait == 0 && since == c.acc.Cursor && matches(match, tag) {
		notModified(c.w, tag)
		return nil
	}
	page, err := d.waitFor(c, time.Duration(wait)*time.Second, question{since, limit, match})
	if err != nil {
		return err
	}
	tag := wire.CursorETag(wire.Cursor(page.Next))
	if matches(match, tag) {
		notModified(c.w, tag)
		return nil
	}
	out := wire.Page{Changes: make([]wire.Change, len(page.Changes)), Cursor: wire.Cursor(page.Next).String(),
		HasMore: page.More, Epoch: page.Next.Epoch, ServerTime: model.FormatTime(d.opts.Now())}
	for i, rec := range page.Changes {
		out.Changes[i] = wire.ChangeOf(rec)
	}
	cacheable(c.w, tag)
	return answer.JSON(c.w, c.r, http.StatusOK, out)
}

func cacheable(w http.ResponseWriter, tag string) {
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization")
}

// notModified answers 304. Without a Date the whole quiet poll stays under its
// 373 bytes.
func notModified(w http.ResponseWriter, tag string) {
	h := w.Header()
	h["Date"] = nil
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	w.WriteHeader(http.StatusNotModified)
}

// matches evaluates If-None-Match: weak comparison, a list, or "*".
func matches(header, tag string) bool {
	if header == tag {
		return true
	}
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == tag {
			return true
		}
	}
	return false
}

func number(text string, absent, low, high int, name string) (int, error) {
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, wire.NewProblem(http.StatusBadRequest, wire.CodeBadParameter, fmt.Sprintf("%s: want %d to %d", name, low, high))
	}
	return n, nil
}

// getMeta answers GET /sync/meta.
func (d *Dialect) getMeta(c call) error {
	c.w.Header().Set("Cache-Control", "private, no-cache")
	return answer.JSON(c.w, c.r, http.StatusOK, wire.Meta{Protocol: wire.Protocol, Account: c.acc.Name, Epoch: c.acc.Epoch,
		Cursor: wire.Cursor(c.acc.Cursor).String(), Limits: d.opts.Limits, Window: keyWindow, Retention: retention,
		ServerTime: model.FormatTime(d.opts.Now())})
}

// getNote answers GET /notes/{id}.
func (d *Dialect) getNote(c call) error {
	rec, err := d.store.Note(c.r.Context(), c.acc.ID, c.note)
	if err != nil {
		return err
	}
	if rec.Fields.Deleted {
		code := wire.CodeDeleted
		if rec.Purged {
			code = wire.CodePurged
		}
		return withCurrent(http.StatusGone, code, "the note was deleted", store.Result{Record: rec})
	}
	tag := wire.ETag(rec.Rev)
	if matches(c.r.Header.Get("If-None-Match"), tag) {
		notModified(c.w, tag)
		return nil
	}
	cacheable(c.w, tag)
	return answer.JSON(c.w, c.r, http.StatusOK, rec)
}

// getNotes answers GET /notes, a list of live notes.
func (d *Dialect) getNotes(c call) error {
	q := c.r.URL.Query()
	since, err := cursor(q.Get("cursor"))
	if err != nil {
		return err
	}
	limit, err := number(q.Get("limit"), wire.DefaultPage, 1, d.opts.Limits.Page, "limit")
	if err != nil {
		return err
	}
	page, err := d.store.Changes(c.r.Context(), c.acc.ID, since, limit, d.opts.Limits.PageBytes)
	if err != nil {
		return err
	}
	out := wire.List{Notes: []model.Record{}, Cursor: wire.Cursor(page.Next).String(), HasMore: page.More}
	for _, rec := range page.Changes {
		if !rec.Fields.Deleted {
			out.Notes = append(out.Notes, rec)
		}
	}
	c.w.Header().Set("Cache-Control", "private, no-cache")
	return answer.JSON(c.w, c.r, http.StatusOK, out)
}

// getHistory answers GET /notes/{id}/history.
func (d *Dialect) getHistory(c call) error {
	q := c.r.URL.Query()
	limit, err := number(q.Get("limit"), 50, 1, d.opts.Limits.Page, "limit")
	if err != nil {
		return err
	}
	before, err := strconv.ParseInt("0"+q.Get("before"), 10, 64)
	if err != nil {
		return wire.NewProblem(http.StatusBadRequest, wire.CodeBadParameter, "before: want a revision")
	}
	list, err := d.store.History(c.r.Context(), c.acc.ID, c.note, before, limit+1)
	if err != nil {
		return err
	}
	out := wire.History{Versions: []wire.Version{}, HasMore: len(list) > limit}
	for _, v := range list[:min(len(list), limit)] {
		out.Versions = append(out.Versions, wire.Version{Rev: v.Rev, Device: v.Device, Kind: v.Kind,
			At: model.FormatTime(v.SavedAt), Note: v.Record})
	}
	c.w.Header().Set("Cache-Control", "private, no-cache")
	return answer.JSON(c.w, c.r, http.StatusOK, out)
}

package sim

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"stet/model"
)

// overwritten is a version that a server let another one replace whose writer had
// not seen it.
type overwritten struct {
	seen, gone, by int64 // revisions: what the writer built on, what was there, what it became
}

// overwrite does a request as if what it builds on were still there, which another
// device's round between its check and its write may have changed. It notes which
// versions it replaces so.
func (s *host) overwrite(d *device, r *http.Request, body []byte) (*http.Response, error) {
	bases := map[string]string{strings.TrimPrefix(r.URL.Path, "/kinto"): r.Header.Get("If-Match")}
	r = r.Clone(ctx)
	r.Header.Del("If-Match")
	if calls := batchIn(r, body); calls != nil {
		for _, c := range calls {
			bases[c.Path] = c.Headers["If-Match"]
			delete(c.Headers, "If-Match")
		}
		var err error
		if body, err = json.Marshal(map[string]any{"requests": calls}); err != nil {
			return nil, err
		}
	}
	s.w.between(d)
	built := map[string]overwritten{}
	for path, base := range bases {
		id := path[strings.LastIndexByte(path, '/')+1:]
		seen, err := strconv.ParseInt(strings.Trim(base, `"`), 10, 64)
		if at := s.revOf(d, id); err == nil && at > seen {
			built[id] = overwritten{seen: seen, gone: at}
		}
	}
	res, err := s.serve(r, body)
	for id, o := range built {
		if o.by = s.revOf(d, id); o.by > o.gone {
			s.overwritten[id] = append(s.overwritten[id], o)
			s.w.meet("version was overwritten unseen")
		}
	}
	return res, err
}

// between lets another device write and sync while a request is under way.
func (w *world) between(d *device) {
	who := w.devices[w.rng.IntN(len(w.devices))]
	if w.depth >= 2 || who == d {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	w.trace.add("   meanwhile %s writes and syncs", who.label)
	w.act(who, Edit)
	w.act(who, Round)
}

// revOf is the revision at which a server has a note, deleted or not; 0 if it
// has none.
func (s *host) revOf(d *device, id string) int64 {
	rec, err := s.store.Note(ctx, int64(d.account+1), id)
	if !errors.Is(err, model.ErrNotFound) {
		s.w.must("read note", err)
	}
	return rec.Rev
}

// hides reports whether a version is one of those that were replaced.
func (o overwritten) hides(rev int64) bool { return o.seen < rev && rev <= o.gone }

// replaced reports whether the version that a device had seen was overwritten
// unseen by one that it has now, or that this one builds on.
func (d *device) replaced(id string, before, after stance) bool {
	return slices.ContainsFunc(d.w.servers[d.server].overwritten[id], func(o overwritten) bool {
		return o.hides(before.shadow.Rev) && o.by <= after.shadow.Rev
	})
}

// checkOverwritten: a text that was replaced unseen goes nowhere without a word
// where it was shown as synced.
func (d *device) checkOverwritten(id string, before, after stance) {
	if before.note.Status != model.Synced || before.note.Deleted || after.note.Deleted || after.inReview || d.consent {
		return
	}
	for _, o := range d.w.servers[d.server].overwritten[id] {
		if o.hides(before.shadow.Rev) && o.by == after.shadow.Rev && loses(before.note.Fields, after.note.Fields) {
			d.w.violate("I-17", "%s: %s at rev %d was overwritten by rev %d, whose writer saw %d, and nobody is asked", d.label, id, before.shadow.Rev, o.by, o.seen)
		}
	}
}

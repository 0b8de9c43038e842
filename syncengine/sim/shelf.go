package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"stet/model"
)

// shelf keeps records as a Kinto does that knows nothing of notes: member by
// member as they were written, our own bookkeeping among them. A stetd takes that
// for what it says and shows the note instead.
type shelf struct {
	asked map[string]map[string]any // by record: what the request under way writes
	kept  map[string]map[string]any // by record and timestamp
}

func newShelf() shelf { return shelf{map[string]map[string]any{}, map[string]map[string]any{}} }

// plain reports whether a request is to a Kinto that is no stetd.
func (s *host) plain(r *http.Request) bool {
	return s.w.script.Config.Foreign && dialectOf(r) == Kinto
}

// ask notes what a request writes.
func (f shelf) ask(r *http.Request, body []byte) {
	clear(f.asked)
	calls := batchIn(r, body)
	if calls == nil {
		calls = []batchCall{{Method: r.Method, Path: r.URL.Path, Body: body}}
	}
	for _, c := range calls {
		var in struct{ Data map[string]any }
		read := json.NewDecoder(bytes.NewReader(c.Body))
		read.UseNumber()
		if c.Method == http.MethodPut && read.Decode(&in) == nil && in.Data != nil {
			f.asked[c.Path[strings.LastIndexByte(c.Path, '/')+1:]] = in.Data
		}
	}
}

// keep puts what a request wrote where it can be found again.
func (f shelf) keep(rec model.Record) {
	if data := f.asked[rec.ID]; data != nil && !rec.Fields.Deleted {
		f.kept[fmt.Sprint(rec.ID, "@", rec.Rev)] = data
	}
}

// show puts the records into an answer.
func (f shelf) show(r *http.Request, res *http.Response) error {
	fields := strings.Split(r.URL.Query().Get("_fields"), ",")
	return rewrite(res, func(in map[string]any) {
		f.replace(in, func(name string) bool { return fields[0] == "" || slices.Contains(fields, name) })
	})
}

func (f shelf) replace(v any, wanted func(name string) bool) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			f.replace(x, wanted)
		}
	case map[string]any:
		data := f.kept[rowName(v)]
		if data == nil {
			for _, x := range v {
				f.replace(x, wanted)
			}
			return
		}
		for name := range v {
			if name != "id" && name != "last_modified" {
				delete(v, name)
			}
		}
		for name, x := range data {
			if name != "id" && name != "last_modified" && wanted(name) {
				v[name] = x
			}
		}
	}
}

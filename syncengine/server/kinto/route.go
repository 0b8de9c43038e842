package kinto

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"stet/syncengine/server/store"
)

// target is what a path and a method stand for.
type target struct {
	bucket     string // as the path has it; "" above the buckets
	other      string // the bucket's id, if it is not the account's first one
	collection string
	shelf      shelf
	id         string
	do         func(room, call) (reply, error)

	verb               string
	open, batch, flush bool
}

// writes reports whether a request is to change something.
func (t target) writes() bool { return t.verb != http.MethodGet && t.verb != http.MethodHead }

// shelf is a place of the store where objects of one kind are. Names that no
// client can spell hold what Kinto keeps of buckets and collections themselves,
// and what is in another bucket than the account's first one.
type shelf struct {
	name string // of the store's collection
	kind string // as errors call its objects
}

var (
	buckets     = shelf{":buckets", "bucket"}
	collections = shelf{":collections", "collection"}
	groups      = shelf{":groups", "group"}
)

const defaultBucket = "default"

func records(collection string) shelf { return shelf{collection, "record"} }

// in returns the shelf of the same kind in another bucket, or s itself for "".
func (s shelf) in(bucket string) shelf {
	if bucket != "" {
		s.name = bucket + "/" + s.name
	}
	return s
}

// is reports whether two shelves hold objects of the same kind.
func (s shelf) is(kind shelf) bool { return s.kind == kind.kind }

func (s shelf) notes() bool { return s.name == store.Notes }

// maxID bounds ids, in bytes.
func (s shelf) maxID() int {
	if s.notes() {
		return 64
	}
	return 255
}

var idPattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]*$`)

func (s shelf) takes(id string) bool { return len(id) <= s.maxID() && idPattern.MatchString(id) }

// methods are what can be done with a path.
type methods map[string]func(room, call) (reply, error)

var (
	onList   = methods{"GET": room.list, "HEAD": room.list, "POST": room.post, "DELETE": room.clear}
	onObject = methods{"GET": room.get, "HEAD": room.get, "PUT": room.put, "PATCH": room.patch, "DELETE": room.delete}
)

// route finds out what a request is for.
func (d *Dialect) route(a ask) (target, *fault) {
	path := strings.TrimPrefix(a.path, Prefix)
	if path == a.path {
		return target{}, versionGone()
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	t, on := place(parts)
	t.verb = a.method
	switch {
	case on != nil:
		if t.do = on[a.method]; t.do == nil {
			return t, notAllowed(allow(on))
		}
		return t, accepts(a)
	case len(parts) > 1:
		return t, noResource()
	}
	return d.utility(a, t, parts[0])
}

// place reads the path of a resource; nil methods if there is none.
func place(parts []string) (t target, on methods) {
	n := len(parts)
	if n > 2 && n < 5 && !slices.Contains(parts, "") && parts[0] == "buckets" && parts[2] == "groups" {
		t.bucket, t.shelf, on = parts[1], groups, onList
		if n == 4 {
			t.id, on = parts[3], onObject
		}
		return t, on
	}
	if parts[0] != "buckets" || slices.Contains(parts, "") || n > 6 || n > 2 && parts[2] != "collections" || n > 4 && parts[4] != "records" {
		return t, nil
	}
	if n > 1 {
		t.bucket = parts[1]
	}
	if n > 3 {
		t.collection = parts[3]
	}
	switch n {
	case 1:
		t.shelf = buckets
	case 2:
		t.shelf, t.id = buckets, parts[1]
	case 3:
		t.shelf = collections
	case 4:
		t.shelf, t.id = collections, parts[3]
	case 5:
		t.shelf = records(t.collection)
	case 6:
		t.shelf, t.id = records(t.collection), parts[5]
	}
	if n%2 == 0 {
		return t, onObject
	}
	return t, onList
}

// utility finds what is beside the resources.
func (d *Dialect) utility(a ask, t target, name string) (target, *fault) {
	method := http.MethodGet
	switch {
	case name == "", name == "__heartbeat__", name == "__lbheartbeat__":
		t.open = true
	case name == "batch":
		t.batch, method = true, http.MethodPost
	case name == "__flush__" && d.opts.Flush:
		t.flush, method = true, http.MethodPost
	default:
		return t, noResource()
	}
	t.id = name
	if a.method != method && !(t.open && a.method == http.MethodHead) {
		if t.open {
			method += ", HEAD"
		}
		return t, notAllowed(method + ", OPTIONS")
	}
	return t, accepts(a)
}

// order is how Kinto lists methods.
var order = []string{"HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"}

func allow(on methods) string {
	names := slices.DeleteFunc(slices.Clone(order), func(m string) bool { return on[m] == nil })
	return strings.Join(append(names, "OPTIONS"), ", ")
}

// accepts refuses clients that want anything but JSON.
func accepts(a ask) *fault {
	accept := a.head.Get("Accept")
	if accept == "" {
		return nil
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "*/*", "application/*", typeJSON:
			return nil
		}
	}
	f := invalid("header", "Accept", "Accept header should be one of ['application/json']")
	f.status = http.StatusNotAcceptable
	return f
}

func versionGone() *fault {
	return &fault{status: http.StatusNotFound, errno: errnoVersion, message: "The requested API version is not available on this server."}
}

package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/server"
	"stet/syncengine/server/store"
	"stet/syncengine/wire"
)

// faulty is a store that does what it is told, badly.
type faulty struct {
	store.Store
	fail func() error
}

func (f faulty) Authenticate(context.Context, [32]byte) (store.Account, error) {
	return store.Account{ID: 1, Name: "ann"}, nil
}

func (f faulty) Note(context.Context, int64, string) (model.Record, error) {
	return model.Record{}, f.fail()
}

func TestFaultsTellNothing(t *testing.T) {
	for name, c := range map[string]struct {
		fail   func() error
		status int
		code   string
	}{
		"panic": {func() error { panic("secret") }, 500, wire.CodeInternal},
		"error": {func() error { return errors.New("secret") }, 500, wire.CodeInternal},
		"busy":  {func() error { return model.ErrBusy }, 503, wire.CodeUnavailable},
	} {
		h := server.New(faulty{fail: c.fail}, server.Options{Now: time.Now, NewID: func() string { return "req-1" }})
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/notes/n", nil)
		r.Header.Set("Authorization", "Bearer x")
		h.ServeHTTP(w, r)
		p, err := wire.DecodeProblem(w.Code, w.Body.Bytes())
		if err != nil || p.Status != c.status || p.Code != c.code || p.RequestID != "req-1" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", name, w.Header().Get("Retry-After"))
		}
	}
}

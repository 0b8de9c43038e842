package discover

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// page answers a path with a status, a type and a body.
type page struct {
	path, kind, body string
	status           int
}

func serve(t *testing.T, pages ...page) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range pages {
			if p.path == r.URL.Path || p.path == "*" {
				if p.status/100 == 3 {
					http.Redirect(w, r, p.body, p.status)
					return
				}
				w.Header().Set("Content-Type", p.kind)
				w.WriteHeader(p.status)
				_, _ = w.Write([]byte(p.body))
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const (
	problem = `{"type":"about:blank","code":"unauthorized","requestId":"r1","status":401}`
	hello   = `{"project_name":"kinto","http_api_version":"1.23","capabilities":{},"settings":{}}`
	head    = `{"success":true,"data":{"lastMutationAt":-1}}`
	refused = `{"message":"no token","type":"unauthorized","success":false}`
)

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name  string
		pages []page
		below string
		want  Server // URL below the server's own
	}{
		{"stet that asks who we are", []page{{"/sync/meta", "application/problem+json", problem, 401}}, "", Server{Stet, ""}},
		{"stet in a folder", []page{{"/notes/sync/meta", "application/problem+json", problem, 401}}, "/notes/", Server{Stet, "/notes"}},
		{"stet before its other dialects", []page{{"/sync/meta", "application/problem+json", problem, 401},
			{"/v1/sync", "application/json", refused, 401}}, "", Server{Stet, ""}},
		{"kinto by its server", []page{{"/v1/", "application/json", hello, 200}}, "", Server{Kinto, "/v1"}},
		{"kinto by its base", []page{{"/v1/", "application/json", hello, 200}}, "/v1", Server{Kinto, "/v1"}},
		{"kinto behind a redirect", []page{{"/v1", "", "/v1/", 307}, {"/v1/", "application/json; charset=UTF-8", hello, 200}}, "/v1/", Server{Kinto, "/v1"}},
		{"stet's kinto", []page{{"/sync/meta", "application/problem+json", problem, 401}, {"/kinto/v1/", "application/json", hello, 200}}, "/kinto/v1", Server{Kinto, "/kinto/v1"}},
		{"mutations, open", []page{{"/v1/sync", "application/json", head, 200}}, "", Server{Mutations, ""}},
		{"mutations, asking who we are", []page{{"/auth/v1/sync", "application/json", refused, 401}}, "/auth", Server{Mutations, "/auth"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := serve(t, c.pages...)
			c.want.URL = base + c.want.URL
			got, err := Find(context.Background(), http.DefaultTransport, base+c.below)
			if err != nil || got != c.want {
				t.Errorf("%+v %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestFindNone(t *testing.T) {
	other := serve(t, page{"*", "application/json", hello, 200})
	for name, base := range map[string]string{
		"captive portal":     serve(t, page{"*", "text/html", "<html>log in</html>", 200}),
		"some JSON":          serve(t, page{"*", "application/json", `{"ok":true}`, 200}),
		"an array":           serve(t, page{"*", "application/json", `[1]`, 200}),
		"a plain 401":        serve(t, page{"*", "application/json", `{"code":"unauthorized"}`, 401}),
		"a login page moved": serve(t, page{"*", "", other + "/v1/", 302}),
		"HTML called Kinto":  serve(t, page{"*", "text/html", hello, 200}),
	} {
		if got, err := Find(context.Background(), http.DefaultTransport, base); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if _, err := Find(context.Background(), http.DefaultTransport, gone.URL); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Find(ctx, http.DefaultTransport, other); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

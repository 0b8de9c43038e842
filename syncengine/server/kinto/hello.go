package kinto

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"stet/syncengine/server/store"
)

type (
	hello struct {
		Name         string         `json:"project_name"`
		Version      string         `json:"project_version"`
		API          string         `json:"http_api_version"`
		Docs         string         `json:"project_docs"`
		URL          string         `json:"url"`
		Settings     settings       `json:"settings"`
		Capabilities map[string]any `json:"capabilities"`
		User         *user          `json:"user,omitempty"`
	}
	settings struct {
		Readonly    bool `json:"readonly"`
		Permissions bool `json:"explicit_permissions"`
		Batch       int  `json:"batch_max_requests"`
	}
	user struct {
		ID         string   `json:"id"`
		Principals []string `json:"principals"`
		Bucket     string   `json:"bucket"`
	}
	capability struct {
		Description string `json:"description"`
		URL         string `json:"url"`
	}
	// epoch lets a client of ours notice that the server's data were replaced.
	epoch struct {
		capability
		Epoch string `json:"epoch,omitempty"`
	}
)

const docs = "https://docs.kinto-storage.org/"

// stet is what the notes are for clients of Kinto.
var stet = capability{"The collection notes holds the notes of a stet account.", docs}

// look answers what needs no account.
func (d *Dialect) look(ctx context.Context, a ask, t target, acc *store.Account) (reply, error) {
	switch t.id {
	case "__lbheartbeat__":
		return answered(http.StatusOK, struct{}{})
	case "__heartbeat__":
		return d.heartbeat(ctx)
	}
	h := hello{Name: "stet", Version: "1", API: "1.23", Docs: docs, URL: a.origin + Prefix + "/",
		Settings: settings{Permissions: true, Batch: maxBatch}, Capabilities: map[string]any{
			"basicauth":      capability{"HTTP Basic authentication: an account's name, and a token of it as the password.", docs},
			"default_bucket": capability{"The default bucket is the account's own, where collections are created implicitly.", docs},
			"stet":           epoch{capability: stet},
		}}
	if d.opts.Flush {
		h.Capabilities["flush_endpoint"] = capability{"The __flush__ endpoint removes all data.", docs}
	}
	if acc != nil {
		h.User = &user{userID(acc.Name), []string{userID(acc.Name), "system.Everyone", "system.Authenticated"}, bucketID(acc.Name)}
		h.Capabilities["stet"] = epoch{stet, acc.Epoch}
	}
	return answered(http.StatusOK, h)
}

func userID(account string) string { return "account:" + account }

// bucketID is the real id of an account's bucket, a UUID made of its name.
func bucketID(account string) string {
	sum := sha256.Sum256([]byte("stet kinto bucket of " + account))
	id, err := uuid.FromBytes(sum[:16])
	if err != nil {
		panic(err) // it has 16 bytes
	}
	return id.String()
}

func (d *Dialect) heartbeat(ctx context.Context) (reply, error) {
	_, err := d.store.Authenticate(ctx, [32]byte{})
	ok := errors.Is(err, store.ErrToken)
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	return answered(status, map[string]bool{"storage": ok, "permission": ok, "cache": ok})
}

// flush erases everything, if that was asked for when the server was started.
func (d *Dialect) flush(ctx context.Context) (reply, error) {
	if err := d.store.Flush(ctx); err != nil {
		return reply{}, err
	}
	return answered(http.StatusAccepted, struct{}{})
}

// caller returns the account of a request's credentials; nil without valid ones.
func (d *Dialect) caller(ctx context.Context, a ask) (*store.Account, error) {
	scheme, value, _ := strings.Cut(a.head.Get("Authorization"), " ")
	value = strings.TrimSpace(value)
	name := ""
	switch strings.ToLower(scheme) {
	case "bearer":
	case "basic":
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return nil, nil
		}
		var ok bool
		if name, value, ok = strings.Cut(string(text), ":"); !ok || name == "" {
			return nil, nil
		}
	default:
		return nil, nil
	}
	if value == "" {
		return nil, nil
	}
	acc, err := d.opts.Authenticate(ctx, name, value)
	if errors.Is(err, store.ErrToken) {
		return nil, nil
	}
	return &acc, err
}

var versioned = regexp.MustCompile(`^/v[0-9]+(/|$)`)

// redirect sends clients from near misses to where they meant.
func redirect(a ask) (reply, bool) {
	rest, under := strings.CutPrefix(a.path, Prefix)
	var to string
	switch {
	case under && rest == "":
		to = Prefix + "/"
	case under && len(rest) > 1 && strings.HasPrefix(rest, "/") && strings.HasSuffix(rest, "/"):
		to = Prefix + "/" + strings.Trim(rest, "/")
	case under && strings.HasPrefix(rest, "/"), versioned.MatchString(strings.TrimPrefix(a.path, outside)):
		return reply{}, false
	default:
		to = Prefix + "/" + strings.TrimLeft(strings.TrimPrefix(a.path, outside), "/")
	}
	out := reply{http.StatusTemporaryRedirect, http.Header{}, nil}
	to = (&url.URL{Path: to}).EscapedPath()
	if len(a.query) > 0 {
		to += "?" + a.query.Encode()
	}
	out.head.Set("Location", a.origin+to)
	out.head.Set("Cache-Control", "max-age=3600")
	return out, true
}

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"stet/db/local"
	"stet/db/server/sqlite"
	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/mutations"
	"stet/syncengine/remote/native"
	"stet/syncengine/server"
	"stet/syncengine/store"
)

// device is this device: its store and the user's actions on it.
type device struct {
	home  *home
	store *local.Store
	notes *syncengine.Notes
	label string
}

// now is the clock of all commands.
func now() time.Time { return time.Now() }

// newID returns a UUIDv7.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// openDevice opens, or makes, the store of a home.
func openDevice(ctx context.Context, h *home) (*device, error) {
	s, err := local.Open(ctx, local.Options{Path: h.storePath(), Now: now, Device: h.label(), ReadOnlyOK: true})
	if err != nil {
		return nil, fmt.Errorf("open notes: %w", err)
	}
	label, err := s.Meta(ctx, "device")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open notes: %w", err), s.Close())
	}
	if label == "" {
		label = h.label()
	}
	return &device{h, s, newNotes(s, label), label}, nil
}

func newNotes(s store.Store, label string) *syncengine.Notes {
	return syncengine.NewNotes(s, syncengine.NotesOptions{Now: now, NewID: newID, Device: label})
}

func (d *device) close() error {
	if err := d.store.Close(); err != nil {
		return fmt.Errorf("close notes: %w", err)
	}
	return nil
}

// lookup finds a note by its id or a part of it.
func (d *device) lookup(ctx context.Context, short string) (string, error) {
	id, err := d.store.Lookup(ctx, short)
	switch {
	case errors.Is(err, model.ErrAmbiguous):
		return "", usage("write more of the id", "more than one note's id begins or ends with %q", short)
	case errors.Is(err, model.ErrNotFound):
		return "", fail(exitNotFound, "see: stet ls", "there is no note %q", short)
	case err != nil:
		return "", fmt.Errorf("look up note: %w", err)
	}
	return id, nil
}

// label is how this device is called where nobody named it: the machine, and
// with a home of its own the folder too, since a machine may hold several.
func (h *home) label() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "device"
	}
	if folder := strings.TrimLeft(filepath.Base(h.data), "."); h.one && folder != "" && folder != "stet" {
		name = folder + "@" + name
	}
	return name
}

// newRemote returns the driver of a connection.
func newRemote(c connection, token string) (remote.Remote, error) {
	var r remote.Remote
	var err error
	switch c.Protocol {
	case protocolKinto:
		r, err = newKinto(c, token)
	case protocolMutations:
		r, err = newMutations(c, token)
	default:
		r, err = native.New(c.URL, token)
	}
	if err != nil {
		return nil, usage("", "%w", err)
	}
	return r, nil
}

// newKinto takes the token for a password where a user is named.
func newKinto(c connection, token string) (remote.Remote, error) {
	who := kinto.Credentials{Bearer: token}
	if c.User != "" {
		who = kinto.Credentials{User: c.User, Password: token}
	}
	var opts []kinto.Option
	if c.Collection != "" {
		opts = append(opts, kinto.WithCollection(c.Collection))
	}
	return kinto.New(c.URL, who, opts...)
}

// newMutations speaks to a mutations log that has notes as the user says.
func newMutations(c connection, token string) (remote.Remote, error) {
	var opts []mutations.Option
	if c.Bodies == plainBodies {
		var b mutations.Bodies
		if c.Ranges != "" {
			b.Ranges = strings.Split(c.Ranges, ",")
		}
		opts = append(opts, mutations.WithPlainBodies(b))
	}
	return mutations.New(c.URL, token, cmp.Or(c.User, "stet"), opts...)
}

// checkURL refuses to send a token where others can read it.
func checkURL(url string, insecure bool) error {
	if err := native.CheckURL(url, insecure); err != nil {
		return usage("", "%w", err)
	}
	return nil
}

// newEngine returns the sync worker of a device.
func newEngine(d *device, r remote.Remote, strategy syncengine.Strategy) *syncengine.Engine {
	return syncengine.New(d.store, r, syncengine.Options{Now: now, NewID: newID, Device: d.label, Rand: mathrand.Float64,
		After: time.After, Changed: d.store.DataVersion, Strategy: strategy})
}

// sleep waits, or ends early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// demoServer is a server inside this process, on the loopback.
type demoServer struct {
	url, account, token string
	store               *sqlite.Store
	http                *http.Server
}

// startDemoServer serves a new account from a store at path.
func startDemoServer(ctx context.Context, path string) (demoServer, error) {
	s := demoServer{account: "demo"}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return s, fmt.Errorf("make a token: %w", err)
	}
	s.token = hex.EncodeToString(secret)
	var err error
	if s.store, err = sqlite.Open(ctx, path, sqlite.Options{Now: now, Rand: rand.Reader}); err != nil {
		return s, fmt.Errorf("open the server's store: %w", err)
	}
	if err := s.store.AddAccount(ctx, s.account); err != nil {
		return s, fmt.Errorf("make an account: %w", err)
	}
	if err := s.store.AddToken(ctx, s.account, "demo", server.Hash(s.token)); err != nil {
		return s, fmt.Errorf("make a token: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, fmt.Errorf("listen: %w", err)
	}
	s.url = "http://" + l.Addr().String()
	s.http = server.HTTP(server.New(s.store, server.Options{Now: now, NewID: newID}), nil)
	go func() { _ = s.http.Serve(l) }() // ends with close
	return s, nil
}

func (s demoServer) close() error {
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	return err
}

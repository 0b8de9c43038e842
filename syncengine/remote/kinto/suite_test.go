package kinto_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"stet/syncengine/remote"
	"stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
)

// TestMain is also the program that is killed, see the scenarios.
func TestMain(m *testing.M) {
	if home := os.Getenv("STET_KINTO_CHILD"); home != "" {
		child(home)
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked { // the suite is run on several servers
		if err := flag.Set("rapid.checks", "25"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// The suite that all drivers run, against the fake. make interop runs it
// against the real thing.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]kinto.Option{"oldest first": nil, "newest first": {kinto.WithNewestFirst()}} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.page = 7
			n := 0
			h := remotetest.Harness{NotModified: true, ListsTombstones: true, NoPurge: true, Account: func(t *testing.T) remotetest.Connect {
				n++
				place := kinto.WithCollection(fmt.Sprint("c", n))
				return func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
					return f.connect(append([]kinto.Option{place, kinto.WithTransport(via)}, opts...)...)
				}
			}}
			remotetest.Run(t, h)
		})
	}
}

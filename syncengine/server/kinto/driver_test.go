package kinto_test

import (
	"fmt"
	"net/http"
	"testing"

	"stet/syncengine/remote"
	driver "stet/syncengine/remote/kinto"
	"stet/syncengine/remote/remotetest"
	"stet/syncengine/server"
)

// TestKintoDriverSuite runs what every driver has to pass with our own Kinto
// driver against this dialect's notes, an account a test.
func TestKintoDriverSuite(t *testing.T) {
	s := newSite(t)
	s.ms.Store(0) // the driver compares timestamps with the Date of answers
	n := 0
	remotetest.Run(t, remotetest.Harness{NotModified: true, ListsTombstones: true, NoPurge: true, Account: func(t *testing.T) remotetest.Connect {
		n++
		name, token := fmt.Sprint("user", n), fmt.Sprint("stet_user", n)
		if err := s.st.AddAccount(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := s.st.AddToken(t.Context(), name, "laptop", server.Hash(token)); err != nil {
			t.Fatal(err)
		}
		return func(t *testing.T, _ string, via http.RoundTripper) remote.Remote {
			c, err := driver.New(s.http.URL+root, driver.Credentials{User: name, Password: token}, driver.WithTransport(via))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			return c
		}
	}})
}

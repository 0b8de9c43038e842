package syncengine_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the random histories be the same ones at every run, so that a
// change is judged by what it changed. -rapid.seed=N or STET_SEED=random look
// for new ones; what they find becomes a named regression.
func TestMain(m *testing.M) {
	flag.Parse()
	if seed := flag.Lookup("rapid.seed"); seed.Value.String() == "0" && os.Getenv("STET_SEED") != "random" {
		if err := flag.Set("rapid.seed", "20261121"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); code == 0 && err != nil { // workers, ears and their streams end with their tests
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

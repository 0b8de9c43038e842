package syncengine_test

import (
	"flag"
	"os"
	"testing"
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
	os.Exit(m.Run())
}

package local

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// benchDir holds the store that benchmarks share.
var benchDir string

func TestMain(m *testing.M) {
	if role := os.Getenv("STET_TEST_ROLE"); role != "" {
		os.Exit(child(role, os.Getenv("STET_TEST_PATH")))
	}
	var err error
	if benchDir, err = os.MkdirTemp("", "bench"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if big != nil {
		if err := big.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := os.RemoveAll(benchDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"stet/db/disk"
)

// sideName is the file beside the store that names its run.
func sideName(path string) string { return path + ".run" }

// mark is what that file says: the run, and the newest clock of all accounts
// when it was written. A missing file is the zero mark.
type mark struct {
	run   string
	clock int64
}

// SideError says that the file beside the store cannot be read or written.
type SideError struct {
	Path string
	Err  error
}

func (e *SideError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *SideError) Unwrap() error { return e.Err }

// readSide reads the file; what is no mark is a name that fits nothing.
func readSide(path string) (m mark, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, &SideError{path, err}
	}
	run, clock, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if m.clock, err = strconv.ParseInt(clock, 10, 64); err != nil || m.clock < 0 {
		return mark{run: string(text)}, nil
	}
	m.run = run
	return m, nil
}

// write replaces the file in one step, durably.
func (m mark) write(path string) error {
	temp := path + ".new"
	err := writeDurably(temp, fmt.Appendf(nil, "%s %d\n", m.run, m.clock))
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = disk.Sync(filepath.Dir(path))
	}
	if err != nil {
		return &SideError{path, err}
	}
	return nil
}

func writeDurably(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

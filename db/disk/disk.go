// Package disk knows what stores need of the file system that holds them: that
// it is no network's, that names and bytes survive a power loss, and who else
// has a store open.
//
// Rules of the room: a leaf below all stores; no SQL, nothing of notes.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Sync makes the file or folder at path durable.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Publish gives the file temp the name path, durably, so that path is never
// half there. An existing path is never replaced: the error is then
// [fs.ErrExist]. Both names are in one file system; temp may stay as a second
// name.
func Publish(temp, path string) error {
	if err := Sync(temp); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without second names
		if _, err := os.Lstat(path); err == nil {
			return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
		err = os.Rename(temp, path)
	}
	if err != nil {
		return err
	}
	return Sync(filepath.Dir(path))
}

// Copy copies a file's bytes to a new file, for the owner alone.
func Copy(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

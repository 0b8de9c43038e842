package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// home is the folder, or folders, of one device.
type home struct {
	data string // the store and what belongs to it
	one  bool   // --home or STET_HOME: everything is under data
}

func (h *home) storePath() string { return filepath.Join(h.data, "stet.db") }
func (h *home) tokenPath() string { return filepath.Join(h.data, "token") }
func (h *home) editPath() string  { return filepath.Join(h.data, "editing") }

// findHome decides where this device lives and makes the folder.
func (a *app) findHome() (*home, error) {
	if a.home != nil {
		return a.home, nil
	}
	h, err := a.whichHome()
	if err != nil {
		return nil, err
	}
	if err := h.make(); err != nil {
		return nil, err
	}
	a.home = h
	return h, nil
}

func (a *app) whichHome() (*home, error) {
	dir := a.homeFlag
	if dir == "" {
		dir = a.getenv("STET_HOME")
	}
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("find home: %w", err)
		}
		return &home{data: abs, one: true}, nil
	}
	if dir = a.getenv("XDG_DATA_HOME"); !filepath.IsAbs(dir) {
		user, err := os.UserHomeDir()
		if err != nil {
			return nil, usage("name a folder with --home", "your home folder is not known")
		}
		dir = filepath.Join(user, ".local", "share")
	}
	return &home{data: filepath.Join(dir, "stet")}, nil
}

// make creates the folder for its owner alone. A folder that was there is
// tightened when it is ours: empty, or holding a store.
func (h *home) make() error {
	info, err := os.Stat(h.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(h.data, 0o700); err != nil {
			return fail(exitFailure, "name another folder with --home", "the folder %s cannot be made: %w", h.data, errors.Unwrap(err))
		}
		return nil
	case err != nil:
		return fail(exitFailure, "", "the folder %s cannot be used: %w", h.data, errors.Unwrap(err))
	case !info.IsDir():
		return usage("", "%s is not a folder", h.data)
	case info.Mode().Perm()&0o077 == 0:
		return nil
	}
	if h.ours() {
		// A folder of another owner cannot be tightened; its files still are.
		_ = os.Chmod(h.data, 0o700)
	}
	return nil
}

func (h *home) ours() bool {
	if _, err := os.Stat(h.storePath()); err == nil {
		return true
	}
	entries, err := os.ReadDir(h.data)
	return err == nil && len(entries) == 0
}

// homeName names the home in sentences.
func (a *app) homeName() string {
	if h, err := a.whichHome(); err == nil {
		return h.data
	}
	return "the notes' folder"
}

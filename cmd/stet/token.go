package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/charmbracelet/x/term"
	"github.com/zalando/go-keyring"
)

// Where a token may be kept.
const (
	tokenInFile    = "file"
	tokenInKeyring = "keyring"
	keyringService = "stet"
)

// errNoToken says that no token is kept for the connection.
var errNoToken = errors.New("no token is kept")

// keepToken stores the token for a server's key: in the keyring of the user's
// session, or in a file of the home where there is none or the home is one
// folder. It returns where. The file says whose token it is, so that a crash
// between this and saving the connection never sends it to another server.
func (h *home) keepToken(key, token string) (string, error) {
	if !h.one && keyring.Set(keyringService, key, token) == nil {
		_ = os.Remove(h.tokenPath())
		return tokenInKeyring, nil
	}
	return tokenInFile, writePrivate(h.tokenPath(), []byte(token+"\n"+key+"\n"))
}

// readToken returns the token that keepToken stored.
func (h *home) readToken(where, key string) (string, error) {
	if where == tokenInKeyring {
		token, err := keyring.Get(keyringService, key)
		if err == nil {
			return token, nil
		}
		return "", fail(exitAuth, "unlock the keyring, or connect again", "the token cannot be read from the keyring: %w", err)
	}
	f, err := os.OpenFile(h.tokenPath(), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errNoToken
	}
	if err != nil {
		return "", fail(exitAuth, "", "the token cannot be read: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Mode().Perm()&0o077 != 0 {
		return "", fail(exitAuth, "make it private: chmod 600 "+h.tokenPath(), "the token file can be read by others")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token, rest, _ := strings.Cut(string(text), "\n")
	if strings.TrimSpace(rest) != key { // another server's token must not be sent to this one
		return "", errNoToken
	}
	return strings.TrimSpace(token), nil
}

// forgetToken removes a kept token.
func (h *home) forgetToken(where, key string) error {
	if where == tokenInKeyring {
		return h.forgetKeyring(key)
	}
	if err := os.Remove(h.tokenPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove token: %w", err)
	}
	return nil
}

// forgetKeyring removes a token from the keyring, if it is there.
func (h *home) forgetKeyring(key string) error {
	err := keyring.Delete(keyringService, key)
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return fmt.Errorf("remove the token from the keyring: %w", err)
	}
	return nil
}

const maxToken = 16 << 10

// takeToken reads the token that connect was given: from a file, stdin, or a
// terminal where it is not shown.
func (a *app) takeToken(path string) (string, error) {
	var text []byte
	var err error
	switch {
	case path == "-":
		text, err = interruptibly(a, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.in, maxToken)) })
	case path != "":
		if text, err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
			return "", usage("", "there is no token file %s", path)
		}
	case a.interactive():
		text, err = a.askToken()
	default:
		return "", usage("write --token-file FILE, or --token-file - to read it from stdin", "connect needs the server's token")
	}
	if errors.Is(err, errInterrupted) {
		return "", err
	}
	if err != nil {
		return "", fail(exitUsage, "", "the token cannot be read: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", usage("", "that is not a token: want one word")
	}
	return token, nil
}

// askToken reads a line from the terminal without showing it. An interrupt puts
// the terminal back.
func (a *app) askToken() ([]byte, error) {
	was, err := term.GetState(a.in.Fd())
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprint(a.err, "Token: ")
	text, err := interruptibly(a, func() ([]byte, error) { return term.ReadPassword(a.in.Fd()) })
	a.say("")
	return text, errors.Join(err, term.Restore(a.in.Fd(), was))
}

// writePrivate replaces a file by one that only its owner can read. A crash
// leaves the old or the new one.
func writePrivate(path string, data []byte) error {
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

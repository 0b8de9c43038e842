package syncengine_test

import (
	"context"
	"crypto/sha256"
	"os"
)

// addAccount makes an account with one token.
func (w *world) addAccount(name string) string {
	ctx := context.Background()
	if err := w.store.AddAccount(ctx, name); err != nil {
		w.t.Fatalf("account: %v", err)
	}
	token := "stet_test_" + name
	w.grant(name, token)
	return token
}

func (w *world) grant(name, token string) {
	if err := w.store.AddToken(context.Background(), name, "test", sha256.Sum256([]byte(token))); err != nil {
		w.t.Fatalf("token: %v", err)
	}
}

// wipe puts an empty server behind the same address and token.
func (w *world) wipe() {
	w.close()
	for _, ext := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(w.path + ext)
	}
	w.open()
	w.addAccount("ana")
}

// backup keeps the server's data as they are now; restore brings them back.
func (w *world) backup() {
	w.close()
	data, err := os.ReadFile(w.path)
	if err == nil {
		err = os.WriteFile(w.path+".bak", data, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *world) restore() {
	w.close()
	for _, ext := range []string{"-wal", "-shm"} {
		_ = os.Remove(w.path + ext)
	}
	data, err := os.ReadFile(w.path + ".bak")
	if err == nil {
		err = os.WriteFile(w.path, data, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// close ends the server as a clean stop does: the WAL is folded in.
func (w *world) close() {
	if err := w.store.Close(); err != nil {
		w.t.Fatalf("close server store: %v", err)
	}
}

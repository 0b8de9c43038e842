//go:build linux && cgo

package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

// TestJournalInMemory: connections share a journal that is in no folder, and
// the last of them leaves all of it in the file.
func TestJournalInMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	open := func() *sql.DB {
		db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL")
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		return db
	}
	exec := func(db *sql.DB, q string) {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	one := func(db *sql.DB, q string) (out string) {
		if err := db.QueryRow(q).Scan(&out); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		return out
	}
	const count = "SELECT count(*) FROM n"
	files := map[string][]byte{} // by how many rows they have
	for _, want := range []string{"300", "600"} {
		a, b := open(), open()
		exec(a, "CREATE TABLE IF NOT EXISTS n (x)")
		for range 300 {
			exec(a, "INSERT INTO n VALUES (randomblob(3000))")
		}
		if got := one(b, count); got != want {
			t.Errorf("another connection sees %s rows, not %s", got, want)
		}
		if beside, err := filepath.Glob(path + "-*"); err != nil || len(beside) > 0 {
			t.Errorf("beside the store there is %v (%v)", beside, err)
		}
		for _, db := range []*sql.DB{b, a} {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[want] = data
	}
	for want, data := range files { // a file that is put in another's place finds no journal
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		db := open()
		if got, sound := one(db, count), one(db, "PRAGMA integrity_check"); got != want || sound != "ok" {
			t.Errorf("the file of %s rows has %s: %s", want, got, sound)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

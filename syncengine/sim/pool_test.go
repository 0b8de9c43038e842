package sim

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func newPool(t *testing.T) *Pool {
	t.Helper()
	p, err := NewPool(Scratch())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// TestPoolTellsNothing: a run in stores that others used before goes as one in
// new stores does, in any order.
func TestPoolTellsNothing(t *testing.T) {
	p := newPool(t)
	seeds := []uint64{317, 3, 41, 8, 3, 22, 317, 5}
	for _, seed := range seeds {
		used, fresh := Run(Draw(seed), Options{Dir: Scratch(), Pool: p}), Run(Draw(seed), Options{Dir: Scratch()})
		if used.Violation != nil || fresh.Violation != nil {
			t.Fatalf("seed %d: %v, %v", seed, used.Violation, fresh.Violation)
		}
		if used.Trace != fresh.Trace || used.Dump != fresh.Dump {
			t.Errorf("seed %d: trace %x in used stores, %x in new ones", seed, used.Trace, fresh.Trace)
		}
	}
}

// TestEmptied: table by table, an emptied store holds what a new one holds.
func TestEmptied(t *testing.T) {
	p, other := newPool(t), newPool(t)
	for _, seed := range []uint64{3, 11, 41} {
		if res := Run(Draw(seed), Options{Dir: Scratch(), Pool: p}); res.Violation != nil {
			t.Fatal(res.Violation)
		}
	}
	quiet := Script{Seed: 1, Config: Config{Devices: 3, Servers: 2, Skew: make([]time.Duration, 3)}}
	for _, pool := range []*Pool{p, other} {
		if res := Run(quiet, Options{Dir: Scratch(), Pool: pool}); res.Violation != nil {
			t.Fatal(res.Violation)
		}
	}
	for label := range other.homes {
		was := content(t, filepath.Join(p.homes[label].dir, "stet.db"))
		want := content(t, filepath.Join(other.homes[label].dir, "stet.db"))
		compare(t, label, want, was)
	}
	for n := range other.sites {
		want, got := content(t, other.sites[n].path), content(t, p.sites[n].path)
		if got["run"] == "" {
			t.Errorf("server%d: the run is gone", n)
		}
		delete(want, "run") // the one may have been served more often
		delete(got, "run")
		compare(t, fmt.Sprint("server", n), want, got)
	}
}

func compare(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	if len(want) < 5 || len(want) != len(got) {
		t.Fatalf("%s: %d tables, a new one has %d", what, len(got), len(want))
	}
	for table, rows := range want {
		if got[table] != rows {
			t.Errorf("%s: table %s holds\n%s\na new one\n%s", what, table, got[table], rows)
		}
	}
}

// random are the values that are drawn anew for each file.
var random = []string{"store_id", "device_id", "place"}

// content returns the rows of each table of a store that is open elsewhere.
func content(t *testing.T, path string) map[string]string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables, err := (&side{db: db}).tables()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(tables, "sqlite_sequence") {
		t.Errorf("%s: tables %v", path, tables)
	}
	out := map[string]string{}
	for _, name := range tables {
		out[name] = rowsOf(t, db, name)
	}
	return out
}

func rowsOf(t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for rows.Next() {
		row, dst := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			dst[i] = &row[i]
		}
		if err := rows.Scan(dst...); err != nil {
			t.Fatal(err)
		}
		if table == "meta" && slices.Contains(random, fmt.Sprint(row[0])) {
			row[1] = "drawn"
		}
		fmt.Fprintf(&b, "%q\n", row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

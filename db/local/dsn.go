package local

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"

	"github.com/mattn/go-sqlite3"

	"stet/model"
)

// minSQLite is the first release without the WAL-reset bug, which damages a
// file that two processes write.
const minSQLite = 3051003

// role is what a connection is for.
type role struct {
	write     bool
	immutable bool // a file in a folder where SQLite cannot make its side files
}

// connector opens connections of one role without registering a driver.
type connector struct {
	dsn    string
	driver *sqlite3.SQLiteDriver
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// pool returns a database handle of n connections; none is opened yet.
func pool(path string, r role, n int) *sql.DB {
	db := sql.OpenDB(connector{dsn(path, r), &sqlite3.SQLiteDriver{ConnectHook: r.settle}})
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

// dsn spells the connection's settings. The path goes through url.URL: a
// question mark in a folder's name is not an option.
func dsn(path string, r role) string {
	v := url.Values{"_busy_timeout": {"5000"}, "_foreign_keys": {"on"}, "_stmt_cache_size": {"128"}, "_synchronous": {"FULL"},
		"_mutex": {"no"}}
	switch {
	case r.write:
		v.Set("mode", "rw")
		v.Set("_txlock", "immediate")
		v.Set("_journal_mode", "WAL")
	default:
		v.Set("mode", "ro")
		v.Set("_query_only", "on")
		v.Set("_txlock", "deferred")
	}
	if r.immutable {
		v.Set("immutable", "1")
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: v.Encode()}
	return u.String()
}

// settle makes the settings that the address cannot carry, then reads all of
// them back: a driver that silently ignored one would cost notes, not speed.
func (r role) settle(c *sqlite3.SQLiteConn) error {
	for _, p := range []string{"PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON", "PRAGMA wal_autocheckpoint=0",
		"PRAGMA fullfsync=ON", "PRAGMA checkpoint_fullfsync=ON"} {
		if _, err := c.Exec(p, nil); err != nil {
			return fmt.Errorf("set %s: %w", p, err)
		}
	}
	want := map[string]any{"synchronous": int64(2), "foreign_keys": int64(1), "busy_timeout": int64(5000),
		"trusted_schema": int64(0), "cell_size_check": int64(1), "wal_autocheckpoint": int64(0)}
	if r.write {
		want["journal_mode"] = "wal"
	} else {
		want["query_only"] = int64(1)
	}
	for name, value := range want {
		got, err := pragma(c, name)
		if err != nil {
			return fmt.Errorf("read setting %s: %w", name, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(value) {
			return fmt.Errorf("setting %s is %v, not %v", name, got, value)
		}
	}
	return nil
}

func pragma(c *sqlite3.SQLiteConn, name string) (any, error) {
	rows, err := c.Query("PRAGMA "+name, nil)
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	value := row[0]
	if b, ok := value.([]byte); ok {
		value = string(b)
	}
	return value, rows.Close()
}

// checkVersion refuses a library that may damage the file.
func checkVersion() error {
	if version, number, _ := sqlite3.Version(); number < minSQLite {
		return fmt.Errorf("%w: SQLite %s may damage a store that two programs use; 3.51.3 is needed", model.ErrRefused, version)
	}
	return nil
}

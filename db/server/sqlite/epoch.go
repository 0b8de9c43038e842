package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"stet/model"
)

// newEpoch makes a name that no other history of an account has.
func newEpoch(random io.Reader) (string, error) {
	var b [7]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make epoch: %w", err)
	}
	return lower.EncodeToString(b[:])[:10], nil
}

// former is what a replaced store knows and a backup cannot.
type former struct {
	accounts map[string]int64 // name → clock
	tokens   map[string]formerToken
}

type formerToken struct {
	account string
	revoked bool
}

// readFormer reads a store that is to be replaced, and folds its journal in.
func readFormer(ctx context.Context, path string) (f *former, err error) {
	if err := foreign(path); err != nil {
		return nil, err
	}
	db, conn, err := scratch(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(), db.Close()) }()
	f = &former{accounts: map[string]int64{}, tokens: map[string]formerToken{}}
	have, err := identify(ctx, conn)
	if err != nil || have == 0 {
		return f, err
	}
	if err := quickCheck(ctx, conn); err != nil {
		return nil, err
	}
	if err := f.readAccounts(ctx, conn); err != nil {
		return nil, err
	}
	if err := f.readTokens(ctx, conn); err != nil {
		return nil, err
	}
	_, err = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return f, translate("fold the journal in", err)
}

func (f *former) readAccounts(ctx context.Context, q querier) error {
	return each(ctx, q, `SELECT name, clock FROM accounts`, func(scan func(...any) error) error {
		var name string
		var clock int64
		if err := scan(&name, &clock); err != nil {
			return err
		}
		f.accounts[name] = clock
		return nil
	})
}

func (f *former) readTokens(ctx context.Context, q querier) error {
	return each(ctx, q, `SELECT t.hash, a.name, t.revoked FROM tokens t JOIN accounts a ON a.id = t.account`, func(scan func(...any) error) error {
		var hash []byte
		var t formerToken
		if err := scan(&hash, &t.account, &t.revoked); err != nil {
			return err
		}
		f.tokens[string(hash)] = t
		return nil
	})
}

// each runs do for every row of a query.
func each(ctx context.Context, q querier, query string, do func(scan func(...any) error) error) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return translate("read rows", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return translate("read rows", err)
		}
	}
	return translate("read rows", rows.Err())
}

// beginEpochs gives each account a new epoch, which every cursor that was given
// out is foreign to. Its floor is its clock, so that the clock, which may be
// ahead of the newest change, is a place in the account too.
func (r *restore) beginEpochs(tx *sql.Tx) error {
	back := map[string]int64{}
	err := each(r.ctx, tx, `SELECT name, clock FROM accounts ORDER BY name`, func(scan func(...any) error) error {
		var name string
		var clock int64
		if err := scan(&name, &clock); err != nil {
			return err
		}
		back[name] = clock
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(back)) {
		clock := back[name]
		if r.old != nil {
			clock = max(clock, r.old.accounts[name])
		}
		epoch, err := newEpoch(r.o.Rand)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(r.ctx, `UPDATE accounts SET epoch = ?, clock = ?, floor = ?, floor_tag = tag WHERE name = ?`, epoch, clock, clock, name)
		if err != nil {
			return translate("begin epoch", err)
		}
	}
	r.compareAccounts(back)
	return nil
}

// inspectWhole makes sure that a file is a store to the last row: its own
// tables and no others, no trigger or view that would run, every note with its
// text.
func inspectWhole(ctx context.Context, conn *sql.Conn) error {
	have, err := identify(ctx, conn)
	if err != nil || have == 0 {
		return errors.Join(err, empty(have))
	}
	var answer string
	if err := conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&answer); err != nil || answer != "ok" {
		return errors.Join(translate("check backup", err), fmt.Errorf("check backup: %w", model.ErrCorrupt))
	}
	var others, loose int
	err = conn.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%'
			OR type = 'table' AND name NOT IN ('accounts', 'tokens', 'notes', 'changes', 'collections', 'run', 'sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4')),
		(SELECT count(*) FROM notes n LEFT JOIN changes c ON c.account = n.account AND c.rev = n.rev AND c.note = n.id WHERE c.snapshot IS NULL)
			+ (SELECT count(*) FROM pragma_foreign_key_check)`).Scan(&others, &loose)
	if err != nil {
		return translate("check backup", err)
	}
	if others+loose > 0 {
		return fmt.Errorf("check backup: %w: %d parts are not stetd's, %d do not fit together", model.ErrCorrupt, others, loose)
	}
	return nil
}

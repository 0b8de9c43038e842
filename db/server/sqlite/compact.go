package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// CompactOptions say what to compact and with which clock.
type CompactOptions struct {
	// Before: texts that were overtaken and rest since before this time go. Never
	// later than Now.
	Before time.Time
	// DryRun counts only.
	DryRun bool
	Now    func() time.Time
	// Sleep lets others write between two transactions.
	Sleep func(context.Context, time.Duration) error
}

// Compacted tells what was compacted, or would be.
type Compacted struct {
	Accounts   int   // whose floor moved
	Versions   int   // old texts that went
	Tombstones int   // deleted notes whose last text was among them
	Bytes      int64 // of the texts
	Free       int64 // bytes of the file that are free for new notes
}

// Compact empties the snapshots of changes before a time, but for those that
// notes stand on, and moves each account's floor there: cursors below it have
// expired. Rows stay, so op ids never expire and tombstones are never forgotten.
//
// It is made for a store that is being served: transactions are of a few
// milliseconds, with rests between. A compaction that is cut short is finished
// by the next. Errors as of [Backup].
func Compact(ctx context.Context, path string, o CompactOptions) (Compacted, error) {
	lock, err := existing(path)
	if err != nil {
		return Compacted{}, err
	}
	out, err := compactFile(ctx, path, o)
	return out, errors.Join(err, lock.Release())
}

func compactFile(ctx context.Context, path string, o CompactOptions) (out Compacted, err error) {
	db, conn, err := scratch(ctx, path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, conn.Close(), db.Close()) }()
	if have, err := identify(ctx, conn); err != nil || have == 0 {
		return out, errors.Join(err, empty(have))
	}
	if err := migrate(ctx, conn); err != nil {
		return out, err
	}
	c := compaction{conn: conn, o: o, rows: 64}
	cuts, err := c.cuts(ctx)
	if err != nil {
		return out, err
	}
	for _, cut := range cuts {
		if err := c.account(ctx, cut); err != nil {
			return c.out, err
		}
	}
	err = conn.QueryRowContext(ctx, `SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size`).Scan(&c.out.Free)
	return c.out, translate("count free pages", err)
}

// compaction is one run.
type compaction struct {
	conn *sql.Conn
	o    CompactOptions
	rows int // of the next transaction
	out  Compacted
}

// cut is where an account's floor is to be.
type cut struct {
	account int64
	rev     int64
	tag     string
	moves   bool
}

// cuts finds the newest change before the time in each account. A rev is never
// smaller than the time of its write, so nothing younger is touched whatever
// the clock did.
func (c *compaction) cuts(ctx context.Context) (out []cut, err error) {
	rows, err := c.conn.QueryContext(ctx, `SELECT a.id, c.rev, c.tag, c.rev > a.floor FROM accounts a JOIN changes c ON c.account = a.id
		AND c.rev = (SELECT max(rev) FROM changes WHERE account = a.id AND rev < ?)`, c.o.Before.UnixMilli())
	if err != nil {
		return nil, translate("find old changes", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at cut
		if err := rows.Scan(&at.account, &at.rev, &at.tag, &at.moves); err != nil {
			return nil, translate("find old changes", err)
		}
		out = append(out, at)
	}
	return out, translate("find old changes", rows.Err())
}

const (
	sqlFloor = `UPDATE accounts SET floor = ?, floor_tag = ? WHERE id = ? AND floor < ?`
	sqlOld   = `FROM changes c LEFT JOIN notes n ON n.account = c.account AND n.collection = c.collection AND n.rev = c.rev
		WHERE c.account = ? AND c.rev > ? AND c.rev <= ? AND c.snapshot IS NOT NULL AND n.rev IS NULL`
	// A text is a tombstone's last when the deletion came right after it.
	sqlCount = `SELECT count(*), coalesce(sum(length(c.snapshot)), 0), coalesce(sum(EXISTS (SELECT 1 FROM notes d
		JOIN changes t ON t.account = d.account AND t.rev = d.rev
		WHERE d.account = c.account AND d.collection = c.collection AND d.id = c.note AND d.deleted AND t.prev = c.rev)), 0) ` + sqlOld
	sqlNextRevs = `SELECT coalesce(max(rev), 0) FROM (SELECT rev FROM changes WHERE account = ? AND rev > ? AND rev <= ? ORDER BY rev LIMIT 0+?)`
	sqlEmpty    = `UPDATE changes SET snapshot = NULL WHERE seq IN (SELECT c.seq ` + sqlOld + `)`
)

// account moves the floor, then empties below it piece by piece.
func (c *compaction) account(ctx context.Context, at cut) error {
	if at.moves {
		c.out.Accounts++
		if err := c.short(ctx, func(ctx context.Context) error {
			if c.o.DryRun {
				return nil
			}
			_, err := c.conn.ExecContext(ctx, sqlFloor, at.rev, at.tag, at.account, at.rev)
			return err
		}); err != nil {
			return err
		}
	}
	for from := int64(0); from < at.rev; {
		var to int64
		err := c.conn.QueryRowContext(ctx, sqlNextRevs, at.account, from, at.rev, c.rows).Scan(&to)
		if err != nil || to == 0 {
			return translate("find old changes", err)
		}
		if err := c.piece(ctx, at.account, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// piece empties the old snapshots in (from, to] and counts them.
func (c *compaction) piece(ctx context.Context, account, from, to int64) error {
	return c.short(ctx, func(ctx context.Context) error {
		var n, tombs int
		var size int64
		if err := c.conn.QueryRowContext(ctx, sqlCount, account, from, to).Scan(&n, &size, &tombs); err != nil || n == 0 {
			return err
		}
		if !c.o.DryRun {
			if _, err := c.conn.ExecContext(ctx, sqlEmpty, account, from, to); err != nil {
				return err
			}
		}
		c.out.Versions, c.out.Bytes, c.out.Tombstones = c.out.Versions+n, c.out.Bytes+size, c.out.Tombstones+tombs
		return nil
	})
}

// Bounds of the transactions. Those who wait for the lock look again after 1 to
// 100 ms: a rest several times as long as the work lets them in.
const (
	workTime = 10 * time.Millisecond
	restTime = 30 * time.Millisecond
	maxRows  = 5000
)

// short runs do in one transaction, rests, and fits the size of the next one to
// how long this one took. A dry run writes nothing and needs no lock.
func (c *compaction) short(ctx context.Context, do func(context.Context) error) error {
	if c.o.DryRun {
		c.rows = maxRows
		return translate("count old texts", do(ctx))
	}
	took, err := c.locked(ctx, do)
	if err != nil {
		return translate("compact", err)
	}
	switch {
	case took > workTime:
		c.rows = max(c.rows/2, 8)
	case took < workTime/4:
		c.rows = min(c.rows*2, maxRows)
	}
	return c.o.Sleep(ctx, max(restTime, 3*took))
}

// locked runs do in one transaction and tells how long it kept others out.
func (c *compaction) locked(ctx context.Context, do func(context.Context) error) (took time.Duration, err error) {
	if _, err := c.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return 0, err
	}
	begun := c.o.Now()
	err = do(ctx)
	if err == nil {
		_, err = c.conn.ExecContext(context.WithoutCancel(ctx), "COMMIT")
	}
	if err != nil {
		_, _ = c.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return c.o.Now().Sub(begun), err
}

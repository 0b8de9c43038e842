package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"stet/syncengine/server/store"
)

// zeroTag is the tag of an account without changes.
const zeroTag = "00000000"

// listing ends the tag of a place below the floor that was given out inside a
// complete listing. Whoever lists may go on there: what the floor stands for
// is known to all that come after it.
const listing = "0"

// place returns the cursor at a change, which a page ends with.
func (a *account) place(rev int64, tag string) store.Cursor {
	if rev < a.floor {
		tag += listing
	}
	return store.Cursor{Epoch: a.epoch, Rev: rev, Tag: tag}
}

var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// nextTag is the rolling hash after one more change.
func nextTag(prev string, rev int64, opID string, bodyHash [32]byte) string {
	h := sha256.New()
	h.Write([]byte(prev))
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(rev))
	h.Write(n[:])
	h.Write(bodyHash[:])
	h.Write([]byte(opID))
	return lower.EncodeToString(h.Sum(nil)[:5])
}

// account is an account's row.
type account struct {
	id       int64
	name     string
	epoch    string
	clock    int64
	tag      string
	floor    int64
	floorTag string
}

func (a *account) head() store.Cursor { return store.Cursor{Epoch: a.epoch, Rev: a.clock, Tag: a.tag} }

const (
	accountColumns = `id, name, epoch, clock, tag, floor, floor_tag`
	sqlAccount     = `SELECT ` + accountColumns + ` FROM accounts WHERE id = ?`
	sqlTag         = `SELECT tag FROM changes WHERE account = ? AND rev = ?`
)

// querier is a connection, transaction or pool.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readAccount(ctx context.Context, q querier, id int64) (*account, error) {
	var a account
	err := q.QueryRowContext(ctx, sqlAccount, id).Scan(&a.id, &a.name, &a.epoch, &a.clock, &a.tag, &a.floor, &a.floorTag)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read account: %w", store.ErrNoAccount)
	}
	if err != nil {
		return nil, translate("read account", err)
	}
	return &a, nil
}

// check reports whether since is a position of this account: the beginning, the
// floor, the head or a change. The zero Cursor is always fine.
func (a *account) check(ctx context.Context, q querier, since store.Cursor) error {
	switch {
	case since == store.Cursor{} || since == a.head():
		return nil
	case since.Epoch != a.epoch:
		return store.ErrEpoch
	case since.Rev < a.floor && strings.HasSuffix(since.Tag, listing):
		since.Tag = strings.TrimSuffix(since.Tag, listing)
	case since.Rev < a.floor:
		return store.ErrExpired
	case since.Rev == a.floor:
		return known(since.Tag == a.floorTag)
	case since.Rev > a.clock:
		return store.ErrUnknown
	}
	var tag string
	err := q.QueryRowContext(ctx, sqlTag, a.id, since.Rev).Scan(&tag)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return translate("check cursor", err)
	}
	return known(err == nil && tag == since.Tag)
}

func known(ok bool) error {
	if !ok {
		return store.ErrUnknown
	}
	return nil
}

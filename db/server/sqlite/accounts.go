package sqlite

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"stet/syncengine/server/store"
)

const (
	sqlAddAccount = `INSERT INTO accounts (name, epoch, tag, floor_tag, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`
	sqlAccountID  = `SELECT id FROM accounts WHERE name = ?`
	sqlNames      = `SELECT name FROM accounts ORDER BY name`
	sqlAddToken   = `INSERT INTO tokens (account, label, hash, created) VALUES (?, ?, ?, ?)`
	sqlTokens     = `SELECT label, created, last_used, revoked FROM tokens WHERE account = ? ORDER BY id`
	sqlRevoke     = `UPDATE tokens SET revoked = 1 WHERE account = ? AND revoked = 0 AND (? = '' OR label = ?)`
	sqlUsed       = `UPDATE tokens SET last_used = ? WHERE id = ?`
	sqlAuth       = `SELECT t.id, t.label, t.hash, t.last_used, t.revoked, a.id, a.name, a.epoch, a.clock, a.tag
		FROM tokens t JOIN accounts a ON a.id = t.account WHERE t.hash = ?`
)

// AddAccount implements store.Store.
func (s *Store) AddAccount(ctx context.Context, name string) error {
	epoch, err := newEpoch(s.opts.Rand)
	if err != nil {
		return err
	}
	return s.submit(ctx, 1, func(g *group) error {
		res, err := g.w.conn.ExecContext(g.ctx, sqlAddAccount, name, epoch, zeroTag, zeroTag, s.opts.Now().UnixMilli())
		if err != nil {
			return translate("add account", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("add account: %w", errors.Join(err, store.ErrExists))
		}
		return nil
	})
}

// Accounts implements store.Store; sorted by name.
func (s *Store) Accounts(ctx context.Context) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, sqlNames)
	if err != nil {
		return nil, translate("list accounts", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, translate("list accounts", err)
		}
		out = append(out, name)
	}
	return out, translate("list accounts", rows.Err())
}

func accountID(ctx context.Context, q querier, name string) (int64, error) {
	var id int64
	err := q.QueryRowContext(ctx, sqlAccountID, name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("find account: %w", store.ErrNoAccount)
	}
	return id, translate("find account", err)
}

// RemoveAccount implements store.Store.
func (s *Store) RemoveAccount(ctx context.Context, name string) error {
	return s.submit(ctx, 1, func(g *group) error {
		id, err := accountID(g.ctx, g.w.conn, name)
		if err != nil {
			return err
		}
		for _, table := range []string{"notes WHERE account", "changes WHERE account", "collections WHERE account", "tokens WHERE account", "accounts WHERE id"} {
			if _, err := g.w.conn.ExecContext(g.ctx, "DELETE FROM "+table+" = ?", id); err != nil {
				return translate("remove account", err)
			}
		}
		delete(g.accounts, id)
		delete(g.dirty, id)
		return nil
	})
}

// AddToken implements store.Store.
func (s *Store) AddToken(ctx context.Context, name, label string, hash [32]byte) error {
	return s.submit(ctx, 1, func(g *group) error {
		id, err := accountID(g.ctx, g.w.conn, name)
		if err != nil {
			return err
		}
		_, err = g.w.conn.ExecContext(g.ctx, sqlAddToken, id, label, hash[:], s.opts.Now().UnixMilli())
		return translate("add token", err)
	})
}

// Tokens implements store.Store; oldest first.
func (s *Store) Tokens(ctx context.Context, name string) ([]store.Token, error) {
	id, err := accountID(ctx, s.read, name)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, sqlTokens, id)
	if err != nil {
		return nil, translate("list tokens", err)
	}
	defer rows.Close()
	var out []store.Token
	for rows.Next() {
		var t store.Token
		var created, used int64
		if err := rows.Scan(&t.Label, &created, &used, &t.Revoked); err != nil {
			return nil, translate("list tokens", err)
		}
		t.Created, t.LastUsed = fromMillis(created), fromMillis(used)
		out = append(out, t)
	}
	return out, translate("list tokens", rows.Err())
}

// RevokeTokens implements store.Store.
func (s *Store) RevokeTokens(ctx context.Context, name, label string) (int, error) {
	var n int64
	err := s.submit(ctx, 1, func(g *group) error {
		id, err := accountID(g.ctx, g.w.conn, name)
		if err != nil {
			return err
		}
		res, err := g.w.conn.ExecContext(g.ctx, sqlRevoke, id, label, label)
		if err != nil {
			return translate("revoke tokens", err)
		}
		n, err = res.RowsAffected()
		return translate("revoke tokens", err)
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

// Authenticate implements store.Store. That a token was used is noted at most
// once an hour and never waited for.
func (s *Store) Authenticate(ctx context.Context, hash [32]byte) (store.Account, error) {
	var a store.Account
	var token, used int64
	var stored []byte
	var revoked bool
	err := s.read.QueryRowContext(ctx, sqlAuth, hash[:]).Scan(&token, &a.Label, &stored, &used, &revoked,
		&a.ID, &a.Name, &a.Epoch, &a.Cursor.Rev, &a.Cursor.Tag)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Account{}, store.ErrToken
	case err != nil:
		return store.Account{}, translate("look up token", err)
	case subtle.ConstantTimeCompare(stored, hash[:]) != 1 || revoked:
		return store.Account{}, store.ErrToken
	}
	a.Cursor.Epoch = a.Epoch
	if hour := s.opts.Now().Truncate(time.Hour).UnixMilli(); used < hour {
		s.offer(func(g *group) error {
			_, err := g.w.conn.ExecContext(g.ctx, sqlUsed, hour, token)
			return translate("note use of token", err)
		})
	}
	return a, nil
}

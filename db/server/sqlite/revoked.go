package sqlite

import (
	"database/sql"
	"slices"
)

// keepRevoked revokes the backup's tokens that the replaced store had revoked:
// a restore must not let anyone in again.
func (r *restore) keepRevoked(tx *sql.Tx) error {
	if r.old == nil {
		return nil
	}
	r.out.Known = true
	here := map[string]bool{} // hash → valid
	err := each(r.ctx, tx, `SELECT hash, NOT revoked FROM tokens`, func(scan func(...any) error) error {
		var hash []byte
		var valid bool
		if err := scan(&hash, &valid); err != nil {
			return err
		}
		here[string(hash)] = valid
		return nil
	})
	if err != nil {
		return err
	}
	for hash, t := range r.old.tokens {
		valid, there := here[hash]
		switch {
		case !there && !t.revoked && !slices.Contains(r.out.Gone, t.account):
			r.out.Missing++
		case t.revoked && valid:
			if _, err := tx.ExecContext(r.ctx, `UPDATE tokens SET revoked = 1 WHERE hash = ?`, []byte(hash)); err != nil {
				return translate("revoke token", err)
			}
			r.out.Revoked++
		}
	}
	return nil
}

// compareAccounts tells which accounts come back and which go.
func (r *restore) compareAccounts(back map[string]int64) {
	if r.old == nil {
		return
	}
	for name := range back {
		if _, ok := r.old.accounts[name]; !ok {
			r.out.Back = append(r.out.Back, name)
		}
	}
	for name := range r.old.accounts {
		if _, ok := back[name]; !ok {
			r.out.Gone = append(r.out.Gone, name)
		}
	}
	slices.Sort(r.out.Back)
	slices.Sort(r.out.Gone)
}

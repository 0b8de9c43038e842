package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"stet/model"
)

//go:embed schema/*.sql
var schema embed.FS

// newest is the schema's number; schema/NNNN.sql leads to it one by one.
const newest = 4

// migrate brings the schema to the newest, each step in one transaction.
func migrate(ctx context.Context, conn *sql.Conn) error {
	for {
		have, err := identify(ctx, conn)
		if err != nil || have == newest {
			return err
		}
		if err := step(ctx, conn, have+1); err != nil {
			return err
		}
	}
}

// identify returns the schema's number of a store, 0 for an empty file.
// Anything else than a store is model.ErrCorrupt.
func identify(ctx context.Context, q querier) (have int, err error) {
	var app, ours, all int
	err = q.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('accounts', 'tokens', 'notes', 'changes')),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&have, &app, &ours, &all)
	switch {
	case err != nil:
		return 0, translate("read schema", err)
	case app != 0 && app != applicationID:
	case have > newest:
		return have, fmt.Errorf("open store: schema %d, this program knows %d: %w", have, newest, model.ErrNewerSchema)
	case have == 0 && all == 0, have == 1 && ours == 4, have > 1 && ours == 4 && app == applicationID:
		return have, nil
	}
	return 0, fmt.Errorf("open store: %w: it is no store of stetd", model.ErrCorrupt)
}

// step goes to schema number to, unless another process was faster.
func step(ctx context.Context, conn *sql.Conn, to int) error {
	text, err := schema.ReadFile(fmt.Sprintf("schema/%04d.sql", to))
	if err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return translate("change schema", err)
	}
	var have int
	err = conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have)
	if err == nil && have == to-1 {
		_, err = conn.ExecContext(ctx, string(text)+fmt.Sprintf("PRAGMA user_version=%d;", to))
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
	}
	return translate("change schema", err)
}

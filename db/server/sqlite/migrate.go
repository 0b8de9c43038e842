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
const newest = 1

// migrate brings the schema to the newest, each step in one transaction.
func migrate(ctx context.Context, conn *sql.Conn) error {
	for {
		var have int
		if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
			return translate("read schema", err)
		}
		switch {
		case have == newest:
			return nil
		case have > newest:
			return fmt.Errorf("open store: schema %d, this program knows %d: %w", have, newest, model.ErrNewerSchema)
		}
		if err := step(ctx, conn, have+1); err != nil {
			return err
		}
	}
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

package index

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrations embed.FS

// createMigrations makes the one table that says which migrations a database has seen.
const createMigrations = `CREATE TABLE IF NOT EXISTS migrations (
  number  INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  applied INTEGER NOT NULL
)`

// migrate applies what a database lacks of the numbered scripts in fsys, each in a transaction of its own.
func migrate(ctx context.Context, conn *sql.Conn, fsys fs.FS) error {
	names, err := fs.Glob(fsys, "migrations/*.sql") // in lexical order, so by number
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, createMigrations); err != nil {
		return err
	}
	var have int
	if err := conn.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM migrations`).Scan(&have); err != nil {
		return err
	}
	if have > len(names) {
		return fmt.Errorf("schema %d is newer than this program, which knows %d: use the newer program", have, len(names))
	}
	for i, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(digits); err != nil || n != i+1 {
			return fmt.Errorf("%s: want number %d", name, i+1)
		}
		if i < have {
			continue
		}
		if err := applyMigration(ctx, conn, fsys, i+1, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// applyMigration runs one script, unless another process did so in the meantime.
func applyMigration(ctx context.Context, conn *sql.Conn, fsys fs.FS, number int, name string) error {
	script, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	var done bool
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM migrations WHERE number = $1)`, number).Scan(&done)
	if err != nil || done {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(script)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO migrations (number, name, applied) VALUES ($1, $2, $3)`,
		number, name, time.Now().UnixMicro())
	if err != nil {
		return err
	}
	return tx.Commit()
}

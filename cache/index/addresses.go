package index

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Address is where a connection was last found to lead, and who said so.
type Address struct {
	Connection string
	URL        string
	Source     string // "configuration", "environment", a tool's name …
	At         time.Time
}

// Addresses returns the remembered addresses, by connection.
func (db *DB) Addresses(ctx context.Context) ([]Address, error) {
	var all []Address
	rows, err := db.read.query(ctx, `SELECT connection, url, source, at FROM addresses ORDER BY connection`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var a Address
		err := rows.Scan(&a.Connection, &a.URL, &a.Source, timeColumn{&a.At})
		all = append(all, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	return all, nil
}

const putAddress = `INSERT INTO addresses (connection, url, source, at) VALUES ($1, $2, $3, $4)
	ON CONFLICT (connection) DO UPDATE SET url = excluded.url, source = excluded.source, at = excluded.at`

// PutAddress remembers the address of a connection in place of an older one.
func (db *DB) PutAddress(ctx context.Context, connection, url, source string, at time.Time) error {
	if err := db.put(ctx, false, putAddress, connection, url, source, timeValue(at)); err != nil {
		return fmt.Errorf("put address of %s: %w", connection, err)
	}
	return nil
}

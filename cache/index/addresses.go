package index

import (
	"context"
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
func (db *DB) Addresses(ctx context.Context) ([]Address, error) { return nil, errSkeleton }

// PutAddress remembers the address of a connection in place of an older one.
func (db *DB) PutAddress(ctx context.Context, connection, url, source string, at time.Time) error {
	return errSkeleton
}

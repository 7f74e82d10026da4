package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"entrepot/cache"
)

const selectRepository = `SELECT id FROM repositories WHERE domain = $1 AND name = $2`

// Repository returns the number of a domain's repository, which it finds or creates.
func (db *DB) Repository(ctx context.Context, domain, name string) (cache.RepositoryID, error) {
	var id cache.RepositoryID
	key := []any{domain, name}
	err := db.read.one(ctx, selectRepository, key, &id)
	if errors.Is(err, sql.ErrNoRows) {
		err = db.writer.write(ctx, &write{do: func(tx transaction) error {
			_, err := tx.exec(`INSERT INTO repositories (domain, name, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				domain, name, timeValue(time.Now()))
			if err != nil {
				return err
			}
			return tx.one(selectRepository, key, &id)
		}})
	}
	if err != nil {
		return 0, fmt.Errorf("repository %s of %s: %w", name, domain, err)
	}
	return id, nil
}

package index

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"entrepot/cache"
)

const touch = `INSERT INTO uses (version, at)
	SELECT v.id, CAST($1 AS BIGINT) FROM packages p JOIN versions v ON v.package = p.id
	WHERE p.repository = $2 AND p.format = $3 AND p.namespace = $4 AND p.name = $5 AND v.version = $6
	ON CONFLICT (version) DO UPDATE SET at = excluded.at WHERE excluded.at > uses.at`

// Touch notes that versions were used, in one transaction. What is unknown is passed over, and so is what was used later
// already. The caller gathers uses and notes them now and then: a hit writes nothing.
func (db *DB) Touch(ctx context.Context, uses []cache.Use) error {
	if len(uses) == 0 {
		return nil
	}
	err := db.writer.write(ctx, &write{do: func(tx transaction) error {
		for _, u := range uses {
			p := u.Package
			_, err := tx.exec(touch, u.At.UnixMicro(), u.Repository, p.Format, p.Namespace, p.Name, u.Version)
			if err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("note %d uses: %w", len(uses), err)
	}
	return nil
}

const selectUses = `SELECT v.version, u.at FROM packages p JOIN versions v ON v.package = p.id JOIN uses u ON u.version = v.id
	WHERE p.repository = $1 AND p.format = $2 AND p.namespace = $3 AND p.name = $4`

// Uses returns when each version of a package was last used from a repository, of those that were.
func (db *DB) Uses(ctx context.Context, repo cache.RepositoryID, p cache.Package) (map[string]time.Time, error) {
	uses := make(map[string]time.Time)
	rows, err := db.read.query(ctx, selectUses, repo, p.Format, p.Namespace, p.Name)
	err = each(rows, err, func(rows *sql.Rows) error {
		var version string
		var at time.Time
		err := rows.Scan(&version, timeColumn{&at})
		uses[version] = at
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("uses of %s: %w", p, err)
	}
	return uses, nil
}

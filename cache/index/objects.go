package index

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"entrepot/cache"
)

// ObjectKey names an object.
type ObjectKey struct {
	Kind   string // "repository" …
	Domain string
	Name   string // within the domain and kind; empty for the domain's own
}

// Object is what was made through an API rather than declared in the configuration.
type Object struct {
	ObjectKey
	Created time.Time
	Body    []byte // JSON, by kind
}

// Objects returns all of them by kind, domain and name.
func (db *DB) Objects(ctx context.Context) ([]Object, error) {
	var all []Object
	rows, err := db.read.query(ctx, `SELECT kind, domain, name, created, body FROM objects ORDER BY kind, domain, name`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var o Object
		var body string
		err := rows.Scan(&o.Kind, &o.Domain, &o.Name, timeColumn{&o.Created}, &body)
		o.Body = []byte(body)
		all = append(all, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("objects: %w", err)
	}
	return all, nil
}

const putObject = `INSERT INTO objects (kind, domain, name, created, body) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (kind, domain, name) DO UPDATE SET created = excluded.created, body = excluded.body`

// ChangeObjects removes and stores objects in one transaction, durably.
func (db *DB) ChangeObjects(ctx context.Context, remove []ObjectKey, put []Object) error {
	err := db.writer.write(ctx, &write{durable: true, do: func(tx transaction) error {
		for _, k := range remove {
			if _, err := tx.exec(`DELETE FROM objects WHERE kind = $1 AND domain = $2 AND name = $3`, k.Kind, k.Domain, k.Name); err != nil {
				return err
			}
		}
		for _, o := range put {
			if _, err := tx.exec(putObject, o.Kind, o.Domain, o.Name, timeValue(o.Created), string(o.Body)); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("objects: %w", err)
	}
	return nil
}

// RepositoryCreated returns when the repositories of a domain came to be; zero where it was not noted.
func (db *DB) RepositoryCreated(ctx context.Context, domain string) (map[cache.RepositoryID]time.Time, error) {
	out := map[cache.RepositoryID]time.Time{}
	rows, err := db.read.query(ctx, `SELECT id, created FROM repositories WHERE domain = $1`, domain)
	err = each(rows, err, func(rows *sql.Rows) error {
		var id cache.RepositoryID
		var at time.Time
		err := rows.Scan(&id, timeColumn{&at})
		out[id] = at
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("repositories of %s: %w", domain, err)
	}
	return out, nil
}

// dropBatch is how many packages are forgotten in one transaction: some 10 ms of the writer's time.
const dropBatch = 200

// DropRepository forgets a repository: at once for whoever asks for it by name, then all that it holds. The next one of
// that name is another.
func (db *DB) DropRepository(ctx context.Context, id cache.RepositoryID) error {
	err := db.put(ctx, true, `UPDATE repositories SET name = ' ' || id WHERE id = $1`, id)
	if err == nil {
		err = db.SweepDropped(ctx)
	}
	if err != nil {
		return fmt.Errorf("drop repository %d: %w", id, err)
	}
	return nil
}

const deleteDropped = `DELETE FROM packages WHERE id IN (SELECT p.id FROM packages p JOIN repositories r ON r.id = p.repository
	WHERE r.name LIKE ' %' LIMIT $1)`

// SweepDropped forgets what repositories hold that were dropped.
func (db *DB) SweepDropped(ctx context.Context) error {
	for {
		var n int64
		err := db.writer.write(ctx, &write{do: func(tx transaction) (err error) {
			n, err = tx.exec(deleteDropped, dropBatch)
			return err
		}})
		if err != nil || n < dropBatch {
			return err
		}
	}
}

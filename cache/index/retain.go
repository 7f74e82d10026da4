package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// Retain records a version, or further assets of it, in each of the repositories, in one transaction. It creates what
// is missing (a package gets the controls of an ingested one: publish BLOCK, upstream ALLOW) and leaves alone what is
// there; repeating it is no error and writes nothing. An asset whose bytes were evicted counts as being back. The
// bytes of an external version are pinned. The package's revision stays: retaining does not change a listing.
//
// It writes nothing and returns cache.ErrChanged if an asset is pinned or held with other bytes (invariant 9), and
// cache.ErrConflict if a repository holds the version from another origin (invariant 5).
func (db *DB) Retain(ctx context.Context, repos []cache.RepositoryID, p cache.Package, s cache.Stored) error {
	err := db.writer.write(ctx, &write{do: func(tx transaction) error {
		if !s.Origin.Internal() {
			for _, a := range s.Assets {
				key := cache.AssetKey{Package: p, Version: s.Version, Asset: a.Name}
				if err := tx.pin(s.Origin.Connection, key, a.Digest); err != nil {
					return fmt.Errorf("%s: %w", a.Name, err)
				}
			}
		}
		for _, repo := range repos {
			if err := tx.retain(repo, p, &s); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("retain %s %s: %w", p, s.Version, err)
	}
	return nil
}

// retain records a version in one repository.
func (tx transaction) retain(repo cache.RepositoryID, p cache.Package, s *cache.Stored) error {
	pkg, err := tx.retainPackage(repo, p)
	if err != nil {
		return err
	}
	version, err := tx.retainVersion(pkg, s)
	if err != nil {
		return err
	}
	for i := range s.Assets {
		if err := tx.retainAsset(version, &s.Assets[i]); err != nil {
			return fmt.Errorf("%s: %w", s.Assets[i].Name, err)
		}
	}
	return nil
}

const selectPackage = `SELECT id FROM packages WHERE repository = $1 AND format = $2 AND namespace = $3 AND name = $4`

func (tx transaction) retainPackage(repo cache.RepositoryID, p cache.Package) (id int64, err error) {
	err = tx.one(selectPackage, []any{repo, p.Format, p.Namespace, p.Name}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		ingested := cache.Controls{Publish: cache.Block, Upstream: cache.Allow}
		return tx.insertPackage(&cache.Holding{Repository: repo, Package: p, Controls: ingested}, 0)
	}
	return id, err
}

const selectOrigin = `SELECT id, connection, publisher FROM versions WHERE package = $1 AND version = $2`

func (tx transaction) retainVersion(pkg int64, s *cache.Stored) (id int64, err error) {
	var have cache.Origin
	err = tx.one(selectOrigin, []any{pkg, s.Version}, &id, &have.Connection, &have.Repository)
	if errors.Is(err, sql.ErrNoRows) {
		return tx.insertVersion(pkg, s)
	}
	if err == nil && have != s.Origin {
		return 0, fmt.Errorf("it is held from %s, not %s: %w", describe(have), describe(s.Origin), cache.ErrConflict)
	}
	return id, err
}

func describe(o cache.Origin) string {
	if o.Internal() {
		return "repository " + o.Repository
	}
	return o.Connection
}

const selectBytes = `SELECT digest, evicted FROM assets WHERE version = $1 AND name = $2`

func (tx transaction) retainAsset(version int64, a *cache.Asset) error {
	var have blob.Digest
	var evicted bool
	err := tx.one(selectBytes, []any{version, a.Name}, digestColumn{&have}, &evicted)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return tx.putAsset(version, a)
	case err != nil:
		return err
	case have != a.Digest:
		return cache.ErrChanged
	case evicted && !a.Evicted:
		_, err = tx.exec(`UPDATE assets SET evicted = 0 WHERE version = $1 AND name = $2`, version, a.Name)
	}
	return err
}

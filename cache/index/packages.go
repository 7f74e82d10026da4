package index

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"entrepot/cache"
)

// shelfColumns are what scanShelf reads, of packages p.
const shelfColumns = `p.repository, p.revision, p.publish, p.upstream,
	EXISTS (SELECT 1 FROM versions v WHERE v.package = p.id AND v.connection = '')`

func shelfDest(s *cache.Shelf) []any {
	return []any{&s.Repository, &s.Revision, &s.Controls.Publish, &s.Controls.Upstream, &s.Internal}
}

var selectShelves = list(`SELECT `+shelfColumns+` FROM packages p
	WHERE p.format = $1 AND p.namespace = $2 AND p.name = $3 AND p.repository IN (`, 3)

// Shelves returns those of the repositories that know the package, in the order given.
func (db *DB) Shelves(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Shelf, error) {
	var shelves []cache.Shelf
	err := db.walk(ctx, &selectShelves, repos, []any{p.Format, p.Namespace, p.Name}, func(rows *sql.Rows) error {
		var s cache.Shelf
		err := rows.Scan(shelfDest(&s)...)
		shelves = append(shelves, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("shelves of %s: %w", p, err)
	}
	slices.SortStableFunc(shelves, inOrder(repos, func(s cache.Shelf) cache.RepositoryID { return s.Repository }))
	return shelves, nil
}

var selectAsset = list(`SELECT p.repository, `+versionColumns+`, a.name IS NOT NULL, coalesce(a.name, ''), a.digest,
	coalesce(a.size, 0), coalesce(a.evicted, 0), coalesce(a.sums, '')
	FROM packages p JOIN versions v ON v.package = p.id LEFT JOIN assets a ON a.version = v.id AND a.name = $5
	WHERE p.format = $1 AND p.namespace = $2 AND p.name = $3 AND v.version = $4 AND p.repository IN (`, 5)

// Find returns where a version is held, in the order of repos, each with the asset if it is there: a version of which
// nobody has that asset still has its origin. It is the look-up behind every hit: one statement.
func (db *DB) Find(ctx context.Context, repos []cache.RepositoryID, key cache.AssetKey) ([]cache.Found, error) {
	var found []cache.Found
	p := key.Package
	head := []any{p.Format, p.Namespace, p.Name, key.Version, key.Asset}
	err := db.walk(ctx, &selectAsset, repos, head, func(rows *sql.Rows) error {
		f := cache.Found{Stored: cache.Stored{Assets: make([]cache.Asset, 1)}}
		var has bool
		dest := append([]any{&f.Repository}, versionDest(&f.Stored)...)
		err := rows.Scan(append(append(dest, &has), assetDest(&f.Assets[0])...)...)
		if !has {
			f.Assets = nil
		}
		found = append(found, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find %s of %s %s: %w", key.Asset, p, key.Version, err)
	}
	slices.SortStableFunc(found, inOrder(repos, func(f cache.Found) cache.RepositoryID { return f.Repository }))
	return found, nil
}

// walk runs a look-up along repositories. It takes so little time that it is not worth watching for the end of ctx,
// which costs two goroutines.
func (db *DB) walk(ctx context.Context, text *listed, repos []cache.RepositoryID, head []any, scan func(*sql.Rows) error) error {
	if err := ctx.Err(); err != nil || len(repos) == 0 {
		return err
	}
	if len(repos) > MaxWalk {
		return fmt.Errorf("a walk of %d repositories, at most %d", len(repos), MaxWalk)
	}
	query, args := with(text, head, repos)
	rows, err := db.read.query(context.WithoutCancel(ctx), query, args...)
	return each(rows, err, scan)
}

// MaxWalk is the number of repositories that one look-up takes. A walk has at most 25.
const MaxWalk = maxList

// inOrder compares by the place of a value's repository in repos.
func inOrder[T any](repos []cache.RepositoryID, of func(T) cache.RepositoryID) func(a, b T) int {
	return func(a, b T) int { return slices.Index(repos, of(a)) - slices.Index(repos, of(b)) }
}

package index

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"entrepot/cache"
)

// held is a holding with the numbers of its rows.
type held struct {
	cache.Holding
	id       int64
	versions []int64 // beside Holding.Versions
}

var (
	selectPackages = list(`SELECT p.id, p.repository, p.publish, p.upstream, p.tags, p.meta FROM packages p
		WHERE p.format = $1 AND p.namespace = $2 AND p.name = $3 AND p.repository IN (`, 3)
	selectVersions = list(`SELECT v.package, v.id, `+versionColumns+`, v.meta FROM versions v WHERE v.package IN (`, 0)
	selectAssets   = list(`SELECT v.id, `+assetColumns+` FROM versions v JOIN assets a ON a.version = v.id
		WHERE v.package IN (`, 0)
)

// Holdings returns all that the repositories hold of the package, in the order given, as of one moment: versions in the
// order in which they came, assets by name. Repositories that do not know the package are left out.
func (db *DB) Holdings(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Holding, error) {
	if len(repos) > MaxWalk {
		return nil, fmt.Errorf("holdings of %s: a walk of %d repositories, at most %d", p, len(repos), MaxWalk)
	}
	tx, err := db.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one snapshot for three statements
	if err != nil {
		return nil, fmt.Errorf("holdings of %s: %w", p, err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	query := func(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
		stmt, err := db.read.prepare(ctx, text)
		if err != nil {
			return nil, err
		}
		return tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
	}
	all, err := load(ctx, query, repos, p)
	if err != nil {
		return nil, fmt.Errorf("holdings of %s: %w", p, err)
	}
	holdings := make([]cache.Holding, len(all))
	for i, h := range all {
		holdings[i] = h.Holding
	}
	return holdings, nil
}

// load reads holdings: three statements, however many versions there are.
func load(ctx context.Context, run query, repos []cache.RepositoryID, p cache.Package) ([]*held, error) {
	if len(repos) == 0 {
		return nil, nil
	}
	var all []*held
	var ids []int64
	text, args := with(&selectPackages, []any{p.Format, p.Namespace, p.Name}, repos)
	rows, err := run(ctx, text, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		h := &held{Holding: cache.Holding{Package: p}}
		err := rows.Scan(&h.id, &h.Repository, &h.Controls.Publish, &h.Controls.Upstream, tagsColumn{&h.Tags}, &h.Meta)
		all, ids = append(all, h), append(ids, h.id)
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if err := loadVersions(ctx, run, all, ids); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, inOrder(repos, func(h *held) cache.RepositoryID { return h.Repository }))
	return all, nil
}

// loadVersions fills in the versions of packages.
func loadVersions(ctx context.Context, run query, all []*held, ids []int64) error {
	type row struct {
		pkg, id int64
		cache.Stored
	}
	var versions []row
	text, args := with(&selectVersions, nil, ids)
	rows, err := run(ctx, text, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var r row
		err := rows.Scan(append(append([]any{&r.pkg, &r.id}, versionDest(&r.Stored)...), &r.Meta)...)
		versions = append(versions, r)
		return err
	})
	if err != nil {
		return err
	}
	// The index gives them by name; sorting here moves less than SQLite would have to, with each version's meta.
	slices.SortFunc(versions, func(a, b row) int { return cmp.Compare(a.id, b.id) })
	stored := make(map[int64]*cache.Stored, len(versions))
	for i := range versions {
		stored[versions[i].id] = &versions[i].Stored
	}
	if err := loadAssets(ctx, run, stored, ids); err != nil {
		return err
	}
	for _, r := range versions {
		h := all[slices.Index(ids, r.pkg)]
		h.Versions, h.versions = append(h.Versions, r.Stored), append(h.versions, r.id)
	}
	return nil
}

// loadAssets fills in the assets of the versions of packages.
func loadAssets(ctx context.Context, run query, stored map[int64]*cache.Stored, ids []int64) error {
	text, args := with(&selectAssets, nil, ids)
	rows, err := run(ctx, text, args...)
	return each(rows, err, func(rows *sql.Rows) error {
		var id int64
		var a cache.Asset
		if err := rows.Scan(append([]any{&id}, assetDest(&a)...)...); err != nil {
			return err
		}
		stored[id].Assets = append(stored[id].Assets, a)
		return nil
	})
}

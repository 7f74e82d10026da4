package index

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"entrepot/cache"
)

// Edit changes what a repository holds of a package. fn gets the holding (an empty one if the repository does not know
// the package) and changes it in place; the differences are written in one transaction, and if there are any, the
// package's revision changes. If fn returns an error, nothing is written and Edit returns that error, wrapped. If fn
// leaves nothing at all in the holding (no version, tag, meta or control), the package is forgotten.
//
// Versions are known by their names: new ones follow the old ones, in their order in the holding. Assets are known by
// their names too.
//
// durable: the change is on the disk when Edit returns (invariant 12).
//
// fn runs once, on the caller's goroutine, while all writers wait: it must be quick, and must not write to the index.
func (db *DB) Edit(ctx context.Context, repo cache.RepositoryID, p cache.Package, durable bool, fn func(*cache.Holding) error) error {
	err := db.writer.write(ctx, &write{durable: durable, do: func(tx transaction) error {
		before, err := tx.hold(repo, p)
		if err != nil {
			return err
		}
		after := clone(&before.Holding)
		if err := fn(after); err != nil {
			return err
		}
		after.Repository, after.Package = repo, p
		return tx.save(before, after)
	}})
	if err != nil {
		return fmt.Errorf("edit %s: %w", p, err)
	}
	return nil
}

// hold loads what one repository holds of a package; its id is 0 if the repository does not know it.
func (tx transaction) hold(repo cache.RepositoryID, p cache.Package) (*held, error) {
	all, err := load(context.Background(), tx.stmts.query, []cache.RepositoryID{repo}, p)
	if err != nil {
		return nil, err
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return &held{Holding: cache.Holding{Repository: repo, Package: p}}, nil
}

// clone copies a holding as deep as fn may change it.
func clone(h *cache.Holding) *cache.Holding {
	c := *h
	c.Tags = maps.Clone(h.Tags)
	if c.Tags == nil {
		c.Tags = make(map[string]string) // ready to be set
	}
	c.Meta = slices.Clone(h.Meta)
	c.Versions = slices.Clone(h.Versions)
	for i := range c.Versions {
		v := &c.Versions[i]
		v.Meta = slices.Clone(v.Meta)
		v.Assets = slices.Clone(v.Assets)
		for j := range v.Assets {
			a := &v.Assets[j]
			a.Sums = slices.Clone(a.Sums)
			for k := range a.Sums {
				a.Sums[k].Value = slices.Clone(a.Sums[k].Value)
			}
		}
	}
	return &c
}

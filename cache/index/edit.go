package index

import (
	"context"

	"entrepot/cache"
)

// Edit changes what a repository holds of a package. fn gets the holding (an empty one if the repository does not know
// the package) and changes it in place; the differences are written in one transaction and the package's revision
// changes. If fn returns an error, nothing is written and the error is returned. If it leaves nothing at all in the
// holding (no version, tag, meta or control), the package is forgotten.
//
// durable: the change is on the disk when Edit returns (invariant 12).
//
// fn runs while the writer waits, so it must be quick, and must not write to the index.
func (db *DB) Edit(ctx context.Context, repo cache.RepositoryID, p cache.Package, durable bool, fn func(*cache.Holding) error) error {
	return errSkeleton
}

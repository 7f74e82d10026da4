package index

import (
	"context"

	"entrepot/cache"
)

// Retain records a version, or further assets of it, in each of the repositories, in one transaction. It creates what
// is missing (a package gets the controls of an ingested one: publish BLOCK, upstream ALLOW) and leaves alone what is
// there; repeating it is no error. It pins the bytes of an external version. It does not change the revision of the
// package: retaining does not change a listing.
//
// It writes nothing and returns cache.ErrChanged if an asset is pinned or held with other bytes, and
// cache.ErrConflict if a repository holds the version from another origin (invariant 5).
func (db *DB) Retain(ctx context.Context, repos []cache.RepositoryID, p cache.Package, s cache.Stored) error {
	return errSkeleton
}

// Touch notes that versions were used. What is unknown, or was used later already, is passed over. The caller batches.
func (db *DB) Touch(ctx context.Context, uses []cache.Use) error { return errSkeleton }

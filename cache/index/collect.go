package index

import (
	"context"

	"entrepot/cache/blob"
)

// Referenced returns those of the digests that a row needs the bytes of.
func (db *DB) Referenced(ctx context.Context, digests []blob.Digest) (map[blob.Digest]bool, error) {
	return nil, errSkeleton
}

// Collect calls remove if no row needs the bytes of d, and reports whether it did. No row can come to need them in
// between: it happens in the writer's transaction (invariant 2). remove must be quick, and must not write to the index.
func (db *DB) Collect(ctx context.Context, d blob.Digest, remove func() error) (bool, error) {
	return false, errSkeleton
}

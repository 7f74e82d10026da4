package index

import (
	"context"
	"time"

	"entrepot/cache"
)

var _ cache.DocumentIndex = (*DB)(nil)

// Document returns what is remembered of a registry's document, or an error that is fs.ErrNotExist.
func (db *DB) Document(ctx context.Context, k cache.DocumentKey) (cache.DocumentRecord, error) {
	return cache.DocumentRecord{}, errSkeleton
}

// PutDocument stores a record in place of an older one.
func (db *DB) PutDocument(ctx context.Context, r cache.DocumentRecord) error { return errSkeleton }

// Rendering returns a document of ours that was rendered before, or an error that is fs.ErrNotExist.
func (db *DB) Rendering(ctx context.Context, key [32]byte) (cache.Rendering, error) {
	return cache.Rendering{}, errSkeleton
}

// PutRendering stores a rendering in place of an older one under the same key.
func (db *DB) PutRendering(ctx context.Context, r cache.Rendering) error { return errSkeleton }

// ExpireRenderings forgets the renderings made before t, at most limit of them, and returns how many.
func (db *DB) ExpireRenderings(ctx context.Context, t time.Time, limit int) (int, error) {
	return 0, errSkeleton
}

package index

import (
	"context"
	"fmt"
	"time"

	"entrepot/cache"
)

const selectRendering = `SELECT digest, size, gzip, gzip_size, modified, created FROM renderings WHERE id = $1`

// Rendering returns a document of ours that was rendered before, or an error that is fs.ErrNotExist.
func (db *DB) Rendering(ctx context.Context, key [32]byte) (cache.Rendering, error) {
	r := cache.Rendering{Key: key}
	err := db.read.one(ctx, selectRendering, []any{key[:]}, digestColumn{&r.Digest}, &r.Size, digestColumn{&r.Gzip},
		&r.GzipSize, timeColumn{&r.Modified}, timeColumn{&r.Created})
	if err != nil {
		return cache.Rendering{}, fmt.Errorf("rendering %x: %w", key, notExist(err))
	}
	return r, nil
}

const putRendering = `INSERT INTO renderings (id, digest, size, gzip, gzip_size, modified, created)
	VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, size = excluded.size, gzip = excluded.gzip,
	gzip_size = excluded.gzip_size, modified = excluded.modified, created = excluded.created`

// PutRendering stores a rendering in place of an older one under the same key.
func (db *DB) PutRendering(ctx context.Context, r cache.Rendering) error {
	err := db.put(ctx, false, putRendering, r.Key[:], r.Digest[:], r.Size, digestValue(r.Gzip), r.GzipSize,
		timeValue(r.Modified), r.Created.UnixMicro())
	if err != nil {
		return fmt.Errorf("put rendering %x: %w", r.Key, err)
	}
	return nil
}

const expireRenderings = `DELETE FROM renderings WHERE id IN (SELECT id FROM renderings WHERE created < $1 LIMIT $2)`

// ExpireRenderings forgets what was rendered before t, at most limit renderings, and returns how many.
func (db *DB) ExpireRenderings(ctx context.Context, t time.Time, limit int) (int, error) {
	return db.expire(ctx, expireRenderings, t, limit)
}

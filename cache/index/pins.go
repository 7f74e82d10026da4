package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entrepot/cache"
	"entrepot/cache/blob"
)

const selectPin = `SELECT digest FROM pins
	WHERE connection = $1 AND format = $2 AND namespace = $3 AND name = $4 AND version = $5 AND asset = $6`

const insertPin = `INSERT INTO pins (connection, format, namespace, name, version, asset, digest)
	VALUES ($1, $2, $3, $4, $5, $6, $7)`

func pinKey(connection string, key cache.AssetKey) []any {
	p := key.Package
	return []any{connection, p.Format, p.Namespace, p.Name, key.Version, key.Asset}
}

// Pinned returns the digest that the asset of an external connection had when it was first retained.
func (db *DB) Pinned(ctx context.Context, connection string, key cache.AssetKey) (blob.Digest, bool, error) {
	var d blob.Digest
	err := db.read.one(ctx, selectPin, pinKey(connection, key), digestColumn{&d})
	if errors.Is(err, sql.ErrNoRows) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("pin of %s of %s %s: %w", key.Asset, key.Package, key.Version, err)
	}
	return d, true, nil
}

// pin pins the bytes of an external asset, or returns cache.ErrChanged if others are pinned (invariant 9).
func (tx transaction) pin(connection string, key cache.AssetKey, d blob.Digest) error {
	args := pinKey(connection, key)
	var have blob.Digest
	err := tx.one(selectPin, args, digestColumn{&have})
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.exec(insertPin, append(args, d[:])...)
		return err
	}
	if err == nil && have != d {
		return cache.ErrChanged
	}
	return err
}

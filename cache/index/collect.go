package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"entrepot/cache/blob"
)

// references are the columns that name bytes that somebody needs. An evicted asset does not need its bytes, and a pin
// never does.
var references = []listed{
	list(`SELECT digest FROM assets WHERE evicted = 0 AND digest IN (`, 0),
	list(`SELECT digest FROM documents WHERE digest IN (`, 0),
	list(`SELECT digest FROM renderings WHERE digest IN (`, 0),
	list(`SELECT gzip FROM renderings WHERE gzip IN (`, 0),
}

// Referenced returns those of the digests that a row needs the bytes of, in whichever domain.
func (db *DB) Referenced(ctx context.Context, digests []blob.Digest) (map[blob.Digest]bool, error) {
	return referenced(ctx, db.read.query, digests)
}

func referenced(ctx context.Context, run query, digests []blob.Digest) (map[blob.Digest]bool, error) {
	found := make(map[blob.Digest]bool)
	for chunk := range slices.Chunk(digests, maxList) {
		values := make([][]byte, len(chunk))
		for i := range chunk {
			values[i] = chunk[i][:]
		}
		for i := range references {
			text, args := with(&references[i], nil, values)
			rows, err := run(ctx, text, args...)
			err = each(rows, err, func(rows *sql.Rows) error {
				var d blob.Digest
				err := rows.Scan(digestColumn{&d})
				found[d] = true
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("references: %w", err)
			}
		}
	}
	return found, nil
}

// errNeeded undoes a Collect of bytes that a row refers to.
var errNeeded = errors.New("referenced")

// Collect calls remove if no row needs the bytes of d, and reports whether it did. That the rows are gone is on the disk
// before, and no row can come in between (invariant 2): it happens in a writer's transaction of its own. Bytes on their
// way to a row have a pin in the store, which remove must respect. remove must be quick, and must not write to the index.
func (db *DB) Collect(ctx context.Context, d blob.Digest, remove func() error) (bool, error) {
	err := db.writer.write(ctx, &write{alone: true, do: func(tx transaction) error {
		found, err := referenced(context.Background(), tx.stmts.query, []blob.Digest{d})
		if err != nil {
			return err
		}
		if found[d] {
			return errNeeded
		}
		return remove()
	}})
	if errors.Is(err, errNeeded) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("collect %s: %w", d, err)
	}
	return true, nil
}

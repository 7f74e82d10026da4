package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"entrepot/cache"
)

var _ cache.DocumentIndex = (*DB)(nil)

const selectDocument = `SELECT status, digest, size, url, content_type, etag, last_modified, fetched, checked FROM documents
	WHERE domain = $1 AND connection = $2 AND scope = $3 AND path = $4 AND accept = $5`

func documentKey(k cache.DocumentKey) []any {
	return []any{k.Domain, k.Connection, k.Scope, k.Path, k.Accept}
}

// Document returns what is remembered of a registry's document, or an error that is fs.ErrNotExist.
func (db *DB) Document(ctx context.Context, k cache.DocumentKey) (cache.DocumentRecord, error) {
	r := cache.DocumentRecord{Key: k}
	err := db.read.one(ctx, selectDocument, documentKey(k), &r.Status, digestColumn{&r.Digest}, &r.Size, &r.URL,
		&r.ContentType, &r.ETag, &r.LastModified, timeColumn{&r.Fetched}, timeColumn{&r.Checked})
	if err != nil {
		return cache.DocumentRecord{}, fmt.Errorf("document %s of %s: %w", k.Path, k.Connection, notExist(err))
	}
	return r, nil
}

// notExist says in the standard library's words that there is no such row.
func notExist(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fs.ErrNotExist
	}
	return err
}

const putDocument = `INSERT INTO documents (domain, connection, scope, path, accept,
	status, digest, size, url, content_type, etag, last_modified, fetched, checked)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
	ON CONFLICT (domain, connection, scope, path, accept) DO UPDATE
	SET status = excluded.status, digest = excluded.digest, size = excluded.size, url = excluded.url,
	content_type = excluded.content_type, etag = excluded.etag, last_modified = excluded.last_modified,
	fetched = excluded.fetched, checked = excluded.checked`

// PutDocument stores a record in place of an older one.
func (db *DB) PutDocument(ctx context.Context, r cache.DocumentRecord) error {
	args := append(documentKey(r.Key), r.Status, digestValue(r.Digest), r.Size, r.URL, r.ContentType, r.ETag,
		r.LastModified, timeValue(r.Fetched), timeValue(r.Checked))
	if err := db.put(ctx, false, putDocument, args...); err != nil {
		return fmt.Errorf("put document %s of %s: %w", r.Key.Path, r.Key.Connection, err)
	}
	return nil
}

// put is a write of one statement.
func (db *DB) put(ctx context.Context, durable bool, text string, args ...any) error {
	return db.writer.write(ctx, &write{durable: durable, do: func(tx transaction) error {
		_, err := tx.exec(text, args...)
		return err
	}})
}

const expireAbsences = `DELETE FROM documents WHERE (domain, connection, scope, path, accept) IN (
	SELECT domain, connection, scope, path, accept FROM documents WHERE digest IS NULL AND checked < $1 LIMIT $2)`

// ExpireAbsences forgets that documents were absent, where that was last confirmed before t: at most limit of them, so
// that the writer is not kept long. It returns how many.
func (db *DB) ExpireAbsences(ctx context.Context, t time.Time, limit int) (int, error) {
	return db.expire(ctx, expireAbsences, t, limit)
}

func (db *DB) expire(ctx context.Context, text string, t time.Time, limit int) (n int, err error) {
	err = db.writer.write(ctx, &write{do: func(tx transaction) error {
		rows, err := tx.exec(text, t.UnixMicro(), limit)
		n = int(rows)
		return err
	}})
	if err != nil {
		return 0, fmt.Errorf("expire: %w", err)
	}
	return n, nil
}

package cache

import (
	"context"
	"io"
	"net/http"
	"time"

	"entrepot/cache/blob"
)

// DocumentKey names a registry's document: in which domain, of which connection, for which credential ("" for the
// connection's own; else the scope under which a client's own credential keeps what it obtained, invariant 11), and
// its address with the Accept header it was asked with.
type DocumentKey struct {
	Domain, Connection, Scope, Path, Accept string
}

// DocumentRecord is what the index remembers of a registry's document, or of its absence.
type DocumentRecord struct {
	Key          DocumentKey
	Status       int         // 200, or 404 or 410: confirmed absent
	Digest       blob.Digest // of the decoded bytes; zero when absent
	Size         int64
	URL          string // where it came from in the end, after redirects
	ContentType  string
	ETag         string // the registry's validators, to revalidate with
	LastModified string
	Fetched      time.Time // when these bytes came
	Checked      time.Time // when the registry last confirmed them
}

// DocumentIndex is what Documents needs of the index.
type DocumentIndex interface {
	// Document returns the record, or an error that is fs.ErrNotExist.
	Document(ctx context.Context, k DocumentKey) (DocumentRecord, error)
	// PutDocument stores a record in place of an older one.
	PutDocument(ctx context.Context, r DocumentRecord) error
}

// Document is an open document of a registry.
type Document struct {
	DocumentRecord
	File  blob.File
	Stale bool      // the registry could not confirm it in time
	Until time.Time // when it stops being fresh
}

// ReadAt reads the document's bytes.
func (d *Document) ReadAt(p []byte, off int64) (int, error) { return d.File.ReadAt(p, off) }

// Reader reads the document from its start.
func (d *Document) Reader() io.Reader { return io.NewSectionReader(d.File, 0, d.Size) }

// Close lets go of the bytes.
func (d *Document) Close() error {
	if d == nil || d.File == nil {
		return nil
	}
	return d.File.Close()
}

// Source is a registry: one external connection, or the part of it that one credential sees.
type Source interface {
	http.RoundTripper
	// Name is the connection's name.
	Name() string
}

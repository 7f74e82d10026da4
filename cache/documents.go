package cache

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"entrepot/cache/blob"
)

// DocumentsOptions say where documents are kept and for how long they hold. Zero durations mean the defaults.
type DocumentsOptions struct {
	Domain string
	Store  blob.Store
	Index  DocumentIndex

	Fresh                time.Duration // how long a document is served without asking: 5 minutes
	FreshAbsent          time.Duration // how long an absence is: 1 minute
	StaleWhileRevalidate time.Duration // up to which age a document is served at once and refreshed behind: 1 hour
	WaitForRefresh       time.Duration // how long a client waits for the refresh of an older one: 2 seconds
	KeepAbsent           time.Duration // how long an absence stands in for a registry that is down: 30 days
	Limit                int           // refreshes at once behind clients' backs: 16

	// Once marks the context of a request that is not worth retrying, because a stored copy is in hand; nil: as it is.
	Once func(context.Context) context.Context
}

// Documents keeps registries' documents, one domain's. It is safe for concurrent use.
type Documents struct{ o DocumentsOptions }

// NewDocuments returns the documents of a domain. The caller closes it.
func NewDocuments(o DocumentsOptions) *Documents { return &Documents{o: o} }

// DocumentQuery asks for a document.
type DocumentQuery struct {
	Path, Accept, Scope string // with the domain and the connection, the document's DocumentKey

	URL        string        // absolute address to ask
	Max        int64         // limit of the decoded size in bytes; 0: 1 GiB
	Fresh      time.Duration // how long it is fresh; 0: the domain's
	Refresh    bool          // ask the registry now, whatever is stored; but not twice within a second
	StoredOnly bool          // do not ask
	Immutable  bool          // once it exists it never changes
	// Changed is called after a refresh that this query started or joined, and did not wait for, has changed the
	// document, its absence or the time until which it is valid. It must not block.
	Changed func()
}

// Get returns a document, fresh or as fresh as the registry permits. The caller closes it. Errors are ErrAbsent,
// ErrTooLarge, *Unavailable, those of ctx, and those of the store and the index.
func (d *Documents) Get(ctx context.Context, src Source, q DocumentQuery) (*Document, error) {
	return nil, errors.ErrUnsupported
}

// Peek returns what is stored of a document, and until when it is fresh, without asking the registry. The error is
// fs.ErrNotExist if nothing is stored; a stored absence is a record with its status.
func (d *Documents) Peek(ctx context.Context, connection string, q DocumentQuery) (DocumentRecord, time.Time, error) {
	return DocumentRecord{}, time.Time{}, fs.ErrNotExist
}

// Close ends the refreshes that run behind, and waits for them.
func (d *Documents) Close() error { return nil }

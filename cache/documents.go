package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
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
	// Failed is told of each refresh that failed, whether or not a client saw it; nil: nobody is. It must not block.
	Failed func(k DocumentKey, err error)
}

func (o DocumentsOptions) withDefaults() DocumentsOptions {
	o.Fresh = cmp.Or(o.Fresh, 5*time.Minute)
	o.FreshAbsent = cmp.Or(o.FreshAbsent, time.Minute)
	o.StaleWhileRevalidate = cmp.Or(o.StaleWhileRevalidate, time.Hour)
	o.WaitForRefresh = cmp.Or(o.WaitForRefresh, 2*time.Second)
	o.KeepAbsent = cmp.Or(o.KeepAbsent, 30*24*time.Hour)
	o.Limit = cmp.Or(o.Limit, 16)
	return o
}

// Documents keeps registries' documents, one domain's. It is safe for concurrent use.
type Documents struct {
	o     DocumentsOptions
	ctx   context.Context // of the refreshes: no client's
	stop  context.CancelFunc
	slots chan struct{} // one for each refresh behind

	mu        sync.Mutex
	closed    bool
	refreshes map[DocumentKey]*refresh  // in flight
	queued    int                       // of these, how many were begun behind
	resting   map[DocumentKey]time.Time // failed lately: until when not to ask, with a copy in hand
	running   sync.WaitGroup
}

// NewDocuments returns the documents of a domain. The caller closes it.
func NewDocuments(o DocumentsOptions) *Documents {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	return &Documents{
		o: o, ctx: ctx, stop: stop,
		slots:     make(chan struct{}, o.Limit),
		refreshes: make(map[DocumentKey]*refresh),
		resting:   make(map[DocumentKey]time.Time),
	}
}

// Close ends the refreshes that run, and waits for them.
func (d *Documents) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stop()
	d.running.Wait()
	return nil
}

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
	// document, its absence or the time until which it is valid. It may be called before Get returns, from another
	// goroutine, and must not block.
	Changed func()
}

func (q *DocumentQuery) key(domain, connection string) DocumentKey {
	return DocumentKey{Domain: domain, Connection: connection, Scope: q.Scope, Path: q.Path, Accept: q.Accept}
}

// attempts are how often Get asks again because the bytes that a record names are gone: the second time without
// validators, the third because the second may have joined a refresh that had them.
const attempts = 3

// Get returns a document, fresh or as fresh as the registry permits. The caller closes it. Errors are ErrAbsent,
// ErrTooLarge, *Unavailable, those of ctx, and those of the store and the index.
func (d *Documents) Get(ctx context.Context, src Source, q DocumentQuery) (*Document, error) {
	k := q.key(d.o.Domain, src.Name())
	rec, err := d.stored(ctx, k)
	if err != nil {
		return nil, err
	}
	for range attempts {
		var doc *Document
		doc, err = d.get(ctx, src, &q, k, rec)
		if !errors.Is(err, errLost) {
			return doc, err
		}
		rec = nil // a record without its bytes is none
	}
	return nil, fmt.Errorf("document %s of %s, as soon as it is stored: %w", k.Path, k.Connection, err)
}

// Peek returns what is stored of a document, and until when it is fresh, without asking the registry. The error is
// fs.ErrNotExist if nothing is stored; a stored absence is a record with its status.
func (d *Documents) Peek(ctx context.Context, connection string, q DocumentQuery) (DocumentRecord, time.Time, error) {
	rec, err := d.stored(ctx, q.key(d.o.Domain, connection))
	if err != nil {
		return DocumentRecord{}, time.Time{}, err
	}
	if rec == nil {
		return DocumentRecord{}, time.Time{}, fs.ErrNotExist
	}
	return *rec, d.until(rec, &q), nil
}

// stored returns the record under k, or nil. An absence that is too old to stand in for its registry is none.
func (d *Documents) stored(ctx context.Context, k DocumentKey) (*DocumentRecord, error) {
	rec, err := d.o.Index.Document(ctx, k)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("document %s of %s: %w", k.Path, k.Connection, err)
	}
	if absent(&rec) && time.Since(rec.Checked) > d.o.KeepAbsent {
		return nil, nil
	}
	return &rec, nil
}

// get answers from rec, which may be nil, or from the registry.
func (d *Documents) get(ctx context.Context, src Source, q *DocumentQuery, k DocumentKey, rec *DocumentRecord) (*Document, error) {
	p := d.plan(rec, q)
	switch {
	case p == serve:
		return d.open(ctx, rec, q, false)
	case q.StoredOnly:
		return nil, absence(k)
	case rec != nil && d.rests(k):
		return d.open(ctx, rec, q, true)
	}
	r, err := d.refresh(src, q, k, rec, p)
	if err != nil {
		return nil, err
	}
	switch err := d.await(ctx, r, p, q); {
	case err == nil:
		return d.open(ctx, &r.rec, q, false)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case rec == nil || forbidden(k, err):
		return nil, err
	default:
		return d.open(ctx, rec, q, !errors.Is(err, errBehind))
	}
}

// open returns the document of a record, or ErrAbsent.
func (d *Documents) open(ctx context.Context, rec *DocumentRecord, q *DocumentQuery, stale bool) (*Document, error) {
	if absent(rec) {
		return nil, absence(rec.Key)
	}
	file, err := d.o.Store.Open(ctx, rec.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	if err != nil {
		return nil, err
	}
	return &Document{DocumentRecord: *rec, File: file, Stale: stale, Until: d.until(rec, q)}, nil
}

var errLost = errors.New("its bytes are gone")

func absent(rec *DocumentRecord) bool { return rec.Status != http.StatusOK }

func absence(k DocumentKey) error {
	return fmt.Errorf("%s has no %s: %w", k.Connection, k.Path, ErrAbsent)
}

package cache

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"entrepot/cache/blob"
)

// FillsOptions say where fills are stored and what they may use. Zero values mean the defaults.
type FillsOptions struct {
	Store  blob.Store
	Limit  int           // fills at once; another Join waits: 256
	Budget time.Duration // how long one fill may take in all: 2 hours
	Stall  time.Duration // how long a registry may send nothing in the middle of a body: 1 minute
}

func (o FillsOptions) withDefaults() FillsOptions {
	o.Limit = cmp.Or(o.Limit, 256)
	o.Budget = cmp.Or(o.Budget, 2*time.Hour)
	o.Stall = cmp.Or(o.Stall, stall)
	return o
}

// Fills are the downloads in flight. Any number of clients read one while it grows. It is safe for concurrent use.
type Fills struct {
	o     FillsOptions
	ctx   context.Context // of the fills: no client's
	stop  context.CancelCauseFunc
	slots chan struct{} // one for each fill

	mu       sync.Mutex // held before a Fill's own
	closed   bool
	inflight map[string]*Fill
	running  sync.WaitGroup
}

// NewFills returns the fills of a store. The caller closes it.
func NewFills(o FillsOptions) *Fills {
	o = o.withDefaults()
	ctx, stop := context.WithCancelCause(context.Background())
	return &Fills{o: o, ctx: ctx, stop: stop, slots: make(chan struct{}, o.Limit), inflight: make(map[string]*Fill)}
}

// Close ends all fills with an error for their readers, and waits for them.
func (f *Fills) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop(errClosed)
	f.running.Wait()
	return nil
}

// FillSource is a registry's response whose head has arrived.
type FillSource struct {
	Connection  string        // whose fault it is if the body breaks off or is wrong
	Body        io.ReadCloser // ends with the context that open was given, and when it is closed
	Size        int64         // announced; -1: unknown
	Promised    int64         // by the index; verified; 0: nothing is promised
	ContentType string
	Sums        []Sum // promised; all are verified while the bytes arrive (md5, sha1, sha256, sha384, sha512)
	// Check accepts the whole bytes before they are named; nil: nothing to check. An error that is not *Refused or
	// *Unavailable counts as the registry's fault.
	Check func(r io.ReaderAt, size int64) error
	// Resume continues a body that broke off, from off; nil: it cannot be continued.
	Resume func(ctx context.Context, off int64) (io.ReadCloser, error)
}

// Filled is what a fill has stored.
type Filled struct {
	Pin         *blob.Pin // released when commit has returned
	Sums        []Sum     // what the bytes have, for the promised algorithms
	ContentType string
}

// OpenFunc asks the registry. Its error is what Head, Wait and readers return.
type OpenFunc func(ctx context.Context) (*FillSource, error)

// CommitFunc records rows for bytes that are stored and pinned. who are the repositories that asked.
type CommitFunc func(ctx context.Context, f Filled, who []RepositoryID) error

// Join joins the fill of that key, or starts it; past the limit it waits for its turn (invariant 3).
//
// open runs once, on the fill's own context, which ends with Close or with the fill's budget and not with ctx. A caller
// that has looked whether the bytes are stored may come here just after another's fill has ended, so open should look
// again. commit is called with all who asked, after the bytes are named and before any reader sees their end; and
// again with those that joined while it ran. Its error fails the fill. An asker of 0 is nobody.
func (f *Fills) Join(ctx context.Context, key string, asker RepositoryID, open OpenFunc, commit CommitFunc) (*Fill, error) {
	slot := false
	select {
	case f.slots <- struct{}{}:
		slot = true
	default:
	}
	if fill, err := f.join(key, asker, slot, open, commit); fill != nil || err != nil {
		return fill, err
	}
	select {
	case f.slots <- struct{}{}:
		return f.join(key, asker, true, open, commit)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-f.ctx.Done():
		return nil, errClosed
	}
}

// join joins the fill of that key or, if the caller holds a slot, starts it. The slot goes to the fill or back.
func (f *Fills) join(key string, asker RepositoryID, slot bool, open OpenFunc, commit CommitFunc) (*Fill, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fill := f.inflight[key]
	start := fill == nil && slot && !f.closed
	if slot && !start {
		<-f.slots
	}
	if f.closed {
		return nil, errClosed
	}
	if start {
		fill = &Fill{fills: f, key: key, size: -1, uses: 1, readers: make(map[*fillReader]struct{})}
		f.inflight[key] = fill
		f.running.Go(func() {
			defer func() { <-f.slots }()
			fill.run(open, commit)
		})
	}
	if fill != nil && asker != 0 && !slices.Contains(fill.asked, asker) {
		fill.asked = append(fill.asked, asker)
	}
	return fill, nil
}

// forget makes the next Join of the fill's key start another. It reports whether commit has seen all who asked; if
// all is set and it has not, the fill stays.
func (f *Fills) forget(fill *Fill, all bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if all && fill.told < len(fill.asked) {
		return false
	}
	if f.inflight[fill.key] == fill {
		delete(f.inflight, fill.key)
	}
	return true
}

// askers returns those that commit has not seen.
func (f *Fills) askers(fill *Fill) []RepositoryID {
	f.mu.Lock()
	defer f.mu.Unlock()
	who := slices.Clone(fill.asked[fill.told:])
	fill.told = len(fill.asked)
	return who
}

// InFlight counts the fills that run and the bytes that they have received so far.
func (f *Fills) InFlight() (fills int, bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fill := range f.inflight {
		fill.mu.Lock()
		bytes += fill.written
		fill.mu.Unlock()
	}
	return len(f.inflight), bytes
}

var errBudget = errors.New("the download takes too long")

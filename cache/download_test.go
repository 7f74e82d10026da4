package cache

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

// download is a registry's asset: its head after first, then the body in equal parts until last.
type download struct {
	body        []byte
	first, last time.Duration
	parts       int
	promise     []byte // whose sums are promised; nil: the body's
	none        bool   // no sums are promised
	unknown     bool   // no size is announced
	size        int64  // announced instead; 0: the true one
	promised    int64  // by the index
	cut         int    // the body breaks off here, the first time; 0: it does not
	clean       bool   // … with io.EOF
	resumed     func(ctx context.Context, off int64) (io.ReadCloser, error)
	check       func(io.ReaderAt, int64) error

	mu    sync.Mutex
	opens int
	ctx   context.Context // of open
}

var errBroken = errors.New("connection reset")

func (d *download) open(ctx context.Context) (*FillSource, error) {
	d.mu.Lock()
	d.opens++
	d.ctx = ctx
	d.mu.Unlock()
	if err := pause(ctx, d.first); err != nil {
		return nil, err
	}
	src := &FillSource{
		Connection: "private:test", Size: int64(len(d.body)), ContentType: "application/octet-stream",
		Promised: d.promised, Body: d.from(ctx, 0, d.cut), Check: d.check, Resume: d.resumed,
	}
	switch {
	case d.unknown:
		src.Size = -1
	case d.size != 0:
		src.Size = d.size
	}
	promise := d.promise
	if promise == nil {
		promise = d.body
	}
	if !d.none {
		src.Sums = sumsOf(promise, "sha512", "sha1")
	}
	return src, nil
}

func sumsOf(b []byte, algorithms ...string) []Sum {
	var sums []Sum
	for _, a := range algorithms {
		sums = append(sums, Sum{Algorithm: a})
	}
	s, err := newSummer(sums)
	if err != nil {
		panic(err)
	}
	s.write(b)
	return s.sums()
}

// from is the body from off on.
func (d *download) from(ctx context.Context, off int64, cut int) io.ReadCloser {
	end := io.EOF
	body := d.body
	if cut > 0 {
		body = body[:cut]
		if !d.clean {
			end = errBroken
		}
	}
	parts := max(1, d.parts)
	s := &slowBody{
		rest: body[off:], end: end,
		part: max(1, (len(d.body)+parts-1)/parts), each: (d.last - d.first) / time.Duration(max(1, parts-1)),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// slowBody gives part bytes at once, then pauses.
type slowBody struct {
	ctx    context.Context
	cancel context.CancelFunc
	rest   []byte
	part   int
	each   time.Duration
	now    int // left of this part; 0 at its start
	gone   bool
	end    error
}

func (s *slowBody) Close() error {
	s.cancel()
	return nil
}

func (s *slowBody) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, s.end
	}
	if s.now == 0 {
		if s.gone {
			if err := pause(s.ctx, s.each); err != nil {
				return 0, err
			}
		}
		s.now, s.gone = s.part, true
	}
	n := copy(p[:min(len(p), s.now)], s.rest)
	s.rest, s.now = s.rest[n:], s.now-n
	return n, nil
}

// yard is a Fills with what is around it.
type yard struct {
	*Fills
	t     testing.TB
	store *tightStore

	mu      sync.Mutex
	commits [][]RepositoryID
	err     error // of commit
	slow    time.Duration
}

func newYard(t testing.TB, o FillsOptions) *yard {
	y := &yard{t: t, store: &tightStore{Store: blobtest.Fake(), room: 1 << 40}}
	o.Store = y.store
	y.Fills = NewFills(o)
	t.Cleanup(func() { y.Fills.Close() })
	return y
}

func (y *yard) commit(ctx context.Context, f Filled, who []RepositoryID) error {
	if err := y.store.Store.Remove(ctx, f.Pin.Digest); !errors.Is(err, blob.ErrPinned) {
		y.t.Errorf("the bytes are not pinned while they are recorded: %v", err)
	}
	if err := pause(ctx, y.slow); err != nil {
		return err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.commits = append(y.commits, who)
	return y.err
}

func (y *yard) join(asker RepositoryID, d *download) *Fill {
	y.t.Helper()
	fill, err := y.Join(context.Background(), "key", asker, d.open, y.commit)
	if err != nil {
		y.t.Fatal(err)
	}
	return fill
}

// read reads a fill to its end.
func read(f *Fill) ([]byte, error) {
	r := f.Reader(context.Background())
	defer r.Close()
	return io.ReadAll(r)
}

// tightStore has room for so many bytes of a spool, and counts the spools that are open.
type tightStore struct {
	blob.Store
	room int64

	mu   sync.Mutex
	open int
}

func (s *tightStore) Spool(ctx context.Context, o blob.SpoolOptions) (blob.Spool, error) {
	if s.room == 0 {
		return nil, blob.ErrFull
	}
	spool, err := s.Store.Spool(ctx, o)
	s.count(1)
	return &tightSpool{Spool: spool, s: s}, err
}

func (s *tightStore) count(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	return s.open
}

type tightSpool struct {
	blob.Spool
	s *tightStore
}

func (s *tightSpool) Write(p []byte) (int, error) {
	if room := s.s.room - s.Size(); int64(len(p)) > room {
		n, _ := s.Spool.Write(p[:room])
		return n, blob.ErrFull
	}
	return s.Spool.Write(p)
}

func (s *tightSpool) Close() error {
	s.s.count(-1)
	return s.Spool.Close()
}

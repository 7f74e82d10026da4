package proxy

import (
	"context"
	"io"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/upstream"
)

// TimedIndex is an index whose time is observed.
func (m *Metrics) TimedIndex(i upstream.Index) upstream.Index { return timedIndex{i, m} }

type timedIndex struct {
	upstream.Index
	m *Metrics
}

func (t timedIndex) observe(s Stage, began time.Time) { t.m.Observe(s, time.Since(began)) }

func (t timedIndex) Shelves(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Shelf, error) {
	defer t.observe(IndexRead, time.Now())
	return t.Index.Shelves(ctx, repos, p)
}

func (t timedIndex) Holdings(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Holding, error) {
	defer t.observe(IndexRead, time.Now())
	return t.Index.Holdings(ctx, repos, p)
}

func (t timedIndex) Find(ctx context.Context, repos []cache.RepositoryID, k cache.AssetKey) ([]cache.Found, error) {
	defer t.observe(IndexRead, time.Now())
	return t.Index.Find(ctx, repos, k)
}

func (t timedIndex) Retain(ctx context.Context, repos []cache.RepositoryID, p cache.Package, s cache.Stored) error {
	defer t.observe(IndexCommit, time.Now())
	return t.Index.Retain(ctx, repos, p, s)
}

func (t timedIndex) Edit(ctx context.Context, repo cache.RepositoryID, p cache.Package, durable bool, fn func(*cache.Holding) error) error {
	defer t.observe(IndexCommit, time.Now())
	return t.Index.Edit(ctx, repo, p, durable, fn)
}

// TimedStore is a store whose opening and naming of blobs is observed.
func (m *Metrics) TimedStore(s blob.Store) blob.Store { return timedStore{s, m} }

type timedStore struct {
	blob.Store
	m *Metrics
}

func (t timedStore) Open(ctx context.Context, d blob.Digest) (blob.File, error) {
	began := time.Now()
	f, err := t.Store.Open(ctx, d)
	t.m.Observe(DiskRead, time.Since(began))
	return f, err
}

func (t timedStore) Spool(ctx context.Context, o blob.SpoolOptions) (blob.Spool, error) {
	s, err := t.Store.Spool(ctx, o)
	if err != nil {
		return nil, err
	}
	return timedSpool{s, t.m}, nil
}

type timedSpool struct {
	blob.Spool
	m *Metrics
}

func (t timedSpool) Commit(ctx context.Context, check func(io.ReaderAt, int64) error) (*blob.Pin, error) {
	began := time.Now()
	pin, err := t.Spool.Commit(ctx, check)
	t.m.Observe(DiskWrite, time.Since(began))
	return pin, err
}

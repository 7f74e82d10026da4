package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// trails remembers which documents a format read for a package, so that a listing's revision can be told from the
// documents' digests, without parsing a byte of them.
type trails struct {
	seed  maphash.Seed
	kept  *cache.Answers
	other maphash.Seed
}

func newTrails(kept *cache.Answers) *trails {
	return &trails{seed: maphash.MakeSeed(), other: maphash.MakeSeed(), kept: kept}
}

type trailKey struct {
	domain, connection string
	pkg                cache.Package
}

func (t *trails) key(c *upstream.Connection, p cache.Package) [2]uint64 {
	k := trailKey{c.Domain.Name, c.Name, p}
	return [2]uint64{maphash.Comparable(t.seed, k), maphash.Comparable(t.other, k)}
}

func (t *trails) get(c *upstream.Connection, p cache.Package) ([]format.Query, bool) {
	v, ok := t.kept.Get(t.key(c, p))
	if !ok {
		return nil, false
	}
	queries, ok := v.([]format.Query)
	return queries, ok
}

func (t *trails) put(c *upstream.Connection, p cache.Package, queries []format.Query) {
	queries = slices.Clone(queries)
	for i := range queries {
		queries[i].Refresh = false
	}
	const perQuery = 160 // bytes: the struct and two short strings
	t.kept.Put(t.key(c, p), queries, int64(perQuery*(1+len(queries))))
}

// reading reads listings for one request.
type reading struct {
	engine  *engine
	format  format.Format
	record  *record
	rules   *policy.Rules
	refresh bool
	stored  bool // nothing may be fetched
}

// read implements upstream.Reader.
func (l *reading) read(ctx context.Context, c *upstream.Connection, p cache.Package) (*cache.Listing, error) {
	l.record.queries = nil
	g := &getter{conn: c, pkg: p, record: l.record, refresh: l.refresh, storedOnly: l.stored}
	listing, err := l.format.Listing(ctx, p, g)
	if err == nil || errors.Is(err, cache.ErrAbsent) {
		l.engine.trails.put(c, p, l.record.queries)
	}
	if f, ok := l.format.(pointer); ok && err == nil && l.engine.points != nil {
		l.engine.points(f.Hosts(listing))
	}
	return listing, err
}

// replay reads the documents that a listing was last made from, without making it. It reports false where it cannot
// tell: then the listing has to be read.
func (l *reading) replay(ctx context.Context, s *upstream.Sources) bool {
	shelves(l.record, s)
	for _, c := range s.Connections {
		queries, ok := l.engine.trails.get(c, s.Package)
		if !ok {
			return false
		}
		g := &getter{conn: c, pkg: s.Package, record: l.record, refresh: l.refresh, storedOnly: l.stored}
		for _, q := range queries {
			doc, err := g.Get(ctx, q)
			if err != nil && !errors.Is(err, cache.ErrAbsent) {
				return false
			}
			doc.Close()
		}
	}
	return true
}

// shelves notes what the repositories' own part of a listing follows from.
func shelves(c *record, s *upstream.Sources) {
	fmt.Fprintf(c.hash, "%d %v\n", s.Repository.ID, s.Confined())
	for _, shelf := range s.Shelves {
		if shelf.Revision != 0 { // what is only retained does not change a listing
			fmt.Fprintf(c.hash, "%d %d\n", shelf.Repository, shelf.Revision)
		}
	}
}

// joiner is a format whose versions grow after they were published: upstream.Sources.Join.
type joiner interface {
	Join(retained, published []byte) ([]byte, error)
}

// merged reads the listing of a package along the walk.
func (l *reading) merged(ctx context.Context, s *upstream.Sources) (*cache.Listing, error) {
	shelves(l.record, s)
	if j, ok := l.format.(joiner); ok {
		s.Join = j.Join
	}
	listing, partial, err := s.Merge(ctx, l.read, l.same)
	if partial {
		l.record.result = "stale"
	}
	if err == nil {
		l.judge(listing)
	}
	return listing, err
}

// doubt makes of an absence that a stale listing shows what it is: not known (invariant 10).
func (l *reading) doubt(connection string, err error) error {
	if l.record.result != "stale" || !errors.Is(err, cache.ErrAbsent) {
		return err
	}
	return &cache.Unavailable{Connection: connection, Err: errors.New("its index of before has no such version, and a newer one is not to be had")}
}

// same implements upstream.Same: two descriptions of a version are of the same bytes if they promise the same sums, or
// where descriptions promise nothing.
func (l *reading) same(ours, theirs *cache.Listing, version string) bool {
	if _, ok := l.format.(format.Direct); ok {
		return true
	}
	key := cache.AssetKey{Package: ours.Package, Version: version, Asset: anyAsset}
	a, errA := l.format.Locate(key, ours)
	b, errB := l.format.Locate(key, theirs)
	if errA != nil || errB != nil || len(a.Sums) == 0 {
		return false
	}
	return slices.EqualFunc(a.Sums, b.Sums, func(x, y cache.Sum) bool {
		return x.Algorithm == y.Algorithm && bytes.Equal(x.Value, y.Value)
	})
}

// anyAsset asks Locate for the asset that stands for a version, where a version has one.
const anyAsset = ""

package formattest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// Published is when everything was published into a Desk.
var Published = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// Desk is one repository in memory: a format.Desk. It is safe for concurrent use.
type Desk struct {
	Format     format.Format // reads the registries' listings; may be nil if there are none
	Registries []*Registry   // the connections of the walk
	Who        *Identity     // nil: anonymous

	mu       sync.Mutex
	holdings map[cache.Package]*cache.Holding
	bytes    map[blob.Digest][]byte
	spools   []*Spool
}

var _ format.Desk = (*Desk)(nil)

// Holding returns what the repository holds of a package, or nil.
func (d *Desk) Holding(p cache.Package) *cache.Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.holdings[p]
}

// Bytes returns the bytes of an asset that was published, or nil.
func (d *Desk) Bytes(a cache.AssetKey) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.holdings[a.Package]
	if h == nil {
		return nil
	}
	v := h.Version(a.Version)
	if v == nil {
		return nil
	}
	for _, s := range v.Assets {
		if s.Name == a.Asset {
			return d.bytes[s.Digest]
		}
	}
	return nil
}

// OpenSpools counts the spools that nobody closed.
func (d *Desk) OpenSpools() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, s := range d.spools {
		if !s.Closed() {
			n++
		}
	}
	return n
}

// Listing returns what the repository holds, else what the first registry says.
func (d *Desk) Listing(ctx context.Context, p cache.Package) (*cache.Listing, error) {
	d.mu.Lock()
	h := d.holdings[p]
	d.mu.Unlock()
	if h != nil {
		return ListingOf(h), nil
	}
	for _, g := range d.Registries {
		l, err := d.Format.Listing(ctx, p, g)
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err == nil {
			for i := range l.Versions {
				l.Versions[i].Origin = cache.Origin{Connection: g.Connection()}
			}
		}
		return l, err
	}
	return nil, cache.ErrAbsent
}

// ListingOf returns the listing that a holding makes by itself, as a repository without upstreams gives it.
func ListingOf(h *cache.Holding) *cache.Listing {
	l := &cache.Listing{Package: h.Package, Tags: make(map[string]string), Head: fragment(h.Meta)}
	maps.Copy(l.Tags, h.Tags)
	for _, s := range h.Versions {
		l.Versions = append(l.Versions, cache.Version{
			Version: s.Version, Published: s.Published, Status: s.Status, Origin: s.Origin, Raw: fragment(s.Meta),
		})
		if s.Published.After(l.Modified) {
			l.Modified = s.Published
		}
	}
	return l
}

func fragment(b []byte) cache.Fragment {
	if b == nil {
		return cache.Fragment{}
	}
	return cache.Fragment{Doc: bytes.NewReader(b), Len: int64(len(b))}
}

// Getters returns the registries, unless the repository holds the package itself.
func (d *Desk) Getters(_ context.Context, p cache.Package) ([]format.Getter, error) {
	if d.Holding(p) != nil {
		return nil, nil
	}
	var gs []format.Getter
	for _, g := range d.Registries {
		gs = append(gs, g)
	}
	return gs, nil
}

// Spool returns a spool in memory.
func (d *Desk) Spool(context.Context, int64) (blob.Spool, error) {
	s := new(Spool)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spools = append(d.spools, s)
	return s, nil
}

// Publish stores a version, or assets that join one where p.Merge says so. Other bytes under what exists are
// cache.ErrConflict.
func (d *Desk) Publish(ctx context.Context, p *format.Publication) error {
	stored := cache.Stored{
		Version: p.Version, Status: p.Status, Origin: cache.Origin{Repository: "test"}, Published: Published, Meta: p.Meta,
	}
	stored.Revision = blob.Sum(p.Meta).String()[:16]
	taken := make(map[blob.Digest][]byte)
	for _, f := range p.Assets {
		pin, err := f.Spool.Commit(ctx, f.Check)
		if err != nil {
			return err
		}
		b := make([]byte, pin.Size)
		if _, err := f.Spool.ReadAt(b, 0); err != nil && pin.Size > 0 {
			return err
		}
		taken[pin.Digest] = b
		stored.Assets = append(stored.Assets, cache.Asset{Name: f.Name, Digest: pin.Digest, Size: pin.Size, Sums: slices.Concat(f.Sums, f.Known)})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hold(p.Package)
	if p.Version == "" {
		return annotate(h, p)
	}
	if old := h.Version(p.Version); old != nil {
		joined, ok := join(old.Assets, stored.Assets, p.Merge)
		if !ok {
			return fmt.Errorf("%s %s: %w", p.Package, p.Version, cache.ErrConflict)
		}
		if len(joined) == len(old.Assets) {
			return nil
		}
		if p.Join != nil {
			meta, err := p.Join(old.Meta, stored.Meta)
			if err != nil {
				return err
			}
			old.Meta = meta
		}
		old.Assets = joined
	} else {
		h.Versions = append(h.Versions, stored)
	}
	if p.PackageMeta != nil {
		h.Meta = p.PackageMeta
	}
	maps.Copy(h.Tags, p.Tags)
	maps.Copy(d.bytes, taken)
	return nil
}

// annotate changes the package's own part alone.
func annotate(h *cache.Holding, p *format.Publication) (err error) {
	if p.Join == nil {
		h.Meta = p.PackageMeta
		return nil
	}
	h.Meta, err = p.Join(h.Meta, p.PackageMeta)
	return err
}

// join adds assets to those that are there; false if they may not join, or are there with other bytes.
func join(old, added []cache.Asset, grow bool) ([]cache.Asset, bool) {
	joined := append([]cache.Asset(nil), old...)
	for _, a := range added {
		i := slices.IndexFunc(old, func(o cache.Asset) bool { return o.Name == a.Name })
		switch {
		case i >= 0 && old[i].Digest != a.Digest, i < 0 && !grow:
			return nil, false
		case i < 0:
			joined = append(joined, a)
		}
	}
	return joined, true
}

func (d *Desk) hold(p cache.Package) *cache.Holding {
	if d.holdings == nil {
		d.holdings = make(map[cache.Package]*cache.Holding)
		d.bytes = make(map[blob.Digest][]byte)
	}
	h := d.holdings[p]
	if h == nil {
		h = &cache.Holding{Package: p, Tags: make(map[string]string)}
		d.holdings[p] = h
	}
	return h
}

// Edit changes what the repository holds. fn works on a copy, so that its error changes nothing.
func (d *Desk) Edit(_ context.Context, p cache.Package, fn func(*cache.Holding) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.holdings[p]
	if h == nil {
		return cache.ErrAbsent
	}
	c := *h
	c.Versions = append([]cache.Stored(nil), h.Versions...)
	c.Tags = make(map[string]string)
	maps.Copy(c.Tags, h.Tags)
	if err := fn(&c); err != nil {
		return err
	}
	if len(c.Versions) == 0 {
		delete(d.holdings, p)
		return nil
	}
	d.holdings[p] = &c
	return nil
}

// Identity returns Who.
func (d *Desk) Identity() format.Identity {
	if d.Who == nil {
		return new(Identity)
	}
	return d.Who
}

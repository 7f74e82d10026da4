package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
	"entrepot/upstream"
)

// desk is what a format's own services get of the engine, for one request.
type desk struct {
	engine  *engine
	call    *call
	request *http.Request
}

// Listing implements format.Desk.
func (d *desk) Listing(ctx context.Context, p cache.Package) (*cache.Listing, error) {
	s, err := d.call.repo.Sources(ctx, p)
	if err != nil {
		return nil, err
	}
	l := &reading{engine: d.engine, format: d.call.format, record: newRecord(), rules: d.call.rules(), stored: d.call.want.StoredOnly}
	return l.merged(ctx, s)
}

// Getters implements format.Desk.
func (d *desk) Getters(ctx context.Context, p cache.Package) ([]format.Getter, error) {
	conns, err := d.connections(ctx, p)
	if err != nil {
		return nil, err
	}
	out := make([]format.Getter, len(conns))
	for i, c := range conns {
		out[i] = &getter{conn: c, pkg: p, storedOnly: d.call.want.StoredOnly, refresh: insists(d.request) && !d.call.want.Patient}
	}
	return out, nil
}

func (d *desk) connections(ctx context.Context, p cache.Package) ([]*upstream.Connection, error) {
	if p.Name != "" {
		s, err := d.call.repo.Sources(ctx, p)
		if err != nil {
			return nil, err
		}
		return s.Connections, nil
	}
	var conns []*upstream.Connection
	for _, r := range d.call.repo.Walk() {
		c := r.Connection()
		if d.call.conn != nil && c != d.call.conn {
			continue // what was on its way to one registry is asked of no other
		}
		if c != nil && c.Format == d.call.format.Name() {
			conns = append(conns, c)
		}
	}
	return conns, nil
}

// Spool implements format.Desk.
func (d *desk) Spool(ctx context.Context, size int64) (blob.Spool, error) {
	return d.call.domain.Blobs.Spool(ctx, blob.SpoolOptions{Size: size, Durable: true})
}

// Publish implements format.Desk: bytes before row (invariant 2), both on the disk (invariant 12).
func (d *desk) Publish(ctx context.Context, p *format.Publication) error {
	v := cache.Stored{Version: p.Version, Status: p.Status, Meta: p.Meta}
	if v.Status == "" {
		v.Status = cache.Published
	}
	for _, f := range p.Assets {
		pin, err := f.Spool.Commit(ctx, verifySums(f))
		if err != nil {
			if errors.Is(err, blob.ErrCorrupt) {
				return cache.Invalidf("%s: %v", f.Name, err)
			}
			return err
		}
		defer pin.Release()
		v.Assets = append(v.Assets, cache.Asset{Name: f.Name, Digest: pin.Digest, Size: pin.Size, Sums: slices.Concat(f.Sums, f.Known)})
	}
	return d.call.repo.Publish(ctx, upstream.Publication{
		Package: p.Package, Version: v, PackageMeta: p.PackageMeta, Tags: p.Tags, Merge: p.Merge, Join: p.Join,
	})
}

// verifySums checks an uploaded file against what the client promised.
func verifySums(f format.File) func(io.ReaderAt, int64) error {
	return func(r io.ReaderAt, size int64) error {
		if err := cache.Verify(io.NewSectionReader(r, 0, size), f.Sums); err != nil {
			return err
		}
		if f.Check != nil {
			return f.Check(r, size)
		}
		return nil
	}
}

// Edit implements format.Desk.
func (d *desk) Edit(ctx context.Context, p cache.Package, fn func(*cache.Holding) error) error {
	if err := d.call.repo.Edit(ctx, p, fn); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return nil
}

// Identity implements format.Desk.
func (d *desk) Identity() format.Identity {
	c := d.call
	return &identity{
		authority: c.site.Authority, logins: d.engine.logins, principal: c.principal, domain: c.domain.Name, remote: c.remote.Addr(),
	}
}

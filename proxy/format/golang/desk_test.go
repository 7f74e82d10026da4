package golang

import (
	"context"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

// desk is a repository in memory with any kind of connection.
type desk struct {
	*formattest.Desk
	getters []format.Getter
	private string // a module that no connection may be asked about
}

func (d *desk) Getters(_ context.Context, p cache.Package) ([]format.Getter, error) {
	if p.Name != "" && p.Name == d.private {
		return nil, nil
	}
	return d.getters, nil
}

// hiding is a repository with a rule against a version.
type hiding struct {
	*formattest.Desk
	refused string
}

func (d hiding) Listing(ctx context.Context, p cache.Package) (*cache.Listing, error) {
	l, err := d.Desk.Listing(ctx, p)
	if err == nil && l.Version(d.refused) != nil {
		l.Version(d.refused).Refused = "too new"
	}
	return l, err
}

// bottomless is a repository whose spools forget what they are given.
type bottomless struct{ *formattest.Desk }

func (bottomless) Spool(context.Context, int64) (blob.Spool, error) { return &sink{}, nil }

type sink struct {
	formattest.Spool
	n int64
}

func (s *sink) Write(p []byte) (int, error) { s.n += int64(len(p)); return len(p), nil }
func (s *sink) Size() int64                 { return s.n }

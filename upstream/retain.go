package upstream

import (
	"context"
	"errors"
	"slices"

	"entrepot/cache"
)

// RetainFrom records a version that came by a connection, in the repository that is connected and in those that asked.
func (c *Connection) RetainFrom(ctx context.Context, p cache.Package, v cache.Stored, asked []cache.RepositoryID) error {
	v.Origin = cache.Origin{Connection: c.Name}
	repos := append([]cache.RepositoryID{c.Repository}, asked...)
	slices.Sort(repos)
	return c.Domain.Index.Retain(ctx, slices.Compact(repos), p, v)
}

// Retain records in r the version that was found stored elsewhere in its walk, with all the assets that are stored
// there: rows, never copied bytes. It does nothing if r holds it itself, be it from another origin: then what counts for
// r is decided anew for each request.
func (r *Repository) Retain(ctx context.Context, place *Place) error {
	if place.Stored == nil || place.Holder == r.ID || r.through && place.Stored.Origin.Internal() {
		return nil
	}
	p := place.Sources.Package
	held, err := r.Domain.Index.Holdings(ctx, []cache.RepositoryID{place.Holder}, p)
	if err != nil || len(held) == 0 {
		return err
	}
	v := held[0].Version(place.Stored.Version)
	if v == nil {
		return nil
	}
	err = r.Domain.Index.Retain(ctx, []cache.RepositoryID{r.ID}, p, *v)
	if errors.Is(err, cache.ErrConflict) {
		return nil
	}
	return err
}

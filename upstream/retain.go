package upstream

import (
	"context"
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
// there: rows, never copied bytes. It does nothing if r holds it itself.
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
	return r.Domain.Index.Retain(ctx, []cache.RepositoryID{r.ID}, p, *v)
}

package upstream

import (
	"context"
	"slices"

	"entrepot/cache"
)

// Place is where an asset is to be had: stored, or at one of the connections, in order.
type Place struct {
	Sources *Sources
	// Stored is the version as a repository holds it, with the one asset in Assets if it is stored; nil if no
	// repository of the walk holds the version.
	Stored *cache.Stored
	// Holder is the repository that holds it.
	Holder cache.RepositoryID
	// First are connections that come before the holder in a strict walk: they are asked before Stored counts.
	First []*Connection
	// Connections may be asked for it. If the version is stored without the asset, only the version's own origin.
	Connections []*Connection
}

// Asset returns the stored asset, or nil.
func (p *Place) Asset() *cache.Asset {
	if p.Stored == nil || len(p.Stored.Assets) == 0 {
		return nil
	}
	return &p.Stored.Assets[0]
}

// Find chooses the origin of a version and says where in it an asset is: first what was published, then what was taken
// from outside before, both in walk order, then the connections (design §3). cache.ErrAbsent if a repository of the
// walk holds the version but does not serve it (archived, disposed, unfinished).
func (r *Repository) Find(ctx context.Context, k cache.AssetKey) (*Place, error) {
	s, err := r.Sources(ctx, k.Package)
	if err != nil {
		return nil, err
	}
	found, err := r.Domain.Index.Find(ctx, ids(s.walk), k)
	if err != nil {
		return nil, err
	}
	place := &Place{Sources: s, Connections: s.Connections}
	chosen := s.choose(found)
	if chosen == nil {
		if len(place.Connections) == 0 && s.refused != nil && !s.inside {
			return nil, s.refused
		}
		return place, nil
	}
	if !chosen.Stored.Status.Served() {
		return nil, cache.ErrAbsent
	}
	chosen = s.withAsset(found, chosen)
	place.Stored, place.Holder = &chosen.Stored, chosen.Repository
	if r.strict {
		place.First = s.before(chosen.Repository)
	}
	place.Connections = nil
	for _, c := range s.Connections {
		if c.Name == chosen.Stored.Origin.Connection {
			place.Connections = []*Connection{c}
			break
		}
	}
	return place, nil
}

// before returns the connections that come before a repository in the walk.
func (s *Sources) before(holder cache.RepositoryID) []*Connection {
	at := slices.IndexFunc(s.walk, func(r *Repository) bool { return r.ID == holder })
	nearer := s.walk[:max(0, at)]
	var out []*Connection
	for _, c := range s.Connections {
		if slices.ContainsFunc(nearer, func(r *Repository) bool { return r.ID == c.Repository }) {
			out = append(out, c)
		}
	}
	return out
}

// withAsset returns chosen, or if that lacks the asset, a repository that has it of the same version and origin: a
// version may have got assets since it was retained, by a publish upstream or because others asked for them.
func (s *Sources) withAsset(found []cache.Found, chosen *cache.Found) *cache.Found {
	if len(chosen.Stored.Assets) > 0 {
		return chosen
	}
	for i := range found {
		f := &found[i]
		if len(f.Stored.Assets) > 0 && f.Stored.Origin == chosen.Stored.Origin && f.Stored.Status.Served() && s.counts(&f.Stored) {
			return f
		}
	}
	return chosen
}

// choose picks the repository whose version counts.
func (s *Sources) choose(found []cache.Found) *cache.Found {
	if s.Repository.strict {
		for i := range found {
			if s.counts(&found[i].Stored) {
				return &found[i]
			}
		}
		return nil
	}
	for _, internal := range []bool{true, false} {
		for i := range found {
			if v := &found[i].Stored; v.Origin.Internal() == internal && s.counts(v) {
				return &found[i]
			}
		}
	}
	return nil
}

package upstream

import (
	"context"
	"slices"

	"entrepot/cache"
)

// Sources say where a repository's answer about a package may come from.
type Sources struct {
	Repository  *Repository
	Package     cache.Package
	Shelves     []cache.Shelf // the repositories of the walk that know the package, in walk order
	Connections []*Connection // the connections that may be asked, in walk order

	// Join makes one fragment of what was retained of a version and of what the repository into which it was published
	// has of it by now, where versions grow; nil: they do not.
	Join func(retained, published []byte) ([]byte, error)

	walk    []*Repository // without what origin controls and package groups close
	refused error         // why a package group keeps something closed; nil: none does
	inside  bool          // only versions that were published inside count
}

// Sources looks up where the answer about a package may come from.
//
// A package whose origin controls block upstream in some repository is not looked for behind that repository. A name
// that has been published anywhere in the walk is not asked of any connection, and what was taken from one before
// does not count, unless the controls where it was published say ALLOW.
func (r *Repository) Sources(ctx context.Context, p cache.Package) (*Sources, error) {
	shelves, err := r.Domain.Index.Shelves(ctx, ids(r.walk), p)
	if err != nil {
		return nil, err
	}
	s := &Sources{Repository: r, Package: p, walk: r.walk}
	blocked, closed := map[cache.RepositoryID]bool{}, s.closedByGroups()
	for _, shelf := range shelves {
		if shelf.Controls.Upstream == cache.Block {
			blocked[shelf.Repository] = true
		}
	}
	if len(blocked)+len(closed) > 0 {
		s.walk = r.walkFrom(func(at *Repository) bool { return blocked[at.ID] || closed[at.ID] })
	}
	for _, at := range s.walk {
		if i := slices.IndexFunc(shelves, func(x cache.Shelf) bool { return x.Repository == at.ID }); i >= 0 {
			s.Shelves = append(s.Shelves, shelves[i])
		}
	}
	s.inside = confined(s.Shelves)
	if s.inside {
		return s, nil
	}
	for _, at := range s.walk {
		c := at.connection
		if c == nil || c.Format != p.Format || blocked[at.ID] || at != r && r.through {
			continue
		}
		if err := r.Domain.admits(p, FromConnection, c.owner(at)); err != nil {
			s.refused = err
			continue
		}
		s.Connections = append(s.Connections, c)
	}
	return s, nil
}

// confined reports whether a name that some of the shelves have from inside is closed to the outside. A repository that
// only retained what another published has never been told what it may take (its revision is 0), so its controls say
// nothing: else a name would open up as soon as the one where it was published leaves the walk.
func confined(shelves []cache.Shelf) bool {
	inside, allowed := false, false
	for _, s := range shelves {
		switch {
		case !s.Internal:
		case s.Revision == 0:
			inside = true
		case s.Controls.Upstream != cache.Allow:
			return true
		default:
			allowed = true
		}
	}
	return inside && !allowed
}

// closedByGroups returns the repositories into which nothing may come from upstream, as package groups have it.
func (s *Sources) closedByGroups() map[cache.RepositoryID]bool {
	closed := map[cache.RepositoryID]bool{}
	for _, at := range s.walk {
		if len(at.upstreams) == 0 {
			continue
		}
		if err := s.Repository.Domain.admits(s.Package, FromUpstream, at); err != nil {
			closed[at.ID], s.refused = true, err
		}
	}
	return closed
}

// absent is why nobody has what was asked: a package group that keeps it out, or that it does not exist.
func (s *Sources) absent() error {
	if s.refused != nil && !s.inside {
		return s.refused
	}
	return cache.ErrAbsent
}

// Confined reports whether the name is private here: published inside, and closed to everything outside.
func (s *Sources) Confined() bool { return s.inside }

// counts reports whether a stored version may be used at all.
func (s *Sources) counts(v *cache.Stored) bool {
	return s.Repository.taken(v.Origin) && (v.Origin.Internal() || !s.inside)
}

package upstream

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"entrepot/cache"
)

// Reader reads what the registry behind a connection says about a package.
type Reader func(ctx context.Context, c *Connection, p cache.Package) (*cache.Listing, error)

// Same reports whether two descriptions of one version, ours and the registry's of today, promise the same bytes.
type Same func(ours, theirs *cache.Listing, version string) bool

// Merge returns the repository's listing of a package: the union of what the walk holds and what its connections list,
// each version from its one origin. Partial reports that a connection could not be asked, and that the listing shows
// what is held of it instead. cache.ErrAbsent if nobody knows the package; the connection's error if it could not be
// asked and nothing of it is held, since a list that shrinks in silence looks like a withdrawal.
func (s *Sources) Merge(ctx context.Context, read Reader, same Same) (l *cache.Listing, partial bool, err error) {
	holdings, err := s.Repository.Domain.Index.Holdings(ctx, ids(s.walk), s.Package)
	if err != nil {
		return nil, false, err
	}
	m := merge{sources: s, same: same, at: map[string]int{}, out: &cache.Listing{Package: s.Package}}
	for i := range holdings {
		m.held = append(m.held, m.fromHolding(&holdings[i]))
	}
	for _, c := range s.Connections {
		theirs, err := read(ctx, c, s.Package)
		switch {
		case err == nil:
			m.out.Closers = append(m.out.Closers, theirs)
			m.read = append(m.read, place{repository: c.Repository, listing: theirs, connection: c.Name})
		case errors.Is(err, cache.ErrAbsent):
		case m.holdsFrom(c.Name):
			partial = true
		default:
			m.out.Close()
			return nil, false, err
		}
	}
	m.run()
	if len(m.out.Versions) == 0 && len(m.held) == 0 && len(m.read) == 0 {
		m.out.Close()
		return nil, false, s.absent()
	}
	return m.out, partial, nil
}

// place is one voice in a merge: a repository's holding, or a connection's listing.
type place struct {
	repository cache.RepositoryID
	connection string // of a connection's listing
	listing    *cache.Listing
}

type merge struct {
	sources *Sources
	same    Same
	held    []place // in walk order
	read    []place // in walk order
	at      map[string]int
	out     *cache.Listing
}

// fromHolding makes a listing of what a repository holds.
func (m *merge) fromHolding(h *cache.Holding) place {
	l := &cache.Listing{Package: h.Package, Tags: h.Tags, Head: bytesFragment(h.Meta)}
	for i := range h.Versions {
		v := &h.Versions[i]
		if m.sources.counts(v) {
			l.Versions = append(l.Versions, cache.Version{
				Version: v.Version, Published: v.Published, Status: v.Status, Origin: v.Origin, Raw: bytesFragment(v.Meta),
			})
		}
		if v.Published.After(l.Modified) {
			l.Modified = v.Published
		}
	}
	return place{repository: h.Repository, listing: l}
}

func bytesFragment(b []byte) cache.Fragment {
	return cache.Fragment{Doc: bytes.NewReader(b), Len: int64(len(b))}
}

func (m *merge) holdsFrom(connection string) bool {
	return slices.ContainsFunc(m.held, func(p place) bool {
		return slices.ContainsFunc(p.listing.Versions, func(v cache.Version) bool { return v.Origin.Connection == connection })
	})
}

// run adds the places in the order of their precedence.
func (m *merge) run() {
	any := func(cache.Version) bool { return true }
	if m.sources.Repository.strict {
		for _, at := range m.sources.walk {
			m.addAll(m.held, at, any)
			m.addAll(m.read, at, any)
		}
	} else {
		m.addAll(m.held, nil, func(v cache.Version) bool { return v.Origin.Internal() })
		m.addAll(m.held, nil, func(v cache.Version) bool { return !v.Origin.Internal() })
		m.addAll(m.read, nil, any)
	}
	m.order()
	m.tags()
}

func (m *merge) addAll(places []place, at *Repository, keep func(cache.Version) bool) {
	for _, p := range places {
		if at != nil && p.repository != at.ID {
			continue
		}
		for _, v := range p.listing.Versions {
			if p.connection != "" {
				v.Origin = cache.Origin{Connection: p.connection}
			}
			if keep(v) {
				m.add(p, v)
			}
		}
		m.head(p.listing.Head)
		if p.listing.Modified.After(m.out.Modified) {
			m.out.Modified = p.listing.Modified
		}
	}
}

// head notes a place's head; the nearest counts first.
func (m *merge) head(f cache.Fragment) {
	switch {
	case f.Len == 0 || f == m.out.Head || slices.Contains(m.out.Others, f):
	case m.out.Head.Len == 0:
		m.out.Head = f
	default:
		m.out.Others = append(m.out.Others, f)
	}
}

// add adds a version that is not there yet. The registry's own words of today replace what we kept of a version of
// the same origin, as long as they promise the bytes that we hold: so that a deprecation arrives, and a swap does not.
// So do those of the repository into which a version was published, and where it is Unlisted there, it is everywhere: so
// that a yank arrives where the version was retained before.
func (m *merge) add(p place, v cache.Version) {
	i, there := m.at[v.Version]
	if !there {
		m.at[v.Version] = len(m.out.Versions)
		m.out.Versions = append(m.out.Versions, v)
		return
	}
	ours := &m.out.Versions[i]
	if ours.Origin != v.Origin || m.same == nil || p.connection == "" && !m.publisher(p, v) {
		return
	}
	status := ours.Status
	if p.connection == "" && status.Listed() && v.Status == cache.Unlisted {
		status = v.Status
	}
	if p.connection == "" && m.sources.Join != nil {
		ours.Raw, ours.Status = m.join(ours.Raw, v.Raw), status
		return
	}
	kept := &cache.Listing{Package: m.out.Package, Versions: []cache.Version{*ours}}
	if m.same(kept, p.listing, v.Version) {
		*ours = v
		ours.Status = status
	}
}

// join adds to what was retained of a version what has joined it since. What cannot be read stays as it was retained.
func (m *merge) join(retained, published cache.Fragment) cache.Fragment {
	old, err := retained.Append(nil)
	if err != nil {
		return retained
	}
	added, err := published.Append(nil)
	if err != nil {
		return retained
	}
	joined, err := m.sources.Join(old, added)
	if err != nil {
		return retained
	}
	return bytesFragment(joined)
}

// publisher reports whether a place is the repository into which the version was published.
func (m *merge) publisher(p place, v cache.Version) bool {
	return v.Origin.Internal() && slices.ContainsFunc(m.sources.walk, func(r *Repository) bool {
		return r.ID == p.repository && r.Name == v.Origin.Repository
	})
}

// order puts versions in the order of the registry's document where there is one, with what only we hold in front of
// it in the order of publication.
func (m *merge) order() {
	if len(m.read) == 0 {
		return
	}
	rank := make(map[string]int, len(m.at))
	for _, p := range m.read {
		for _, v := range p.listing.Versions {
			if _, ok := rank[v.Version]; !ok {
				rank[v.Version] = len(rank) + 1
			}
		}
	}
	slices.SortStableFunc(m.out.Versions, func(a, b cache.Version) int { return rank[a.Version] - rank[b.Version] })
}

// tags merges tags: of a tag that several places set, the nearest repository's counts, and a repository's own before
// its connection's. A tag of a version that is not in the listing is left out.
func (m *merge) tags() {
	m.out.Tags = map[string]string{}
	walk := slices.Clone(m.sources.walk)
	if m.sources.Repository.farTags {
		slices.Reverse(walk)
	}
	for _, at := range walk {
		for _, p := range slices.Concat(m.held, m.read) {
			if p.repository != at.ID {
				continue
			}
			for _, tag := range slices.Sorted(maps.Keys(p.listing.Tags)) {
				version := p.listing.Tags[tag]
				if _, set := m.out.Tags[tag]; set {
					continue
				}
				if _, listed := m.at[version]; listed {
					m.out.Tags[tag] = version
				}
			}
		}
	}
}

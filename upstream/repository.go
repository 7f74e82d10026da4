package upstream

import (
	"slices"

	"entrepot/cache"
)

// Repository is a named set of references: package, version, asset, digest. It is immutable; what it holds is in the
// index.
type Repository struct {
	Domain *Domain
	Name   string
	ID     cache.RepositoryID

	upstreams  []*Repository
	connection *Connection
	strict     bool
	farTags    bool
	through    bool          // see Connection.Through
	walk       []*Repository // without pruning
}

// Upstreams returns the direct upstreams in order.
func (r *Repository) Upstreams() []*Repository { return r.upstreams }

// Connection returns the external connection, or nil.
func (r *Repository) Connection() *Connection { return r.connection }

// Walk returns the repositories that answer for r: itself, then its upstreams depth-first in listed order, each once,
// at most MaxWalk.
func (r *Repository) Walk() []*Repository { return r.walk }

// walkFrom is the walk without what lies behind the repositories that closed names.
func (r *Repository) walkFrom(closed func(*Repository) bool) []*Repository {
	var walk []*Repository
	var visit func(*Repository)
	visit = func(at *Repository) {
		if len(walk) == MaxWalk || slices.ContainsFunc(walk, func(x *Repository) bool { return x.ID == at.ID }) {
			return
		}
		walk = append(walk, at)
		if closed != nil && closed(at) {
			return
		}
		for _, up := range at.upstreams {
			visit(up)
		}
	}
	visit(r)
	return walk
}

func ids(repos []*Repository) []cache.RepositoryID {
	out := make([]cache.RepositoryID, len(repos))
	for i, r := range repos {
		out[i] = r.ID
	}
	return out
}

package upstream

import (
	"strings"

	"entrepot/cache"
)

// Through returns what a client sees that was on its way to the registry itself: what the registry offers, and what was
// published into inside and its upstreams. Nothing of any other connection counts, wherever it is stored. inside may be
// nil.
func (c *Connection) Through(inside *Repository) *Repository {
	r := &Repository{Domain: c.Domain, ID: c.Repository, connection: c, through: true}
	for _, at := range c.Domain.order {
		if at.ID == r.ID {
			r.Name = at.Name
		}
	}
	if inside != nil {
		r.Name, r.farTags, r.upstreams = inside.Name, inside.farTags, []*Repository{inside}
	}
	r.walk = r.walkFrom(nil)
	return r
}

// scopeMark stands in the name of a connection between the registry's name and the scope.
const scopeMark = "~"

// Private returns a connection to the same registry for what one credential of a client's obtains. client sends that
// credential, scope stands for it, and repository is where it is kept: nobody else asks that one (invariant 11).
func (c *Connection) Private(scope string, repository cache.RepositoryID, client Client) *Connection {
	return &Connection{ // without c.Credential: the client's own takes its place
		Name: PrivateName(c.Name, scope), Format: c.Format, Client: client, Domain: c.Domain, Repository: repository, Scope: scope,
	}
}

// PrivateName is the name that Private gives.
func PrivateName(connection, scope string) string { return connection + scopeMark + scope }

// Registry is the connection's name without the scope.
func (c *Connection) Registry() string {
	name, _, _ := strings.Cut(c.Name, scopeMark)
	return name
}

// taken reports whether a version that is stored somewhere in the walk may be used by r.
func (r *Repository) taken(o cache.Origin) bool {
	return !r.through || o.Internal() || o.Connection == r.connection.Name
}

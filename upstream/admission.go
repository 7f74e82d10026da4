package upstream

import (
	"entrepot/cache"
)

// Way is how a version comes into a repository.
type Way uint8

// The ways, as a package group restricts them.
const (
	ByPublish Way = iota
	FromConnection
	FromUpstream
)

// Admission are the package groups of a domain, as far as they have a say here. The zero value admits everything.
type Admission struct {
	// Admits returns nil, or why a new version of the package may not come into the repository that way: *cache.Refused.
	Admits func(p cache.Package, way Way, repository string) error
	// First returns the origin controls that a package gets when its first version appears in a repository.
	First func(p cache.Package, published bool) cache.Controls
}

func (d *Domain) admits(p cache.Package, way Way, r *Repository) error {
	if d.Admission.Admits == nil {
		return nil
	}
	return d.Admission.Admits(p, way, r.Name)
}

// owner is the repository that a connection belongs to; at is where it was found, which may only pass it on.
func (c *Connection) owner(at *Repository) *Repository {
	for _, r := range c.Domain.order {
		if r.ID == c.Repository {
			return r
		}
	}
	return at
}

// Initial returns the origin controls that a package gets when its first version appears in a repository: so a name that
// was published is not answered from outside, and one that came from outside is not published over (user guide,
// "Package origin controls").
func (d *Domain) Initial(p cache.Package, published bool) cache.Controls {
	switch {
	case d.Admission.First != nil:
		return d.Admission.First(p, published)
	case published:
		return cache.Controls{Publish: cache.Allow, Upstream: cache.Block}
	}
	return cache.Controls{Publish: cache.Block, Upstream: cache.Allow}
}

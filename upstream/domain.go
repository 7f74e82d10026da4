// Package upstream is where packages come from: domains and their repositories, the walk along upstream repositories,
// the choice of one origin per version, listings merged along the walk, and retention.
//
// It guarantees that all assets of one version come from one origin (invariant 5); that a name published inside is
// never answered from outside unless its origin controls say so, in whatever order things happened; and that a version
// is retained in the repository that asked and in the one that is connected, and in none between (CodeArtifact user
// guide, "Package retention").
package upstream

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// The service's limits (CodeArtifact user guide, "Quotas"): neither is adjustable there.
const (
	MaxUpstreams = 10 // direct upstreams of a repository
	MaxWalk      = 25 // repositories searched for one request
)

// Index is what the room needs of the index.
type Index interface {
	// Shelves returns which of the repositories know the package, in their order.
	Shelves(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Shelf, error)
	// Holdings returns all that the repositories hold of the package, in their order.
	Holdings(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Holding, error)
	// Find returns the repositories that hold the version, in their order, each with the asset if it has it.
	Find(ctx context.Context, repos []cache.RepositoryID, k cache.AssetKey) ([]cache.Found, error)
	// Retain records a version and its assets in the repositories and pins the assets' bytes.
	Retain(ctx context.Context, repos []cache.RepositoryID, p cache.Package, s cache.Stored) error
	// Edit changes what a repository holds of a package in one transaction.
	Edit(ctx context.Context, repo cache.RepositoryID, p cache.Package, durable bool, fn func(*cache.Holding) error) error
	// Pinned returns the digest that an asset of a connection was served with before.
	Pinned(ctx context.Context, connection string, k cache.AssetKey) (blob.Digest, bool, error)
}

// Client reaches a registry: one external connection.
type Client interface {
	cache.Source
	// Resolve makes a reference in a document absolute.
	Resolve(ref string) (*url.URL, error)
	// Resume continues a broken body at byte off, if the registry still has the same bytes.
	Resume(ctx context.Context, url, etag string, off int64) (io.ReadCloser, error)
}

// Stores are what a domain keeps. They outlive any one configuration.
type Stores struct {
	Blobs     blob.Store
	Index     Index
	Documents *cache.Documents
	Fills     *cache.Fills
	Changes   *cache.Changes
}

// Domain owns repositories and what they keep. It is immutable; a new configuration makes a new one over the same
// Stores.
type Domain struct {
	Name  string
	Owner string // account of 12 digits
	*Stores
	Admission Admission

	repositories map[string]*Repository
	order        []*Repository
}

// NewDomain returns a domain without repositories.
func NewDomain(name, owner string, s *Stores) *Domain {
	return &Domain{Name: name, Owner: owner, Stores: s, repositories: map[string]*Repository{}}
}

// Repository returns the repository of that name, or nil.
func (d *Domain) Repository(name string) *Repository { return d.repositories[name] }

// Repositories returns all of them in the order in which they were added.
func (d *Domain) Repositories() []*Repository { return d.order }

// Connection is the one way out of a domain to a registry.
type Connection struct {
	Name   string // "public:npmjs"
	Format string
	Client
	Domain     *Domain
	Repository cache.RepositoryID // the repository that it belongs to
	// Credential says that the connection shows a credential of its own to the registry.
	Credential bool
	// Scope is set if the client's own credential is sent: see Private.
	Scope string
}

// Options are the parts of a repository that may be left out.
type Options struct {
	Upstreams  []string    // names of repositories that were added before; at most MaxUpstreams
	Connection *Connection // nil: none. Never together with upstreams
	Strict     bool        // the service's documented order: each upstream with its own connection before the next
	FarTags    bool        // on a clash of tags the farthest repository wins, as in the service
}

// Add adds a repository. Its upstreams have to be there already, so that a cycle cannot be made.
func (d *Domain) Add(name string, id cache.RepositoryID, o Options) (*Repository, error) {
	if d.repositories[name] != nil {
		return nil, fmt.Errorf("repository %q is there already", name)
	}
	if len(o.Upstreams) > MaxUpstreams {
		return nil, fmt.Errorf("repository %q has %d upstreams; %d are allowed", name, len(o.Upstreams), MaxUpstreams)
	}
	if len(o.Upstreams) > 0 && o.Connection != nil {
		return nil, fmt.Errorf("repository %q has upstreams and an external connection; only one of them is allowed", name)
	}
	r := &Repository{Domain: d, Name: name, ID: id, connection: o.Connection, strict: o.Strict, farTags: o.FarTags}
	for _, u := range o.Upstreams {
		up := d.repositories[u]
		if up == nil {
			return nil, fmt.Errorf("repository %q: upstream %q does not exist", name, u)
		}
		r.upstreams = append(r.upstreams, up)
	}
	if r.connection != nil {
		r.connection.Domain, r.connection.Repository = d, id
	}
	r.walk = r.walkFrom(nil)
	d.repositories[name] = r
	d.order = append(d.order, r)
	return r, nil
}

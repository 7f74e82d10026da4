package index

import (
	"context"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// MaxWalk is the number of repositories that one look-up takes. A walk has at most 25.
const MaxWalk = 32

// Repository returns the number of a domain's repository, which it finds or creates.
func (db *DB) Repository(ctx context.Context, domain, name string) (cache.RepositoryID, error) {
	return 0, errSkeleton
}

// Shelves returns those of the repositories that know the package, in the order given.
func (db *DB) Shelves(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Shelf, error) {
	return nil, errSkeleton
}

// Holdings returns all that the repositories hold of the package, in the order given, as of one moment. Repositories
// that do not know the package are left out.
func (db *DB) Holdings(ctx context.Context, repos []cache.RepositoryID, p cache.Package) ([]cache.Holding, error) {
	return nil, errSkeleton
}

// Find returns where an asset is held, in the order of repos. It is the look-up behind every hit: one statement.
func (db *DB) Find(ctx context.Context, repos []cache.RepositoryID, key cache.AssetKey) ([]cache.Found, error) {
	return nil, errSkeleton
}

// Pinned returns the digest that the asset of an external connection had when it was first retained.
func (db *DB) Pinned(ctx context.Context, connection string, key cache.AssetKey) (blob.Digest, bool, error) {
	return blob.Digest{}, false, errSkeleton
}

// PackageQuery chooses packages of a repository.
type PackageQuery struct {
	Repository cache.RepositoryID
	Format     string        // empty: every format
	Namespace  *string       // nil: every namespace
	Prefix     string        // what the name begins with
	After      cache.Package // begin behind this one; zero: at the start
	Limit      int           // at most 1000; 0: 100
}

// Entry is one package of a repository.
type Entry struct {
	Package cache.Package
	Shelf   cache.Shelf
}

// Packages lists the packages of a repository by format, namespace and name.
func (db *DB) Packages(ctx context.Context, q PackageQuery) ([]Entry, error) {
	return nil, errSkeleton
}

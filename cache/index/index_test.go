package index

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// open returns an index in a new directory, closed when the test ends.
func openTest(t testing.TB) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// repositories makes n repositories of one domain.
func repositories(t testing.TB, db *DB, n int) []cache.RepositoryID {
	t.Helper()
	ids := make([]cache.RepositoryID, n)
	for i := range ids {
		id, err := db.Repository(t.Context(), "acme", fmt.Sprintf("r%d", i))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

var (
	left = cache.Package{Format: "npm", Name: "left-pad"}
	ui   = cache.Package{Format: "npm", Namespace: "acme", Name: "ui"}
	day  = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)
)

// asset is a file whose bytes are its digest's text.
func asset(name, bytes string) cache.Asset {
	return cache.Asset{Name: name, Digest: blob.Sum([]byte(bytes)), Size: int64(len(bytes)),
		Sums: []cache.Sum{{Algorithm: "sha1", Value: []byte{1, 2, 3}}, {Algorithm: "sha512", Value: []byte{4, 5}}}}
}

// external is a version from a registry with one asset.
func external(version, bytes string) cache.Stored {
	return cache.Stored{Version: version, Status: cache.Published, Origin: cache.Origin{Connection: "public:npmjs"},
		Published: day, Revision: "r1", Meta: []byte(`{"name":"left-pad"}`), Assets: []cache.Asset{asset("package.tgz", bytes)}}
}

// internal is a version that was published into repository.
func internal(repository, version, bytes string) cache.Stored {
	s := external(version, bytes)
	s.Origin = cache.Origin{Repository: repository}
	return s
}

func retain(t testing.TB, db *DB, repos []cache.RepositoryID, p cache.Package, s cache.Stored) {
	t.Helper()
	if err := db.Retain(t.Context(), repos, p, s); err != nil {
		t.Fatal(err)
	}
}

func edit(t testing.TB, db *DB, repo cache.RepositoryID, p cache.Package, fn func(*cache.Holding)) {
	t.Helper()
	err := db.Edit(t.Context(), repo, p, false, func(h *cache.Holding) error { fn(h); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// publish adds a version to what a repository holds.
func publish(t testing.TB, db *DB, repo cache.RepositoryID, p cache.Package, s cache.Stored) {
	t.Helper()
	edit(t, db, repo, p, func(h *cache.Holding) { h.Versions = append(h.Versions, s) })
}

func holdings(t testing.TB, db *DB, repos []cache.RepositoryID, p cache.Package) []cache.Holding {
	t.Helper()
	h, err := db.Holdings(t.Context(), repos, p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func find(t testing.TB, db *DB, repos []cache.RepositoryID, p cache.Package, version string) []cache.Found {
	t.Helper()
	f, err := db.Find(t.Context(), repos, cache.AssetKey{Package: p, Version: version, Asset: "package.tgz"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func shelves(t testing.TB, db *DB, repos []cache.RepositoryID, p cache.Package) []cache.Shelf {
	t.Helper()
	s, err := db.Shelves(t.Context(), repos, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run is a write of the test's own.
func (db *DB) run(ctx context.Context, durable bool, do func(transaction) error) error {
	return db.writer.write(ctx, &write{durable: durable, do: do})
}

package main

import (
	"path/filepath"
	"testing"

	"entrepot/cache"
	"entrepot/cache/index"
)

func TestIndexHasWhatItShould(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	if err := fillIndex(t.Context(), path, 3, 2); err != nil {
		t.Fatal(err)
	}
	db, err := index.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, name := range []string{"npm-store", benchRepository} {
		id, err := db.Repository(t.Context(), benchDomain, name)
		if err != nil {
			t.Fatal(err)
		}
		for p := range 3 {
			h, err := db.Holdings(t.Context(), []cache.RepositoryID{id}, indexPackage(p))
			if err != nil || len(h) != 1 || len(h[0].Versions) != 2 {
				t.Errorf("%s, package %d: %v, %v", name, p, h, err)
			}
		}
	}
}

package index

import (
	"fmt"
	"path/filepath"
	"testing"

	"entrepot/cache"
)

const (
	benchPackages = 2_500
	benchVersions = 20 // of each, in two repositories: 100,000 in all
)

func benchPackage(i int) cache.Package {
	return cache.Package{Format: "npm", Name: fmt.Sprintf("package-%d", i%benchPackages)}
}

// full makes an index with 100,000 versions, in the first and the last repository of a walk of 25.
func full(b *testing.B) (string, []cache.RepositoryID) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "index.db")
	db, err := Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	r := repositories(b, db, 25)
	meta := make([]byte, 2000) // a version's manifest
	for from := 0; from < benchPackages; from += 5 {
		err := db.run(b.Context(), false, func(tx transaction) error {
			for i := from; i < from+5; i++ {
				for j := range benchVersions {
					s := external(fmt.Sprintf("1.%d.0", j), fmt.Sprint(i, j))
					s.Meta = meta
					for _, repo := range []cache.RepositoryID{r[0], r[24]} {
						if err := tx.retain(repo, benchPackage(i), &s); err != nil {
							return err
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	return path, r
}

func BenchmarkIndex(b *testing.B) {
	path, r := full(b)
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			db, err := Open(b.Context(), path)
			if err != nil || db.Close() != nil {
				b.Fatal(err)
			}
		}
	})
	db, err := Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	key := func(i int) cache.AssetKey {
		return cache.AssetKey{Package: benchPackage(i * 7919), Version: fmt.Sprintf("1.%d.0", i%benchVersions), Asset: "package.tgz"}
	}
	for _, walk := range []int{1, 3, 25} {
		b.Run(fmt.Sprintf("Find/walk=%d", walk), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if f, err := db.Find(b.Context(), r[:walk], key(i)); err != nil || len(f) == 0 {
					b.Fatal(f, err)
				}
			}
		})
		b.Run(fmt.Sprintf("Shelves/walk=%d", walk), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if s, err := db.Shelves(b.Context(), r[:walk], benchPackage(i*7919)); err != nil || len(s) == 0 {
					b.Fatal(s, err)
				}
			}
		})
	}
	b.Run("Find/parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if f, err := db.Find(b.Context(), r[:3], key(i)); err != nil || len(f) == 0 {
					b.Fatal(f, err)
				}
			}
		})
	})
	b.Run("Holdings", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := db.Holdings(b.Context(), r[:3], benchPackage(i*7919)); err != nil {
				b.Fatal(err)
			}
		}
	})
	next := 0
	retainNew := func(b *testing.B) {
		next++
		s := external(fmt.Sprintf("2.%d.0", next), fmt.Sprint(next))
		if err := db.Retain(b.Context(), []cache.RepositoryID{r[0], r[24]}, benchPackage(next*7919), s); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("Retain/new", func(b *testing.B) {
		for b.Loop() {
			retainNew(b)
		}
	})
	b.Run("Retain/again", func(b *testing.B) {
		s := external("1.0.0", fmt.Sprint(0, 0))
		for b.Loop() {
			if err := db.Retain(b.Context(), []cache.RepositoryID{r[0], r[24]}, benchPackage(0), s); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, parallel := range []int{1, 32} {
		b.Run(fmt.Sprintf("Edit/durable/publishers=%d", parallel), func(b *testing.B) {
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					err := db.Edit(b.Context(), r[0], benchPackage(i*7919), true, func(h *cache.Holding) error {
						h.Tags["latest"] = fmt.Sprint(i, parallel, b.N)
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

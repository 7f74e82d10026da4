package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
)

// The index of a busy year.
const (
	indexPackages = 2_500
	indexVersions = 40 // of each: 100,000 in all
)

// makeIndex makes a server's directory with a full index, once.
func (l *lab) makeIndex(ctx context.Context) (err error) {
	if l.index != "" {
		return nil
	}
	fmt.Fprintln(l.progress, "making an index of 100,000 versions")
	dir, err := os.MkdirTemp(l.dir, "full")
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := fillIndex(ctx, filepath.Join(data, "index.db"), indexPackages, indexVersions); err != nil {
		return err
	}
	l.index = dir
	return nil
}

// fillIndex records packages in the repositories of the configuration, as downloads do.
func fillIndex(ctx context.Context, path string, packages, versions int) (err error) {
	db, err := index.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() {
		if e := db.Close(); err == nil {
			err = e
		}
	}()
	var repos []cache.RepositoryID
	for _, name := range []string{"npm-store", benchRepository} {
		id, err := db.Repository(ctx, benchDomain, name)
		if err != nil {
			return err
		}
		repos = append(repos, id)
	}
	// The writer commits what comes together at once, so many write at a time.
	const writers = 64
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for p := w; p < packages && errs[w] == nil; p += writers {
				for v := range versions {
					if err := db.Retain(ctx, repos, indexPackage(p), indexVersion(p, v)); err != nil {
						errs[w] = err
						break
					}
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func indexPackage(p int) cache.Package {
	return cache.Package{Format: "npm", Name: fmt.Sprintf("package-%d", p)}
}

func indexVersion(p, v int) cache.Stored {
	var d blob.Digest
	binary.BigEndian.PutUint64(d[:], uint64(p)<<32|uint64(v)+1) // a digest of zeros is none
	version := fmt.Sprintf("1.%d.0", v)
	return cache.Stored{
		Version: version, Status: cache.Published, Origin: cache.Origin{Connection: "public:npmjs"},
		Published: time.Date(2020, 1, 1, v, 0, 0, 0, time.UTC), Revision: version,
		Assets: []cache.Asset{{Name: fmt.Sprintf("package-%d-%s.tgz", p, version), Digest: d, Size: 20_000}},
	}
}

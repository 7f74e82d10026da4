package formattest

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// RoundTrip checks the law that encode and read belong together: what Encode wrote, served as a registry would, reads
// as the same neutral listing. It takes the packages of the archives that match pattern, and ignores their rules.
// serve says which document each view is: view to path. What it leaves out is answered as the archive says.
func RoundTrip(t *testing.T, f format.Format, pattern string, serve func(cache.Package) map[string]string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden documents match %s (%v)", pattern, err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			first := readArchive(t, f, archive)
			defer first.Close()
			for i := range first.Versions {
				first.Versions[i].Refused, first.Versions[i].Status = "", ""
			}
			bodies := make(map[string]string)
			for _, file := range archive.Files {
				if path, ok := strings.CutPrefix(file.Name, "registry/"); ok {
					bodies[path] = string(file.Data)
				}
			}
			for view, path := range serve(first.Package) {
				bodies[path] = string(encode(t, f, first, view))
			}
			second, err := f.Listing(context.Background(), first.Package, NewRegistry(bodies))
			if err != nil {
				t.Fatal(err)
			}
			defer second.Close()
			SameListing(t, second, first)
		})
	}
}

// SameListing fails the test unless two listings say the same: versions in order, their times, tags and newest change.
func SameListing(t *testing.T, got, want *cache.Listing) {
	t.Helper()
	if got.Package != want.Package {
		t.Errorf("package %s, want %s", got.Package, want.Package)
	}
	if len(got.Versions) != len(want.Versions) {
		t.Fatalf("%d versions, want %d", len(got.Versions), len(want.Versions))
	}
	for i := range want.Versions {
		g, w := got.Versions[i], want.Versions[i]
		if g.Version != w.Version || !g.Published.Equal(w.Published) {
			t.Errorf("version %d is %s of %v, want %s of %v", i, g.Version, g.Published, w.Version, w.Published)
		}
	}
	if len(got.Tags) != len(want.Tags) {
		t.Errorf("tags %v, want %v", got.Tags, want.Tags)
	}
	for tag, v := range want.Tags {
		if got.Tags[tag] != v {
			t.Errorf("tag %s is %q, want %q", tag, got.Tags[tag], v)
		}
	}
	if !got.Modified.Equal(want.Modified) {
		t.Errorf("modified %v, want %v", got.Modified, want.Modified)
	}
}

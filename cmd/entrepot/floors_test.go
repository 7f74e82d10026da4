package main

import (
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the house (ARCHITECTURE.md): on which floor each room is. A package imports lower floors only.
var floors = map[string]int{
	"cmd/entrepot":   5,
	"bench":          5,
	"bench/registry": 5,

	"proxy": 4,

	"proxy/codeartifact":   3,
	"proxy/format/cargo":   3,
	"proxy/format/generic": 3,
	"proxy/format/golang":  3,
	"proxy/format/maven":   3,
	"proxy/format/npm":     3,
	"proxy/format/nuget":   3,
	"proxy/format/pypi":    3,
	"proxy/format/ruby":    3,
	"proxy/format/swift":   3,

	"proxy/format":            2,
	"proxy/format/formattest": 2,
	"proxy/policy":            2,
	"upstream":                2,
	"cache/index":             2,

	"cache": 1,

	"cache/blob":              0,
	"cache/blob/blobtest":     0,
	"cache/blob/s3":           0,
	"config":                  0,
	"proxy/auth":              0,
	"proxy/format/jsonrange":  0,
	"proxy/forward":           0,
	"proxy/forward/authority": 0,
	"proxy/lane":              0,
	"upstream/connection":     0,
	"upstream/discover":       0,
}

// stairs are the imports within a floor: each between a folder and one above or below it.
var stairs = map[[2]string]bool{
	{"bench", "bench/registry"}:                  true,
	{"cache/blob/blobtest", "cache/blob"}:        true,
	{"cache/blob/s3", "cache/blob"}:              true,
	{"proxy/format/formattest", "proxy/format"}:  true,
	{"proxy/forward", "proxy/forward/authority"}: true,
}

// only are packages that one room alone may import.
var only = map[string]string{
	"entrepot/config":                       "cmd/entrepot",
	"github.com/hashicorp/go-retryablehttp": "upstream/connection",
}

// TestFloors reads the imports of every package, tests aside, for all platforms.
func TestFloors(t *testing.T) {
	imports := importsBelow(t, "../..")
	if len(imports) < 20 {
		t.Fatalf("only %d packages were found", len(imports))
	}
	for _, room := range slices.Sorted(maps.Keys(imports)) {
		floor, known := floors[room]
		if !known {
			t.Errorf("%s is on no floor: add it to ARCHITECTURE.md and to this test", room)
			continue
		}
		for _, imported := range imports[room] {
			if alone, ok := only[imported]; ok && alone != room {
				t.Errorf("%s imports %s, which is for %s alone", room, imported, alone)
			}
			below, ours := strings.CutPrefix(imported, "entrepot/")
			if ours && floors[below] >= floor && !stairs[[2]string{room, below}] {
				t.Errorf("%s (floor %d) imports %s (floor %d)", room, floor, below, floors[below])
			}
		}
	}
}

// TestStairs: an exception is a folder and its own subfolder, and there are none between others.
func TestStairs(t *testing.T) {
	for s := range stairs {
		if path.Dir(s[0]) != s[1] && path.Dir(s[1]) != s[0] {
			t.Errorf("%s and %s are not one folder and its subfolder", s[0], s[1])
		}
	}
}

// importsBelow maps each package below a directory, by its path from there, to what its files import.
func importsBelow(t *testing.T, root string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != "." && (strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") || e.Name() == "testdata") {
			return fs.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(gotoken.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := path.Dir(name)
		if _, seen := out[room]; !seen {
			out[room] = nil // it may import nothing
		}
		for _, i := range f.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if !slices.Contains(out[room], imported) {
				out[room] = append(out[room], imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

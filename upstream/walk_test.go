package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/upstream"
)

// domain makes a domain over an index of its own.
func domain(t *testing.T) (*upstream.Domain, *index.DB) {
	t.Helper()
	db, err := index.Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return upstream.NewDomain("test", "000000000000", &upstream.Stores{Index: db, Changes: cache.NewChanges()}), db
}

// add adds a repository with its upstreams.
func add(t *testing.T, d *upstream.Domain, db *index.DB, name string, o upstream.Options) *upstream.Repository {
	t.Helper()
	id, err := db.Repository(t.Context(), d.Name, name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Add(name, id, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func names(repos []*upstream.Repository) []string {
	var out []string
	for _, r := range repos {
		out = append(out, r.Name)
	}
	return out
}

// TestWalk: depth-first in listed order, each repository once, the nearest place counting.
func TestWalk(t *testing.T) {
	d, db := domain(t)
	for _, r := range []struct {
		name      string
		upstreams []string
	}{
		{"a", nil}, {"b", nil}, {"c", []string{"a"}}, {"d", []string{"b", "a"}}, {"e", []string{"c", "d", "b"}},
	} {
		add(t, d, db, r.name, upstream.Options{Upstreams: r.upstreams})
	}
	if got := names(d.Repository("e").Walk()); !slices.Equal(got, []string{"e", "c", "a", "d", "b"}) {
		t.Errorf("the walk is %v", got)
	}
}

// TestWalkIsBounded: 25 repositories answer for one, however many there are.
func TestWalkIsBounded(t *testing.T) {
	d, db := domain(t)
	var last string
	for i := range 40 {
		name := fmt.Sprint("r", i)
		o := upstream.Options{}
		if last != "" {
			o.Upstreams = []string{last}
		}
		add(t, d, db, name, o)
		last = name
	}
	walk := d.Repository(last).Walk()
	if len(walk) != upstream.MaxWalk || walk[0].Name != "r39" || walk[24].Name != "r15" {
		t.Errorf("a walk of %d, from %s to %s", len(walk), walk[0].Name, walk[len(walk)-1].Name)
	}
}

// TestAddRefuses what the service refuses, and what would be a cycle.
func TestAddRefuses(t *testing.T) {
	d, db := domain(t)
	var eleven []string
	for i := range 11 {
		name := fmt.Sprint("r", i)
		add(t, d, db, name, upstream.Options{})
		eleven = append(eleven, name)
	}
	for _, tt := range []struct {
		name string
		o    upstream.Options
	}{
		{"r0", upstream.Options{}},
		{"x", upstream.Options{Upstreams: []string{"x"}}},
		{"x", upstream.Options{Upstreams: []string{"nowhere"}}},
		{"x", upstream.Options{Upstreams: eleven}},
		{"x", upstream.Options{Upstreams: eleven[:1], Connection: &upstream.Connection{Name: "public:npmjs"}}},
	} {
		if _, err := d.Add(tt.name, 99, tt.o); err == nil {
			t.Errorf("%s with %v was added", tt.name, tt.o.Upstreams)
		}
	}
	if _, err := d.Add("ten", 99, upstream.Options{Upstreams: eleven[:10]}); err != nil {
		t.Error(err)
	}
}

var ui = cache.Package{Format: "npm", Namespace: "acme", Name: "ui"}

func publication(version, bytes string) upstream.Publication {
	return upstream.Publication{Package: ui, Tags: map[string]string{"latest": version}, Version: cache.Stored{
		Version: version, Status: cache.Published, Meta: []byte("{}"),
		Assets: []cache.Asset{{Name: "package.tgz", Digest: blob.Sum([]byte(bytes)), Size: int64(len(bytes))}},
	}}
}

// TestPublish: the same again is no error; other bytes are a conflict, also where an upstream has the version.
func TestPublish(t *testing.T) {
	d, db := domain(t)
	inner := add(t, d, db, "inner", upstream.Options{})
	outer := add(t, d, db, "outer", upstream.Options{Upstreams: []string{"inner"}})
	ctx := context.Background()
	for i, tt := range []struct {
		repo           *upstream.Repository
		version, bytes string
		want           error
	}{
		{inner, "1.0.0", "one", nil},
		{inner, "1.0.0", "one", nil},
		{inner, "1.0.0", "other", cache.ErrConflict},
		{outer, "1.0.0", "other", cache.ErrConflict},
		{outer, "1.0.0", "one", cache.ErrConflict},
		{outer, "1.1.0", "two", nil},
		{outer, "1.1.0", "two", nil},
	} {
		if err := tt.repo.Publish(ctx, publication(tt.version, tt.bytes)); !errors.Is(err, tt.want) {
			t.Errorf("%d: %s %s into %s: %v, want %v", i, tt.version, tt.bytes, tt.repo.Name, err, tt.want)
		}
	}
	held, err := db.Holdings(ctx, []cache.RepositoryID{outer.ID}, ui)
	if err != nil || len(held) != 1 || len(held[0].Versions) != 1 || held[0].Versions[0].Version != "1.1.0" {
		t.Errorf("outer holds %+v, %v", held, err)
	}
}

// TestPublishRace: several publishes of one version at once end with one of them.
func TestPublishRace(t *testing.T) {
	d, db := domain(t)
	r := add(t, d, db, "r", upstream.Options{})
	ctx := context.Background()
	done := make(chan error)
	for i := range 8 {
		go func() { done <- r.Publish(ctx, publication("1.0.0", fmt.Sprint("bytes ", i))) }()
	}
	won := 0
	for range 8 {
		switch err := <-done; {
		case err == nil:
			won++
		case !errors.Is(err, cache.ErrConflict):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d publishes of one version succeeded", won)
	}
}

package index

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/proxy/auth"
)

// openTemp opens an empty index.
func openTemp(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestObjects(t *testing.T) {
	db := openTemp(t)
	at := time.Now().UTC().Truncate(time.Microsecond)
	a := Object{ObjectKey{"repository", "acme", "a"}, at, []byte(`{"Made":true}`)}
	b := Object{ObjectKey{"policy", "acme", ""}, at, []byte(`{}`)}
	if err := db.ChangeObjects(t.Context(), nil, []Object{a, b}); err != nil {
		t.Fatal(err)
	}
	a.Body = []byte(`{"Made":false}`)
	if err := db.ChangeObjects(t.Context(), []ObjectKey{b.ObjectKey, {"no", "such", "thing"}}, []Object{a}); err != nil {
		t.Fatal(err)
	}
	got, err := db.Objects(t.Context())
	if err != nil || !reflect.DeepEqual(got, []Object{a}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestDroppedRepositoryIsForgotten: the next one of its name is another, and empty.
func TestDroppedRepositoryIsForgotten(t *testing.T) {
	db := openTemp(t)
	id, err := db.Repository(t.Context(), "acme", "team")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2*dropBatch + 1 {
		err := db.Retain(t.Context(), []cache.RepositoryID{id}, cache.Package{Format: "npm", Name: fmt.Sprint("p", i)},
			cache.Stored{Version: "1", Origin: cache.Origin{Connection: "public:npmjs"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.DropRepository(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if left, err := db.Packages(t.Context(), PackageQuery{Repository: id}); err != nil || len(left) != 0 {
		t.Errorf("%d packages are left, %v", len(left), err)
	}
	next, err := db.Repository(t.Context(), "acme", "team")
	if err != nil || next == id {
		t.Errorf("the next one has number %d again, %v", next, err)
	}
	if names, err := db.Names(t.Context(), "acme", cache.Package{}, 10); err != nil || len(names) != 0 {
		t.Errorf("names: %v, %v", names, err)
	}
}

func TestVersionPages(t *testing.T) {
	db := openTemp(t)
	id, err := db.Repository(t.Context(), "acme", "team")
	if err != nil {
		t.Fatal(err)
	}
	p := cache.Package{Format: "npm", Name: "ui"}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	err = db.Edit(t.Context(), id, p, false, func(h *cache.Holding) error {
		h.Tags["latest"] = "c"
		for i, v := range []string{"c", "a", "b", "d"} {
			s := cache.Stored{Version: v, Published: at.Add(time.Duration(i) * time.Hour), Status: cache.Published, Origin: cache.Origin{Repository: "team"}, Meta: []byte(v)}
			if v == "d" {
				s.Status, s.Origin, s.Published = cache.Archived, cache.Origin{Connection: "public:npmjs"}, time.Time{}
			}
			h.Versions = append(h.Versions, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	for _, c := range []struct {
		q    VersionQuery
		want string
	}{
		{VersionQuery{}, "a b c d"}, {VersionQuery{Limit: 2}, "a b"}, {VersionQuery{After: "b"}, "c d"},
		{VersionQuery{ByTime: true}, "b a c d"}, {VersionQuery{ByTime: true, After: "a", AfterTime: at.Add(time.Hour)}, "c d"},
		{VersionQuery{Status: cache.Archived}, "d"}, {VersionQuery{Internal: &yes}, "a b c"}, {VersionQuery{Internal: &no}, "d"},
	} {
		c.q.Repository, c.q.Package = id, p
		page, err := db.Versions(t.Context(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i, v := range page.Versions {
			if i > 0 {
				got += " "
			}
			got += v.Version
		}
		if got != c.want || page.Tags["latest"] != "c" {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
	v, err := db.Version(t.Context(), id, p, "b")
	if err != nil || string(v.Meta) != "b" {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := db.Version(t.Context(), id, p, "z"); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("absent: %v", err)
	}
}

func TestExpireTokens(t *testing.T) {
	db := openTemp(t)
	now := time.Now()
	for i, end := range []time.Time{{}, now.Add(-time.Hour), now.Add(time.Hour)} {
		if err := db.PutToken(t.Context(), auth.Token{ID: fmt.Sprint(i), Hash: sha256.Sum256([]byte{byte(i)}), Principal: "a", Created: now, Expires: end}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.ExpireTokens(t.Context(), now, 10); n != 1 || err != nil {
		t.Errorf("%d forgotten, %v", n, err)
	}
	if left, err := db.TokensOf(t.Context(), "a"); len(left) != 2 || err != nil {
		t.Errorf("%d left, %v", len(left), err)
	}
}

package upstream

import (
	"errors"
	"path/filepath"
	"testing"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
)

// groups makes an Admission that closes the named ways into the named repositories.
func groups(closed map[Way]string) Admission {
	return Admission{Admits: func(p cache.Package, way Way, repository string) error {
		if closed[way] == repository {
			return &cache.Refused{Rule: "group", Reason: "closed"}
		}
		return nil
	}}
}

// TestGroupsCloseEachWay shows that a package group keeps versions out of a repository by publishing, from its
// connection and from its upstreams, and that the refusal is told.
func TestGroupsCloseEachWay(t *testing.T) {
	db, err := index.Open(t.Context(), filepath.Join(t.TempDir(), "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p := cache.Package{Format: "npm", Name: "ui"}
	build := func(a Admission) *Domain {
		d := NewDomain("acme", "111111111111", &Stores{Index: db, Changes: cache.NewChanges()})
		d.Admission = a
		for i, name := range []string{"store", "team"} {
			id, err := db.Repository(t.Context(), "acme", name)
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Connection: &Connection{Name: "public:npmjs", Format: "npm"}}
			if i == 1 {
				o = Options{Upstreams: []string{"store"}}
			}
			if _, err := d.Add(name, id, o); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	for way, repository := range map[Way]string{FromConnection: "store", FromUpstream: "team"} {
		r := build(groups(map[Way]string{way: repository})).Repository("team")
		s, err := r.Sources(t.Context(), p)
		if err != nil || len(s.Connections) != 0 {
			t.Errorf("way %d: %d connections may be asked, %v", way, len(s.Connections), err)
		}
		var refused *cache.Refused
		if _, err := r.Find(t.Context(), cache.AssetKey{Package: p, Version: "1.0.0", Asset: "package.tgz"}); !errors.As(err, &refused) {
			t.Errorf("way %d: Find says %v", way, err)
		}
		if _, _, err := s.Merge(t.Context(), nil, nil); !errors.As(err, &refused) {
			t.Errorf("way %d: Merge says %v", way, err)
		}
	}
	if s, err := build(Admission{}).Repository("team").Sources(t.Context(), p); err != nil || len(s.Connections) != 1 {
		t.Errorf("without groups: %v, %v", s, err)
	}
	pub := Publication{Package: p, Version: cache.Stored{Version: "1.0.0", Assets: []cache.Asset{{Name: "package.tgz", Digest: blob.Sum(nil)}}}}
	var refused *cache.Refused
	if err := build(groups(map[Way]string{ByPublish: "team"})).Repository("team").Publish(t.Context(), pub); !errors.As(err, &refused) {
		t.Errorf("published: %v", err)
	}
	if err := build(groups(map[Way]string{ByPublish: "store"})).Repository("team").Publish(t.Context(), pub); err != nil {
		t.Errorf("not published: %v", err)
	}
}

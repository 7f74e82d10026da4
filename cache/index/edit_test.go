package index

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"entrepot/cache"
)

func TestEditWritesDifferences(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 2)
	for _, v := range []string{"2.0.0", "1.0.0", "1.1.0"} { // not in the order of names
		publish(t, db, r[0], ui, internal("r0", v, v))
	}
	want := cache.Holding{Repository: r[0], Package: ui, Versions: []cache.Stored{
		internal("r0", "2.0.0", "2.0.0"), internal("r0", "1.0.0", "1.0.0"), internal("r0", "1.1.0", "1.1.0")}}
	steps := []struct {
		name string
		fn   func(h *cache.Holding)
	}{
		{"nothing", func(*cache.Holding) {}},
		{"tags", func(h *cache.Holding) { h.Tags = map[string]string{"latest": "2.0.0"} }},
		{"meta", func(h *cache.Holding) { h.Meta = []byte("owners") }},
		{"controls", func(h *cache.Holding) { h.Controls = cache.Controls{Publish: cache.Allow, Upstream: cache.Block} }},
		{"status", func(h *cache.Holding) { h.Versions[1].Status = cache.Archived }},
		{"version's meta, in place", func(h *cache.Holding) { h.Versions[1].Meta[2] = 'N' }},
		{"origin", func(h *cache.Holding) { h.Versions[0].Origin.Connection = "public:npmjs" }},
		{"published", func(h *cache.Holding) { h.Versions[0].Published = day.AddDate(0, 0, 1) }},
		{"revision", func(h *cache.Holding) { h.Versions[2].Revision = "r2" }},
		{"an asset more", func(h *cache.Holding) {
			h.Versions[2].Assets = append(h.Versions[2].Assets, asset("sbom.json", "sbom"))
		}},
		{"a sum, in place", func(h *cache.Holding) { h.Versions[2].Assets[0].Sums[1].Value[0] = 77 }},
		{"an asset less", func(h *cache.Holding) { h.Versions[2].Assets = h.Versions[2].Assets[1:] }},
		{"a version less", func(h *cache.Holding) { h.Versions = h.Versions[1:] }},
		{"a version again", func(h *cache.Holding) { h.Versions = append(h.Versions, internal("r0", "2.0.0", "new")) }},
	}
	for _, s := range steps {
		before := shelves(t, db, r, ui)[0].Revision
		edit(t, db, r[0], ui, s.fn)
		s.fn(&want)
		if got := holdings(t, db, r, ui); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Fatalf("%s: got\n%+v, want\n%+v", s.name, got, want)
		}
		if after := shelves(t, db, r, ui)[0].Revision; (after > before) != (s.name != "nothing") {
			t.Errorf("%s: revision %d after %d", s.name, after, before)
		}
	}
}

func TestEditOfAnUnknownPackage(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	edit(t, db, r[0], ui, func(h *cache.Holding) {
		if want := (cache.Holding{Repository: r[0], Package: ui, Tags: map[string]string{}}); !reflect.DeepEqual(*h, want) {
			t.Errorf("got %+v", h)
		}
	})
	if s := shelves(t, db, r, ui); len(s) != 0 {
		t.Errorf("looking made a package: %+v", s)
	}
	controls := cache.Controls{Publish: cache.Block, Upstream: cache.Block}
	edit(t, db, r[0], ui, func(h *cache.Holding) { h.Controls = controls })
	if s := shelves(t, db, r, ui); len(s) != 1 || s[0].Controls != controls || s[0].Revision == 0 {
		t.Errorf("shelves %+v", s)
	}
}

// TestRevisionsAreNeverUsedTwice: a package that was forgotten and comes back must not meet answers of its first life.
func TestRevisionsAreNeverUsedTwice(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	seen := make(map[int64]bool)
	for range 3 {
		publish(t, db, r[0], ui, internal("r0", "1.0.0", "bytes"))
		revision := shelves(t, db, r, ui)[0].Revision
		if seen[revision] || revision == 0 {
			t.Errorf("revision %d after %v", revision, seen)
		}
		seen[revision] = true
		edit(t, db, r[0], ui, func(h *cache.Holding) { *h = cache.Holding{} })
	}
}

func TestEditThatFailsChangesNothing(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	publish(t, db, r[0], ui, internal("r0", "1.0.0", "bytes"))
	before, shelf := holdings(t, db, r, ui), shelves(t, db, r, ui)
	no := errors.New("no")
	for name, fn := range map[string]func(*cache.Holding) error{
		"refused": func(h *cache.Holding) error { h.Versions = nil; h.Meta = []byte("x"); return no },
		"twice": func(h *cache.Holding) error {
			h.Versions = append(h.Versions, internal("r0", "2.0.0", "2"), internal("r0", "2.0.0", "2"))
			return nil
		},
		"assets twice": func(h *cache.Holding) error {
			h.Versions[0].Assets = append(h.Versions[0].Assets, h.Versions[0].Assets[0])
			return nil
		},
		"nameless": func(h *cache.Holding) error {
			h.Versions = append(h.Versions, cache.Stored{})
			return nil
		},
	} {
		err := db.Edit(t.Context(), r[0], ui, true, fn)
		if err == nil || name == "refused" && !errors.Is(err, no) {
			t.Errorf("%s: error %v", name, err)
		}
		if got := holdings(t, db, r, ui); !reflect.DeepEqual(got, before) {
			t.Errorf("%s: %+v", name, got)
		}
		if got := shelves(t, db, r, ui); !reflect.DeepEqual(got, shelf) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestShelfOfInternalVersions(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 2)
	retain(t, db, r, ui, external("1.0.0", "bytes"))
	publish(t, db, r[1], ui, internal("r1", "2.0.0", "ours"))
	is := func(want ...bool) {
		t.Helper()
		for i, s := range shelves(t, db, r, ui) {
			if s.Internal != want[i] {
				t.Errorf("shelf %d: internal %v, want %v", i, s.Internal, want[i])
			}
		}
	}
	is(false, true)
	edit(t, db, r[1], ui, func(h *cache.Holding) { h.Versions[1].Status = cache.Disposed })
	is(false, true) // its name is still ours
	edit(t, db, r[1], ui, func(h *cache.Holding) { h.Versions = h.Versions[:1] })
	is(false, false)
}

// TestEditsDoNotLoseEachOther: read, change and write are one, however many do it at once.
func TestEditsDoNotLoseEachOther(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	const writers, each = 16, 10
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				v := fmt.Sprintf("%d.%d.0", w, i)
				err := db.Edit(t.Context(), r[0], ui, i%2 == 0, func(h *cache.Holding) error {
					h.Versions = append(h.Versions, internal("r0", v, v))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if len(find(t, db, r, ui, v)) != 1 {
					t.Errorf("%s is not there when Edit returned", v)
				}
			}
		})
	}
	all.Wait()
	if n := len(holdings(t, db, r, ui)[0].Versions); n != writers*each {
		t.Errorf("%d versions, want %d", n, writers*each)
	}
	if revision := shelves(t, db, r, ui)[0].Revision; revision != writers*each {
		t.Errorf("revision %d", revision)
	}
}

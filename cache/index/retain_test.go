package index

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/cache/blob"
)

func TestRetainKeepsWhatItWasGiven(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 3)
	s := external("1.0.0", "bytes")
	kept := []cache.RepositoryID{r[0], r[2]}
	for range 2 { // idempotent
		retain(t, db, kept, left, s)
	}

	found := find(t, db, r, left, "1.0.0")
	want := s
	want.Meta = nil
	if len(found) != 2 || found[0].Repository != r[0] || found[1].Repository != r[2] || !reflect.DeepEqual(found[0].Stored, want) {
		t.Errorf("found %+v", found)
	}
	ingested := cache.Controls{Publish: cache.Block, Upstream: cache.Allow}
	all := holdings(t, db, r, left)
	if len(all) != 2 {
		t.Fatalf("%d holdings", len(all))
	}
	wantHolding := cache.Holding{Repository: r[2], Package: left, Controls: ingested, Versions: []cache.Stored{s}}
	if !reflect.DeepEqual(all[1], wantHolding) {
		t.Errorf("holding\n%+v, want\n%+v", all[1], wantHolding)
	}
	wantShelves := []cache.Shelf{{Repository: r[0], Controls: ingested}, {Repository: r[2], Controls: ingested}}
	if got := shelves(t, db, r, left); !reflect.DeepEqual(got, wantShelves) {
		t.Errorf("shelves %+v", got)
	}
	d, ok, err := db.Pinned(t.Context(), "public:npmjs", cache.AssetKey{Package: left, Version: "1.0.0", Asset: "package.tgz"})
	if err != nil || !ok || d != s.Assets[0].Digest {
		t.Errorf("pin %s, %v, %v", d, ok, err)
	}
}

func TestRetainAddsAssetsToAVersion(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	s := external("1.0.0", "bytes")
	retain(t, db, r, left, s)
	more := s
	more.Meta, more.Revision = []byte("other"), "r2" // what is there stays
	more.Assets = []cache.Asset{asset("sources.jar", "sources")}
	retain(t, db, r, left, more)

	s.Assets = append(s.Assets, more.Assets...)
	if got := holdings(t, db, r, left)[0].Versions; !reflect.DeepEqual(got, []cache.Stored{s}) {
		t.Errorf("versions %+v", got)
	}
}

func TestRetainBringsBackEvictedBytes(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	retain(t, db, r, left, external("1.0.0", "bytes"))
	edit(t, db, r[0], left, func(h *cache.Holding) { h.Versions[0].Assets[0].Evicted = true })
	if !find(t, db, r, left, "1.0.0")[0].Assets[0].Evicted {
		t.Fatal("not evicted")
	}
	retain(t, db, r, left, external("1.0.0", "bytes"))
	if find(t, db, r, left, "1.0.0")[0].Assets[0].Evicted {
		t.Error("still evicted")
	}
}

// TestInvariant5OneOriginPerVersion: a repository that has a version from one origin takes nothing of it from another.
func TestInvariant5OneOriginPerVersion(t *testing.T) {
	elsewhere := external("1.0.0", "bytes")
	elsewhere.Origin.Connection = "private:mirror"
	for _, tt := range []struct {
		name        string
		have, offer cache.Stored
		want        error
	}{
		{"the same connection", external("1.0.0", "bytes"), external("1.0.0", "bytes"), nil},
		{"another connection", external("1.0.0", "bytes"), elsewhere, cache.ErrConflict},
		{"ours, then a registry's", internal("r0", "1.0.0", "bytes"), external("1.0.0", "bytes"), cache.ErrConflict},
		{"a registry's, then ours", external("1.0.0", "bytes"), internal("r0", "1.0.0", "bytes"), cache.ErrConflict},
		{"ours of another repository", internal("r0", "1.0.0", "bytes"), internal("r1", "1.0.0", "bytes"), cache.ErrConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := openTest(t)
			r := repositories(t, db, 2)
			publish(t, db, r[1], left, tt.have)
			tt.offer.Assets = append(tt.offer.Assets, asset("more", "more"))
			err := db.Retain(t.Context(), r, left, tt.offer)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			// r[0] came first, and must be as it was: all or nothing.
			if held := len(holdings(t, db, r[:1], left)); (held == 1) != (tt.want == nil) {
				t.Errorf("%d holdings in the repository without the version", held)
			}
		})
	}
}

// TestInvariant9PinnedBytes: what was retained once stays what the asset is, even where it is held no more.
func TestInvariant9PinnedBytes(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 2)
	first := external("1.0.0", "bytes")
	retain(t, db, r[:1], left, first)
	edit(t, db, r[0], left, func(h *cache.Holding) { *h = cache.Holding{} })
	if all := holdings(t, db, r, left); len(all) != 0 {
		t.Fatalf("still held: %+v", all)
	}

	err := db.Retain(t.Context(), r[1:], left, external("1.0.0", "other bytes"))
	if !errors.Is(err, cache.ErrChanged) {
		t.Fatalf("error %v", err)
	}
	if all := holdings(t, db, r, left); len(all) != 0 {
		t.Errorf("held: %+v", all)
	}
	retain(t, db, r[1:], left, first)
}

func TestRetainRefusesOtherBytesOfOurs(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	retain(t, db, r, left, internal("up", "1.0.0", "bytes"))
	err := db.Retain(t.Context(), r, left, internal("up", "1.0.0", "other bytes"))
	if !errors.Is(err, cache.ErrChanged) {
		t.Errorf("error %v", err)
	}
	if _, ok, _ := db.Pinned(t.Context(), "", cache.AssetKey{Package: left, Version: "1.0.0", Asset: "package.tgz"}); ok {
		t.Error("a version of ours is pinned beyond its row")
	}
}

func TestRetainRefusesBadRows(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	nameless, bytesless, badSum := external("", "b"), external("1", "b"), external("1", "b")
	bytesless.Assets[0].Digest = blob.Digest{}
	badSum.Assets[0].Sums = []cache.Sum{{Algorithm: "sha 1"}}
	for _, s := range []cache.Stored{nameless, bytesless, badSum} {
		if err := db.Retain(t.Context(), r, left, s); err == nil {
			t.Errorf("no error for %+v", s)
		}
	}
	if err := db.Retain(t.Context(), []cache.RepositoryID{99}, left, external("1", "b")); err == nil {
		t.Error("no error for an unknown repository")
	}
	if all := holdings(t, db, r, left); len(all) != 0 {
		t.Errorf("held: %+v", all)
	}
}

func TestTouch(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 1)
	retain(t, db, r, left, external("1.0.0", "bytes"))
	retain(t, db, r, left, external("2.0.0", "bytes"))
	use := func(version string, at time.Time) cache.Use {
		return cache.Use{Repository: r[0], Package: left, Version: version, At: at}
	}
	uses := []cache.Use{use("1.0.0", day.Add(time.Hour)), use("1.0.0", day), use("3.0.0", day)}
	if err := db.Touch(t.Context(), uses); err != nil {
		t.Fatal(err)
	}
	got, err := db.Uses(t.Context(), r[0], left)
	want := map[string]time.Time{"1.0.0": day.Add(time.Hour)}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("uses %v, %v", got, err)
	}
}

func TestLookUpsKeepTheOrderOfTheWalk(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, MaxWalk)
	retain(t, db, r, ui, external("1.0.0", "bytes"))
	slices.Reverse(r)
	for _, n := range []int{1, 2, 3, 5, 25, MaxWalk} {
		walk := r[:n]
		var s, h, f []cache.RepositoryID
		for _, x := range shelves(t, db, walk, ui) {
			s = append(s, x.Repository)
		}
		for _, x := range holdings(t, db, walk, ui) {
			h = append(h, x.Repository)
		}
		for _, x := range find(t, db, walk, ui, "1.0.0") {
			f = append(f, x.Repository)
		}
		if !slices.Equal(s, walk) || !slices.Equal(h, walk) || !slices.Equal(f, walk) {
			t.Errorf("walk of %d: shelves %v, holdings %v, found %v, want %v", n, s, h, f, walk)
		}
	}
	tooMany := append(r, 1)
	if _, err := db.Shelves(t.Context(), tooMany, ui); err == nil {
		t.Error("no error for too long a walk")
	}
	if _, err := db.Holdings(t.Context(), tooMany, ui); err == nil {
		t.Error("no error for too long a walk")
	}
	if got := shelves(t, db, nil, ui); len(got) != 0 {
		t.Errorf("shelves of no walk: %v", got)
	}
}

// TestFindWithoutTheAsset: a version of which a repository lacks the asset is found all the same, so that its origin is
// known.
func TestFindWithoutTheAsset(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 2)
	retain(t, db, r[:1], left, external("1.0.0", "bytes"))
	found, err := db.Find(t.Context(), r, cache.AssetKey{Package: left, Version: "1.0.0", Asset: "another"})
	if err != nil || len(found) != 1 || found[0].Repository != r[0] || len(found[0].Assets) != 0 || found[0].Origin.Internal() {
		t.Errorf("found %+v, %v", found, err)
	}
}

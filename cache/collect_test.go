package cache_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/blob/blobtest"
)

// rows is an index that needs some digests. late is needed only from when it is collected: a row that came in between.
type rows struct {
	needed map[blob.Digest]bool
	late   blob.Digest
}

func (r rows) Referenced(_ context.Context, digests []blob.Digest) (map[blob.Digest]bool, error) {
	return r.needed, nil
}

func (r rows) Collect(_ context.Context, d blob.Digest, remove func() error) (bool, error) {
	if r.needed[d] || d == r.late {
		return false, nil
	}
	return true, remove()
}

func TestInvariant2CollectKeepsWhatIsNeeded(t *testing.T) {
	ctx := t.Context()
	store := blobtest.Fake()
	put := func(s string) blob.Digest { return blobtest.Put(t, store, []byte(s)) }
	needed, orphan, late, pinned := put("needed"), put("orphan"), put("late"), put("pinned")
	open, err := store.Open(ctx, pinned)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	freed, err := cache.Collect(ctx, store, rows{needed: map[blob.Digest]bool{needed: true}, late: late}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := (cache.Collected{Blobs: 1, Bytes: int64(len("orphan"))}); freed != want {
		t.Errorf("freed %+v, want %+v", freed, want)
	}
	for name, d := range map[string]blob.Digest{"needed": needed, "late": late, "pinned": pinned} {
		if f, err := store.Open(ctx, d); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		} else {
			f.Close()
		}
	}
	if _, err := store.Open(ctx, orphan); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the orphan is still there: %v", err)
	}
}

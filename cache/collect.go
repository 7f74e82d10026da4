package cache

import (
	"context"
	"errors"
	"time"

	"entrepot/cache/blob"
)

// References is what collecting needs of the index.
type References interface {
	// Referenced returns those of the digests whose bytes a row needs.
	Referenced(ctx context.Context, digests []blob.Digest) (map[blob.Digest]bool, error)
	// Collect calls remove if no row needs the bytes of d, such that no row can come in between.
	Collect(ctx context.Context, d blob.Digest, remove func() error) (bool, error)
}

// Collected says what collecting has freed.
type Collected struct {
	Blobs int
	Bytes int64
}

// collectBatch is how many digests are asked about at a time: the answer is some 100 KiB, and the index's readers are
// not kept from others for more than about a millisecond.
const collectBatch = 1000

// Collect removes the blobs that nothing refers to and that are older than grace. Bytes on their way to a row are
// pinned, and stay whatever their age (invariant 2); grace only keeps what is young from being looked at for nothing.
// It is safe while the store is in use, and can be stopped at any time.
func Collect(ctx context.Context, store blob.Store, refs References, grace time.Duration) (Collected, error) {
	var freed Collected
	limit := time.Now().Add(-grace)
	var batch []blob.Info
	for info, err := range store.All(ctx) {
		if err != nil {
			return freed, err
		}
		if info.Modified.After(limit) {
			continue
		}
		if batch = append(batch, info); len(batch) == collectBatch {
			if err := collect(ctx, store, refs, batch, &freed); err != nil {
				return freed, err
			}
			batch = batch[:0]
		}
	}
	return freed, collect(ctx, store, refs, batch, &freed)
}

func collect(ctx context.Context, store blob.Store, refs References, batch []blob.Info, freed *Collected) error {
	digests := make([]blob.Digest, len(batch))
	for i, b := range batch {
		digests[i] = b.Digest
	}
	needed, err := refs.Referenced(ctx, digests)
	if err != nil {
		return err
	}
	for _, b := range batch {
		if needed[b.Digest] {
			continue
		}
		gone, err := refs.Collect(ctx, b.Digest, func() error { return store.Remove(ctx, b.Digest) })
		if errors.Is(err, blob.ErrPinned) {
			continue
		}
		if err != nil {
			return err
		}
		if gone {
			freed.Blobs++
			freed.Bytes += b.Size
		}
	}
	return ctx.Err()
}

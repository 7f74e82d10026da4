package main

import (
	"context"
	"time"

	"entrepot/cache"
)

// The times of the upkeep that goes on while the server runs. Collecting reads the directory of blobs and asks the
// index about each: some 5 s for a million of them.
const (
	collectEvery  = 6 * time.Hour
	collectFirst  = 10 * time.Minute // a sidecar that lives shorter has nothing to collect
	collectGrace  = time.Hour
	keepRendering = 7 * 24 * time.Hour // a rendered document is made again in milliseconds
	keepAbsence   = 30 * 24 * time.Hour
	keepToken     = 24 * time.Hour // after its end: so long a list shows that there was one
	expireBatch   = 1000           // rows in one transaction
)

// upkeep forgets what nobody needs any more, and frees the space that it took.
func (k *keeper) upkeep(ctx context.Context) {
	next := time.NewTimer(collectFirst)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			next.Reset(collectEvery)
			if err := k.tidy(ctx); err != nil && ctx.Err() == nil {
				k.log.Warn().Err(err).Msg("upkeep did not finish; it will be tried again")
			}
		case <-ctx.Done():
			return
		}
	}
}

func (k *keeper) tidy(ctx context.Context) error {
	now := time.Now()
	if err := expire(ctx, k.house.index.ExpireRenderings, now.Add(-keepRendering)); err != nil {
		return err
	}
	if err := expire(ctx, k.house.index.ExpireAbsences, now.Add(-keepAbsence)); err != nil {
		return err
	}
	if err := expire(ctx, k.house.index.ExpireTokens, now.Add(-keepToken)); err != nil {
		return err
	}
	if err := k.house.index.SweepDropped(ctx); err != nil { // what a kill left of a repository that was deleted
		return err
	}
	var all []*stores
	k.house.each(func(_ string, s *stores) { all = append(all, s) })
	for _, s := range all {
		freed, err := cache.Collect(ctx, s.Blobs, k.house.index, collectGrace)
		if freed.Blobs > 0 {
			k.log.Info().Int("blobs", freed.Blobs).Int64("bytes", freed.Bytes).Msg("collected what nothing refers to")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func expire(ctx context.Context, forget func(context.Context, time.Time, int) (int, error), before time.Time) error {
	for {
		n, err := forget(ctx, before, expireBatch)
		if err != nil || n < expireBatch {
			return err
		}
	}
}

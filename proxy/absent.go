package proxy

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/upstream"
)

// How long a registry's word holds that it has no such asset: as that about a document does (design, freshness).
const (
	absentFresh = time.Minute
	absentKept  = 30 * 24 * time.Hour
)

// absence is what is remembered of an asset that a registry did not have. Builds that look into several repositories
// ask for such assets all the time (Maven, Gradle). Only where assets are found by their name alone: elsewhere the
// index says what there is, and is asked again at once for what it lacks.
type absence struct {
	rows    cache.DocumentIndex
	key     cache.DocumentKey
	checked time.Time // zero: nothing is known
}

// absence looks up what is known of an asset's absence at a connection; nil where it is not remembered.
func (e *engine) absence(ctx context.Context, f format.Format, conn *upstream.Connection, k cache.AssetKey) *absence {
	if _, ok := f.(format.Direct); !ok {
		return nil
	}
	a := &absence{rows: e.rows, key: cache.DocumentKey{
		Domain: conn.Domain.Name, Connection: conn.Name, Scope: conn.Scope,
		Path: fmt.Sprintf("asset %q %q %q", k.Package, k.Version, k.Asset),
	}}
	// Whatever is wrong with the index here, asking the registry is right.
	if r, err := a.rows.Document(ctx, a.key); err == nil && r.Status == http.StatusNotFound {
		a.checked = r.Checked
	}
	return a
}

func (a *absence) within(d time.Duration) bool {
	return a != nil && !a.checked.IsZero() && time.Since(a.checked) < d
}

// fresh reports whether the registry need not be asked again.
func (a *absence) fresh() bool { return a.within(absentFresh) }

// standsIn reports whether the absence may be answered for a registry that is down (invariant 10).
func (a *absence) standsIn() bool { return a.within(absentKept) }

// confirm remembers that the registry has no such asset.
func (a *absence) confirm(ctx context.Context) error {
	if a == nil {
		return nil
	}
	now := time.Now().UTC()
	return a.rows.PutDocument(ctx, cache.DocumentRecord{Key: a.key, Status: http.StatusNotFound, Fetched: now, Checked: now})
}

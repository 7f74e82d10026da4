package proxy

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// asset answers a request for a file of a version: from the store, or from a fill that may be running.
func (e *engine) asset(w http.ResponseWriter, r *http.Request, c *call) error {
	ticket := e.ticket(c)
	key := cache.AssetKey{Package: c.want.Package, Version: c.want.Version, Asset: c.want.Asset}
	place, err := c.repo.Find(r.Context(), key)
	if err != nil {
		return err
	}
	if len(place.First) > 0 && !c.want.StoredOnly {
		if err := e.filled(w, r, c, key, place.First); !errors.Is(err, cache.ErrAbsent) {
			return err
		}
	}
	if v := place.Stored; v != nil {
		err := e.admit(c.rules(), &policy.Arrival{
			Package: key.Package, Version: key.Version, Published: v.Published, Internal: v.Origin.Internal(),
		})
		if err != nil {
			return err
		}
	}
	a, err := e.stored(r.Context(), c, place)
	if err != nil {
		return err
	}
	if a != nil {
		return e.serve(w, r, c, a, ticket)
	}
	if c.want.StoredOnly {
		return cache.ErrAbsent
	}
	return e.filled(w, r, c, key, place.Connections)
}

// stored makes the answer from a stored asset, and retains the version in the repository that was asked. It returns
// nil if the bytes are not there and have to be fetched (again).
func (e *engine) stored(ctx context.Context, c *call, place *upstream.Place) (*answer, error) {
	asset := place.Asset()
	if asset == nil || asset.Evicted {
		return nil, nil
	}
	f, err := c.domain.Blobs.Open(ctx, asset.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		if len(place.Connections) == 0 {
			return nil, errors.Join(errors.New("the bytes of "+asset.Name+" are gone from the store"), err)
		}
		e.log.Warn().Err(err).Stringer("digest", asset.Digest).Msg("an asset is gone from the store; fetching it again")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.Close()
	if err := c.repo.Retain(ctx, place); err != nil {
		return nil, err
	}
	c.result = "hit"
	a := c.assetAnswer(asset.Digest, asset.Size)
	if format, ok := c.format.(format.Annotator); ok {
		format.Annotate(a.header, *asset)
	}
	return a, c.sum(ctx, a, asset.Sums)
}

// assetAnswer is the answer with an asset's bytes. They never change, so clients may keep them for good.
func (c *call) assetAnswer(d blob.Digest, size int64) *answer {
	return &answer{
		digest: d, size: size, etag: strongTag(d),
		header: http.Header{
			"Content-Type":  {c.want.ContentType},
			"Cache-Control": {c.cacheControl("max-age=31536000, immutable")},
			"X-Cache":       {"hit"},
		},
	}
}

// filled answers from the connections, in order: the first that has the asset is its origin. One that cannot be asked
// ends the search, since the next might have other bytes under the same name.
func (e *engine) filled(w http.ResponseWriter, r *http.Request, c *call, key cache.AssetKey, connections []*upstream.Connection) error {
	for _, conn := range connections {
		known := e.absence(r.Context(), c.format, conn, key)
		if known.fresh() && !insists(r) {
			continue
		}
		f := &fetch{engine: e, format: c.format, conn: conn, rules: c.rules(), key: key, contentType: c.want.ContentType}
		fill, err := f.join(r.Context(), c.repo.ID)
		if err != nil {
			return err
		}
		size, _, err := fill.Head(r.Context())
		if errors.Is(err, cache.ErrAbsent) {
			if err := known.confirm(r.Context()); err != nil {
				return err
			}
			continue
		}
		if _, down := errors.AsType[*cache.Unavailable](err); down && known.standsIn() {
			continue
		}
		if errors.Is(err, errStored) {
			return e.asset(w, r, c)
		}
		if err != nil {
			return err
		}
		c.result = "miss"
		return e.follow(w, r, c, fill, size)
	}
	return cache.ErrAbsent
}

// follow sends a fill to a client while it runs. A range and a checksum wait for its end.
func (e *engine) follow(w http.ResponseWriter, r *http.Request, c *call, fill *cache.Fill, size int64) error {
	if r.Header.Get("Range") != "" || c.want.Sum != "" {
		d, n, err := fill.Wait(r.Context())
		if err != nil {
			return err
		}
		a := c.assetAnswer(d, n)
		a.header.Set("X-Cache", "miss")
		if err := c.sum(r.Context(), a, nil); err != nil {
			return err
		}
		return e.serve(w, r, c, a, ticket{})
	}
	h := w.Header()
	h.Set("Content-Type", c.want.ContentType)
	h.Set("Cache-Control", c.cacheControl("max-age=31536000, immutable"))
	h.Set("Accept-Ranges", "bytes")
	h.Set("X-Cache", "miss")
	if size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	if r.Method == http.MethodHead {
		return nil
	}
	body := fill.Reader(r.Context())
	defer body.Close()
	w.WriteHeader(http.StatusOK)
	if err := pour(w, body); err != nil {
		return &brokenOff{err} // I4: the head is out; the connection must not end cleanly.
	}
	return nil
}

// pour copies a body that is still arriving. What there is goes out before it waits for more: net/http would keep up to
// 4 KiB of it back.
func pour(w http.ResponseWriter, body io.Reader) error {
	out := http.NewResponseController(w)
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n < len(buf):
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// brokenOff is an error after the head of a response was sent.
type brokenOff struct{ err error }

func (b *brokenOff) Error() string { return b.err.Error() }
func (b *brokenOff) Unwrap() error { return b.err }

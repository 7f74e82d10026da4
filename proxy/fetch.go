package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// fetch brings one asset from the registry behind a connection.
type fetch struct {
	engine      *engine
	format      format.Format
	conn        *upstream.Connection
	rules       *policy.Rules
	key         cache.AssetKey
	contentType string

	version cache.Stored // what becomes a row
}

// join joins the fill of the asset, or starts it.
func (f *fetch) join(ctx context.Context, asker cache.RepositoryID) (*cache.Fill, error) {
	key := fmt.Sprintf("%q %q %q %q", f.conn.Name, f.key.Package, f.key.Version, f.key.Asset)
	return f.conn.Domain.Fills.Join(ctx, key, asker, f.open, f.commit)
}

// errStored reports that another fill brought the asset while this one waited for its turn.
var errStored = errors.New("the asset is stored by now")

// open implements cache.OpenFunc.
func (f *fetch) open(ctx context.Context) (*cache.FillSource, error) {
	if f.again(ctx) {
		return nil, errStored
	}
	early := f.lookAhead(ctx)
	defer early.drop()
	ref, err := f.locate(ctx)
	if err != nil {
		return nil, err
	}
	sums := ref.Sums
	pinned, ok, err := f.conn.Domain.Index.Pinned(ctx, f.conn.Name, f.key)
	if err != nil {
		return nil, err
	}
	if ok { // I9: the same bytes as before, whatever the registry promises today
		sums = append(sums, cache.Sum{Algorithm: "sha256", Value: pinned[:]})
	}
	if ref.Make != nil {
		return f.made(ctx, ref, sums)
	}
	u, err := f.conn.Resolve(ref.URL)
	if err != nil {
		return nil, &cache.Unavailable{Connection: f.conn.Name, Err: fmt.Errorf("bad address in a document: %w", err)}
	}
	resp, err := early.take(u, ref)
	if resp == nil && err == nil {
		resp, err = f.get(ctx, u, ref)
	}
	if err != nil {
		return nil, err
	}
	promised, err := f.promised(ctx, resp.Header)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if len(promised) > 0 {
		sums, ref.Check = append(sums, promised...), nil
	}
	return &cache.FillSource{
		Connection: f.conn.Name, Body: resp.Body, Size: resp.ContentLength, ContentType: f.contentType, Sums: sums,
		Promised: ref.Size, Check: f.check(ctx, ref),
		Resume: func(ctx context.Context, off int64) (io.ReadCloser, error) {
			return f.conn.Resume(ctx, u.String(), resp.Header.Get("ETag"), off)
		},
	}, nil
}

// made is an asset that the registry does not keep.
func (f *fetch) made(ctx context.Context, ref format.Ref, sums []cache.Sum) (*cache.FillSource, error) {
	b, err := ref.Make(ctx, &getter{conn: f.conn, pkg: f.key.Package})
	if err != nil {
		return nil, err
	}
	return &cache.FillSource{
		Connection: f.conn.Name, Body: io.NopCloser(bytes.NewReader(b)), Size: int64(len(b)), ContentType: f.contentType,
		Sums: sums, Check: f.check(ctx, ref),
	}, nil
}

// promised is what the registry promises beside the asset, with a format that looks for it there.
func (f *fetch) promised(ctx context.Context, h http.Header) ([]cache.Sum, error) {
	p, ok := f.format.(format.Promiser)
	if !ok {
		return nil, nil
	}
	return p.Promise(ctx, f.key, h, &getter{conn: f.conn, pkg: f.key.Package})
}

// again reports whether the repository that is connected has the asset by now, with its bytes.
func (f *fetch) again(ctx context.Context) bool {
	found, err := f.conn.Domain.Index.Find(ctx, []cache.RepositoryID{f.conn.Repository}, f.key)
	if err != nil || len(found) == 0 || len(found[0].Assets) == 0 || found[0].Assets[0].Evicted {
		return false
	}
	file, err := f.conn.Domain.Blobs.Open(ctx, found[0].Assets[0].Digest)
	if err != nil {
		return false
	}
	file.Close()
	return true
}

// locate asks the registry's index where the asset is. If the stored index lacks the version, the registry is asked
// again at once: the version may be new.
func (f *fetch) locate(ctx context.Context) (format.Ref, error) {
	if _, ok := f.format.(format.Direct); ok {
		f.version = cache.Stored{Version: f.key.Version, Status: cache.Published}
		ref, err := f.format.Locate(f.key, nil)
		if err != nil {
			return ref, err
		}
		return ref, f.admit(ref)
	}
	ref, err := f.locateIn(ctx, false)
	if errors.Is(err, cache.ErrAbsent) {
		return f.locateIn(ctx, true)
	}
	return ref, err
}

func (f *fetch) locateIn(ctx context.Context, refresh bool) (format.Ref, error) {
	l := &reading{engine: f.engine, format: f.format, record: newRecord(), refresh: refresh}
	listing, err := l.read(ctx, f.conn, f.key.Package)
	if err != nil {
		return format.Ref{}, err
	}
	defer listing.Close()
	ref, err := f.format.Locate(f.key, listing)
	if err != nil {
		return ref, l.doubt(f.conn.Name, err)
	}
	f.version = cache.Stored{Version: f.key.Version, Status: cache.Published}
	if v := listing.Version(f.key.Version); v != nil {
		f.version.Published = v.Published
		if f.version.Meta, err = v.Raw.Append(nil); err != nil {
			return ref, err
		}
	}
	return ref, f.admit(ref)
}

// admit asks the rules about the asset before any of its bytes are asked for: about its version, and about the asset
// itself where that came later.
func (f *fetch) admit(ref format.Ref) error {
	a := policy.Arrival{Package: f.key.Package, Version: f.key.Version, Published: f.version.Published}
	if !ref.Published.IsZero() {
		a.Published = ref.Published
	}
	return f.engine.admit(f.rules, &a)
}

// get asks for the asset's bytes.
func (f *fetch) get(ctx context.Context, u *url.URL, ref format.Ref) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	accept := ref.Accept
	if accept == "" {
		accept = "*/*"
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := f.conn.RoundTrip(req)
	if err != nil {
		return nil, unavailable(f.conn.Name, err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp, nil
	case http.StatusNotFound, http.StatusGone:
		resp.Body.Close()
		return nil, cache.ErrAbsent
	}
	resp.Body.Close()
	return nil, statusError(f.conn.Name, resp)
}

// statusError is the error for a registry's answer that is neither yes nor no.
func statusError(connection string, resp *http.Response) error {
	out := &cache.Unavailable{Connection: connection, Err: cache.StatusError(resp.StatusCode)}
	after := resp.Header.Get("Retry-After") // RFC 9110 §10.2.3: seconds or a date
	if s, err := strconv.Atoi(after); err == nil && s > 0 {
		out.RetryAfter = min(seconds(s), maxRetryAfter)
	} else if t, err := http.ParseTime(after); err == nil && time.Until(t) > 0 {
		out.RetryAfter = min(time.Until(t), maxRetryAfter)
	}
	return out
}

// check is what the bytes must pass besides their sums and their size; nil: nothing.
func (f *fetch) check(ctx context.Context, ref format.Ref) func(io.ReaderAt, int64) error {
	verifier, _ := f.format.(format.Verifier)
	if ref.Check == nil && verifier == nil {
		return nil
	}
	return func(r io.ReaderAt, size int64) error {
		if ref.Check != nil {
			if err := ref.Check(r, size); err != nil {
				return err
			}
		}
		if verifier == nil {
			return nil
		}
		return verifier.Verify(ctx, f.key, r, size, &getter{conn: f.conn, pkg: f.key.Package})
	}
}

// commit implements cache.CommitFunc.
func (f *fetch) commit(ctx context.Context, filled cache.Filled, who []cache.RepositoryID) error {
	v := f.version
	v.Assets = []cache.Asset{{Name: f.key.Asset, Digest: filled.Pin.Digest, Size: filled.Pin.Size, Sums: filled.Sums}}
	v.Revision = upstream.Revision(v.Meta, v.Assets)
	return f.conn.RetainFrom(ctx, f.key.Package, v, who)
}

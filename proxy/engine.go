package proxy

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
	"entrepot/proxy/policy"
)

// Rows are what the engine needs of the index: where documents are that were rendered before, and what registries were
// known not to have.
type Rows interface {
	cache.DocumentIndex
	// Rendering returns an error that is fs.ErrNotExist if there is none.
	Rendering(ctx context.Context, key [32]byte) (cache.Rendering, error)
	PutRendering(ctx context.Context, r cache.Rendering) error
}

// engine decides, fetches and serves.
type engine struct {
	rows     Rows
	trails   *trails
	verdicts *verdicts
	warm     *warm
	flights  flights
	logins   *auth.Logins
	metrics  *Metrics
	log      zerolog.Logger
	points   func(origins []string) // hears where registries say that their files are; nil: nobody does
}

// dispatch serves a call whose principal may do what it asks.
func (e *engine) dispatch(w http.ResponseWriter, r *http.Request, c *call) error {
	switch c.want.Kind {
	case format.Document:
		return e.document(w, r, c)
	case format.Asset:
		return e.asset(w, r, c)
	}
	s, ok := c.format.(format.Servicer)
	if !ok {
		return cache.ErrAbsent
	}
	private, err := c.private(r.Context())
	if err != nil {
		return err
	}
	v := format.View{Name: c.want.View, Base: c.base, Private: private}
	return s.Serve(w, r, c.want, v, &desk{engine: e, call: c, request: r})
}

// private reports whether the client could not read the repository without its credential.
func (c *call) private(ctx context.Context) (bool, error) {
	if c.principal.Anonymous {
		return false, nil
	}
	nobody, err := c.site.Authority.Authenticate(ctx, &http.Request{}, c.remote.Addr())
	if err != nil {
		return false, err
	}
	return !c.site.Policy.Decide(&policy.Query{
		Principal: nobody, Action: policy.Read, Domain: c.domain.Name, Repository: c.repo.Name,
	}).Allow, nil
}

// answer is a response whose bytes are in the store, or few.
type answer struct {
	header  http.Header
	digest  blob.Digest
	size    int64
	body    []byte // the bytes themselves where they are not in the store; nil: they are
	etag    string
	variant string    // the entity tag of the other coding of the same document; a client that has it is up to date
	until   time.Time // when something may change it; zero: nothing does
}

// serve sends an answer, and keeps it in memory for those who ask the same.
func (e *engine) serve(w http.ResponseWriter, r *http.Request, c *call, a *answer, t ticket) error {
	content, closer, err := c.content(r.Context(), a)
	if err != nil {
		return err
	}
	defer closer.Close()
	e.warm.keep(r, c, a, t)
	h := w.Header()
	maps.Copy(h, a.header)
	h.Set("Etag", a.etag)
	if a.variant != "" && matches(r.Header.Get("If-None-Match"), a.variant) {
		h.Set("Etag", a.variant)
	}
	if a.header.Get("Content-Encoding") != "" && r.Header.Get("Range") == "" {
		h.Set("Content-Length", strconv.FormatInt(a.size, 10)) // ServeContent leaves it out of coded bodies
	}
	http.ServeContent(w, r, "", time.Time{}, content)
	return nil
}

// content opens an answer's bytes.
func (c *call) content(ctx context.Context, a *answer) (io.ReadSeeker, io.Closer, error) {
	if a.body != nil {
		return bytes.NewReader(a.body), io.NopCloser(nil), nil
	}
	f, err := c.domain.Blobs.Open(ctx, a.digest)
	if err != nil {
		return nil, nil, err
	}
	return io.NewSectionReader(f, 0, a.size), f, nil
}

// cacheControl says who may keep an answer: nobody but the client itself if it had to say who it is.
func (c *call) cacheControl(what string) string {
	if c.principal.Anonymous {
		return "public, " + what
	}
	return "private, " + what
}

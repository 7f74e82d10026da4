package proxy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/upstream"
	"entrepot/upstream/connection"
)

// getter reads documents behind one connection on behalf of one package. It keeps a record of what it read, from which
// a listing's revision and its validity follow.
type getter struct {
	conn       *upstream.Connection
	pkg        cache.Package
	record     *record
	refresh    bool // the client insists, or is after something that the stored documents lack
	storedOnly bool
}

// Connection implements format.Getter.
func (g *getter) Connection() string { return g.conn.Registry() }

// Get implements format.Getter.
func (g *getter) Get(ctx context.Context, q format.Query) (*cache.Document, error) {
	u, err := g.conn.Resolve(q.Path)
	if err != nil {
		return nil, &cache.Unavailable{Connection: g.conn.Name, Err: fmt.Errorf("bad address in a document: %w", err)}
	}
	began := time.Now()
	doc, err := g.conn.Domain.Documents.Get(ctx, g.conn.Client, cache.DocumentQuery{
		Path: q.Path, Accept: q.Accept, Scope: g.conn.Scope, URL: u.String(), Max: q.Max, Fresh: q.Fresh, Immutable: q.Immutable,
		Refresh: q.Refresh || g.refresh, StoredOnly: g.storedOnly,
		Changed: func() { g.conn.Domain.Changes.Bump(g.pkg) },
	})
	if err == nil && (q.Refresh || g.refresh) && !doc.Fetched.Before(began) {
		g.conn.Domain.Changes.Bump(g.pkg) // answers that were to hold for longer do not any more
	}
	g.record.note(g.conn.Name, q, doc, err, began)
	return doc, err
}

// Do implements format.Getter.
func (g *getter) Do(r *http.Request) (*http.Response, error) {
	u, err := g.conn.Resolve(strings.TrimPrefix(r.URL.String(), "/"))
	if err != nil {
		return nil, cache.Invalidf("bad address: %v", err)
	}
	out := r.Clone(r.Context())
	out.URL, out.Host, out.RequestURI = u, "", ""
	out.Header.Del("Authorization") // I11: a client's credential is not sent on.
	out.Header.Del("Cookie")
	resp, err := g.conn.RoundTrip(out)
	if err != nil {
		return nil, unavailable(g.conn.Name, err)
	}
	return resp, nil
}

// unavailable makes an error of a connection the one that is answered with 5xx.
func unavailable(name string, err error) error {
	var already *cache.Unavailable
	if errors.As(err, &already) || errors.Is(err, context.Canceled) {
		return err
	}
	out := &cache.Unavailable{Connection: name, Err: err}
	if failed, ok := errors.AsType[*connection.Error](err); ok {
		out.Err, out.RetryAfter = failed.Err, failed.RetryAfter
	}
	return out
}

// record is what was read to answer: for the revision (which bytes), and for how long the answer holds.
type record struct {
	hash    hash.Hash
	queries []format.Query // of the connection that is read at the moment
	until   time.Time      // zero: nothing limits it
	result  string
	refused [32]byte // which versions rules refuse: of a listing that was judged
}

func newRecord() *record { return &record{hash: sha256.New(), result: "hit"} }

// note adds a document that was read, or found absent.
func (c *record) note(connection string, q format.Query, doc *cache.Document, err error, began time.Time) {
	if c == nil {
		return
	}
	c.queries = append(c.queries, q)
	if err != nil {
		state := "down"
		if errors.Is(err, cache.ErrAbsent) {
			state = "absent"
		}
		fmt.Fprintf(c.hash, "%q %q %s\n", connection, q.Path, state)
		c.limit(began.Add(absentFor))
		return
	}
	fmt.Fprintf(c.hash, "%q %q %q %x\n", connection, q.Path, q.Accept, doc.Digest)
	c.limit(doc.Until)
	switch {
	case doc.Stale:
		c.result = "stale"
	case c.result == "stale":
	case !doc.Fetched.Before(began):
		c.result = "miss"
	case c.result == "hit" && !doc.Checked.Before(began):
		c.result = "revalidated"
	}
}

// absentFor is how long an answer holds that a missing document went into; a confirmed absence is fresh for a minute,
// and a failure is worth asking about again soon.
const absentFor = 5 * time.Second

func (c *record) limit(t time.Time) {
	if !t.IsZero() && (c.until.IsZero() || t.Before(c.until)) {
		c.until = t
	}
}

package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"entrepot/cache/blob"
	"entrepot/upstream/connection"
)

// StatusError is a registry's answer that is neither a document nor its absence. It is found in the chain of an
// *Unavailable.
type StatusError int

func (s StatusError) Error() string {
	return fmt.Sprintf("the registry answers %d %s", int(s), http.StatusText(int(s)))
}

// fetch asks the registry and stores its answer. old is the copy in hand, or nil. Nothing is stored on an error.
func (d *Documents) fetch(ctx context.Context, src Source, q *DocumentQuery, k DocumentKey, old *DocumentRecord) (DocumentRecord, error) {
	req, err := request(ctx, q, old)
	if err != nil {
		return DocumentRecord{}, fmt.Errorf("document %s of %s: %w", k.Path, k.Connection, err)
	}
	resp, err := src.RoundTrip(req)
	if err != nil {
		return DocumentRecord{}, unavailable(k.Connection, err)
	}
	defer resp.Body.Close()
	rec, pin, err := d.take(ctx, resp, q, k, old)
	if err != nil {
		return DocumentRecord{}, err
	}
	defer pin.Release() // after the row, which keeps the bytes from then on (invariant 2)
	if err := d.o.Index.PutDocument(ctx, rec); err != nil {
		return DocumentRecord{}, fmt.Errorf("document %s of %s: %w", k.Path, k.Connection, err)
	}
	return rec, nil
}

// request revalidates the copy in hand with the registry's own validators, under the Accept that it was got with.
func request(ctx context.Context, q *DocumentQuery, old *DocumentRecord) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.URL, nil)
	if err != nil {
		return nil, err
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("Accept", q.Accept)
	set("Accept-Encoding", "gzip") // said by us, so that no transport decodes behind our back
	if old != nil && !absent(old) {
		set("If-None-Match", old.ETag)
		set("If-Modified-Since", old.LastModified)
	}
	return req, nil
}

// take makes a record of a response; of a document, with its bytes stored and pinned.
func (d *Documents) take(ctx context.Context, resp *http.Response, q *DocumentQuery, k DocumentKey, old *DocumentRecord) (DocumentRecord, *blob.Pin, error) {
	now := time.Now()
	switch resp.StatusCode {
	case http.StatusOK:
		return d.takeDocument(ctx, resp, q, k)
	case http.StatusNotModified:
		if old == nil || absent(old) {
			break // nobody asked for that
		}
		rec := *old
		rec.Checked = now
		return rec, nil, nil
	case http.StatusNotFound, http.StatusGone:
		return DocumentRecord{Key: k, Status: resp.StatusCode, URL: address(resp, q), Fetched: now, Checked: now}, nil, nil
	}
	return DocumentRecord{}, nil, &Unavailable{
		Connection: k.Connection, Err: StatusError(resp.StatusCode), RetryAfter: retryAfter(resp.Header, now),
	}
}

func (d *Documents) takeDocument(ctx context.Context, resp *http.Response, q *DocumentQuery, k DocumentKey) (DocumentRecord, *blob.Pin, error) {
	contentType := resp.Header.Get("Content-Type")
	if page(q.Accept, contentType) {
		return DocumentRecord{}, nil, unavailable(k.Connection, errors.New("it answers with a web page where a document was asked for"))
	}
	limit := q.Max
	if limit <= 0 {
		limit = maxDocument
	}
	pin, err := receive(ctx, d.o.Store, resp, limit)
	if err != nil {
		if broken, ok := errors.AsType[*bodyError](err); ok {
			return DocumentRecord{}, nil, unavailable(k.Connection, broken.err)
		}
		return DocumentRecord{}, nil, fmt.Errorf("document %s of %s: %w", k.Path, k.Connection, err)
	}
	now := time.Now()
	return DocumentRecord{
		Key: k, Status: http.StatusOK, Digest: pin.Digest, Size: pin.Size, URL: address(resp, q), ContentType: contentType,
		ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified"), Fetched: now, Checked: now,
	}, pin, nil
}

// page reports whether a registry sent a web page (a login form, a proxy's excuse) to a client that did not ask for one.
func page(accept, contentType string) bool {
	t, _, _ := mime.ParseMediaType(contentType)
	return t == "text/html" && !strings.Contains(accept, "html") && !strings.Contains(accept, "*/*")
}

// address is where a response came from in the end.
func address(resp *http.Response, q *DocumentQuery) string {
	if resp.Request != nil && resp.Request.URL != nil {
		return resp.Request.URL.String()
	}
	return q.URL
}

// unavailable blames a failure on the registry, unless it says so itself.
func unavailable(name string, err error) error {
	if u, ok := errors.AsType[*Unavailable](err); ok {
		return u
	}
	out := &Unavailable{Connection: name, Err: err}
	if failed, ok := errors.AsType[*connection.Error](err); ok {
		out.RetryAfter = failed.RetryAfter
	}
	return out
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3): seconds or a date. 0: not said.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// bodyError is a failure to read what the registry sends, as against one to store it.
type bodyError struct{ err error }

func (b *bodyError) Error() string { return b.err.Error() }
func (b *bodyError) Unwrap() error { return b.err }

// blamed turns the errors of a body into *bodyError.
type blamed struct{ io.Reader }

func (b blamed) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}

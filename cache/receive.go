package cache

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"

	"entrepot/cache/blob"
)

const (
	// maxDocument is the default limit of a document: ten times the largest packument known.
	maxDocument = 1 << 30
	// codingSlack is by how much an encoded body may exceed the limit of the decoded one: gzip adds 18 bytes per
	// member and 5 per 64 KiB of what it cannot compress. More is a bomb of empty members.
	codingSlack = 1 << 20
)

// receive streams the decoded body of a response into the store, at most limit bytes of it. What the registry does
// wrong is a *bodyError or ErrTooLarge. Nothing is stored on an error.
func receive(ctx context.Context, store blob.Store, resp *http.Response, limit int64) (*blob.Pin, error) {
	if resp.ContentLength > limit+codingSlack {
		return nil, tooLarge(limit)
	}
	raw := &counted{r: watched(resp.Body, stall), want: resp.ContentLength, most: limit + codingSlack}
	body, plain, err := decode(resp, raw)
	if err != nil {
		return nil, &bodyError{err}
	}
	var options blob.SpoolOptions
	if plain {
		options.Size = resp.ContentLength
	}
	spool, err := store.Spool(ctx, options)
	if err != nil {
		return nil, err
	}
	defer spool.Close()
	n, err := io.Copy(spool, blamed{io.LimitReader(body, limit+1)})
	if n > limit || raw.n > raw.most {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, err
	}
	return spool.Commit(ctx, nil)
}

func tooLarge(limit int64) error {
	return fmt.Errorf("the registry's answer has more than %d bytes: %w", limit, ErrTooLarge)
}

// decode undoes the content coding, and reports whether there was none. A body that starts as gzip does although no
// coding is declared, and that should be text, is decoded too: registries have sent such.
func decode(resp *http.Response, raw io.Reader) (body io.Reader, plain bool, err error) {
	coding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding")))
	switch coding {
	case "gzip", "x-gzip":
	case "", "identity":
		r := bufio.NewReader(raw)
		if start, _ := r.Peek(2); string(start) != "\x1f\x8b" || !textual(resp) {
			return r, true, nil
		}
		raw = r
	default:
		return nil, false, fmt.Errorf("content coding %q, which nobody asked for", coding)
	}
	z, err := gzip.NewReader(raw)
	if err != nil {
		return nil, false, unexpected(err)
	}
	return z, false, nil
}

// textual reports whether a response says that it is text, which never starts as gzip does.
func textual(resp *http.Response) bool {
	if resp.Request != nil && resp.Request.URL != nil && strings.HasSuffix(resp.Request.URL.Path, ".gz") {
		return false // a file that is compressed on purpose
	}
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return strings.HasPrefix(t, "text/") || strings.Contains(t, "json") || strings.Contains(t, "xml")
}

// unexpected turns the end of a body that should have gone on into an error that cannot be mistaken for its end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// counted reads a body that must have want bytes (-1: as many as come) and may have most.
type counted struct {
	r          io.Reader
	want, most int64
	n          int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	switch {
	case c.n > c.most:
		return n, ErrTooLarge
	case err == io.EOF && c.want >= 0 && c.n != c.want:
		return n, fmt.Errorf("%d of %d bytes: %w", c.n, c.want, io.ErrUnexpectedEOF)
	}
	return n, err
}

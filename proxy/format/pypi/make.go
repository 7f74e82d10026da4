package pypi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

const (
	// part is how much of a wheel is asked for at a time. The directory of most wheels fits, and METADATA, which
	// builders put beside it, mostly comes with it.
	part = 64 << 10
	// maxParts bounds the requests for one wheel: the end, a long directory, the member.
	maxParts = 16
	// maxWheel is the largest wheel that is fetched whole, from a registry that gives no parts.
	maxWheel = 5 << 30
)

// makeMetadata reads core metadata out of a wheel at the registry: by parts where the registry gives them, else from
// the whole wheel, which is kept as a document and so is not fetched again when somebody asks for it.
func makeMetadata(ctx context.Context, get format.Getter, address string, f *file) ([]byte, error) {
	w := &remote{ctx: ctx, get: get, address: address}
	err := w.fetch("-" + strconv.Itoa(part))
	if err == nil {
		b, _, e := readMetadata(w, w.size, f.name)
		if w.err == nil {
			return b, wrong(get, f, e)
		}
		err = w.err
	}
	if !errors.Is(err, errWhole) {
		return nil, err
	}
	doc, err := get.Get(ctx, format.Query{Path: address, Accept: "*/*", Max: maxWheel, Immutable: true})
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	if err := cache.Verify(doc.Reader(), sums(f.hashes)); err != nil {
		return nil, wrong(get, f, err)
	}
	b, _, err := readMetadata(doc, doc.Size, f.name)
	return b, wrong(get, f, err)
}

// wrong is the error for a wheel that is none.
func wrong(get format.Getter, f *file, err error) error {
	if err == nil {
		return nil
	}
	return &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("its wheel %s: %w", f.name, err)}
}

// errWhole reports a registry that answers a request for a part with the whole.
var errWhole = errors.New("the registry gives no parts")

// remote reads a file at a registry by parts. It holds one part at a time.
type remote struct {
	ctx     context.Context
	get     format.Getter
	address string
	size    int64
	off     int64 // of b
	b       []byte
	parts   int
	err     error // of a request
}

// ReadAt implements io.ReaderAt.
func (w *remote) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		if off >= w.size {
			return n, io.EOF
		}
		if off < w.off || off >= w.off+int64(len(w.b)) {
			err = w.fetch(fmt.Sprintf("%d-%d", off, min(off+part, w.size)-1))
			continue
		}
		m := copy(p[n:], w.b[off-w.off:])
		n, off = n+m, off+int64(m)
	}
	return n, err
}

// fetch asks for a range (RFC 9110 §14.1.2). Its error is errWhole, cache.ErrAbsent or *cache.Unavailable.
func (w *remote) fetch(bytes string) error {
	if w.parts++; w.parts > maxParts {
		w.err = errWhole
		return w.err
	}
	w.err = w.ask(bytes)
	return w.err
}

func (w *remote) ask(bytes string) error {
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Range", "bytes="+bytes)
	resp, err := w.get.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK, http.StatusRequestedRangeNotSatisfiable:
		return errWhole
	case http.StatusNotFound, http.StatusGone:
		return cache.ErrAbsent
	default:
		return &cache.Unavailable{Connection: w.get.Connection(), Err: fmt.Errorf("it answered %s", resp.Status)}
	}
	off, end, size, ok := contentRange(resp.Header.Get("Content-Range"))
	if !ok || w.size > 0 && size != w.size || end-off > part {
		return errWhole
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, end-off))
	if err != nil || int64(len(b)) < end-off {
		return &cache.Unavailable{Connection: w.get.Connection(), Err: fmt.Errorf("a part of the wheel is cut short: %w", errors.Join(err, io.ErrUnexpectedEOF))}
	}
	w.off, w.size, w.b = off, size, b
	return nil
}

// contentRange reads "bytes FIRST-LAST/SIZE" (RFC 9110 §14.4); end is one more than LAST.
func contentRange(s string) (off, end, size int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, total, slash := strings.Cut(s, "/")
	first, last, dash := strings.Cut(span, "-")
	off, e1 := strconv.ParseInt(first, 10, 64)
	end, e2 := strconv.ParseInt(last, 10, 64)
	size, e3 := strconv.ParseInt(total, 10, 64)
	end++
	return off, end, size, ok && slash && dash && e1 == nil && e2 == nil && e3 == nil && off >= 0 && off < end && end <= size
}

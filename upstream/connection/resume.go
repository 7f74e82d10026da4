package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// ErrChanged reports that a registry does not go on with the body that broke: it has another one now, or no ranges.
var ErrChanged = errors.New("the body cannot be resumed")

// Resume asks for the rest of a body that broke after off bytes, from where it came in the end. etag is the ETag that
// came with it; without a strong one (RFC 9110, 13.1.5) nothing says that the rest belongs to the beginning, and
// ErrChanged is returned. The caller still verifies the whole.
func (c *Connection) Resume(ctx context.Context, url, etag string, off int64) (io.ReadCloser, error) {
	if len(etag) < 2 || etag[0] != '"' {
		return nil, fmt.Errorf("%w: no strong ETag", ErrChanged)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.o.Name, err)
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-", off))
	r.Header.Set("If-Range", etag)
	r.Header.Set("Accept-Encoding", "identity") // a range of a coding is not a range of the file
	resp, err := c.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := resumes(resp, etag, off); err != nil {
		_ = resp.Body.Close()
		return nil, c.fail(resp.Request, Status, retryAfter(resp), err)
	}
	return resp.Body, nil
}

func resumes(resp *http.Response, etag string, off int64) error {
	if transient(resp.StatusCode) {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	if resp.StatusCode != http.StatusPartialContent {
		return fmt.Errorf("%w: it answered %s", ErrChanged, resp.Status)
	}
	if got := resp.Header.Get("ETag"); got != "" && got != etag {
		return fmt.Errorf("%w: ETag %s instead of %s", ErrChanged, got, etag)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return fmt.Errorf("%w: it came as %s", ErrChanged, coding)
	}
	first, last, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if !ok || first != off || total >= 0 && last != total-1 {
		return fmt.Errorf("%w: Content-Range %q after %d bytes", ErrChanged, resp.Header.Get("Content-Range"), off)
	}
	return nil
}

// parseContentRange reads "bytes FIRST-LAST/TOTAL" (RFC 9110, 14.4); total is -1 for "*".
func parseContentRange(s string) (first, last, total int64, ok bool) {
	unit, s, ok := strings.Cut(s, " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return 0, 0, 0, false
	}
	span, size, ok1 := strings.Cut(s, "/")
	from, to, ok2 := strings.Cut(span, "-")
	if !ok1 || !ok2 {
		return 0, 0, 0, false
	}
	a, err1 := strconv.ParseUint(from, 10, 63)
	b, err2 := strconv.ParseUint(to, 10, 63)
	n, err3 := strconv.ParseUint(size, 10, 63)
	first, last, total = int64(a), int64(b), int64(n)
	if size == "*" {
		total, err3 = -1, nil
	}
	ok = err1 == nil && err2 == nil && err3 == nil && first <= last && (total < 0 || last < total)
	return first, last, total, ok
}

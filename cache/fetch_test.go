package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"

	"entrepot/cache/blob/blobtest"
)

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func TestRevalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		date := "Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT"
		h := newHouse(t, says(200, "v1", `ETag: "1"`, date), DocumentsOptions{})
		h.want(query, "v1", false)
		fetched := time.Now()
		time.Sleep(2 * time.Hour)
		h.src.set(says(304, ""))
		h.want(query, "v1", false)
		r := h.src.last()
		if r.Header.Get("If-None-Match") != `"1"` || "Last-Modified: "+r.Header.Get("If-Modified-Since") != date {
			t.Errorf("asked with %v", r.Header)
		}
		if r.Header.Get("Accept") != query.Accept || r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("asked with %v", r.Header)
		}
		rec, until, err := h.Peek(t.Context(), h.src.Name(), query)
		if err != nil || !rec.Fetched.Equal(fetched) || !rec.Checked.Equal(time.Now()) || until != time.Now().Add(5*time.Minute) {
			t.Errorf("after a 304: %+v, %v, %v", rec, until, err)
		}
		h.want(query, "v1", false)
		h.wantRequests(2)
	})
}

func TestBodies(t *testing.T) {
	text := strings.Repeat("some text. ", 1000)
	coded := gzipped(text)
	length := func(n int64, answer func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			resp, err := answer(r)
			resp.ContentLength = n
			return resp, err
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		max    int64
		want   string
		err    error // nil with want "": *Unavailable
	}{
		{"plain", says(200, text), 0, text, nil},
		{"of unknown length", length(-1, says(200, text)), 0, text, nil},
		{"identity", says(200, text, "Content-Encoding: identity"), 0, text, nil},
		{"gzip", says(200, coded, "Content-Encoding: gzip"), 0, text, nil},
		{"gzip in capitals", says(200, coded, "Content-Encoding: GZIP"), 0, text, nil},
		{"gzip, not declared", says(200, coded), 0, text, nil},
		{"a file that is gzip", says(200, coded, "Content-Type: application/gzip"), 0, coded, nil},
		{"exactly the limit", says(200, text), int64(len(text)), text, nil},
		{"past the limit", says(200, text), int64(len(text)) - 1, "", ErrTooLarge},
		{"past the limit, decoded", says(200, coded, "Content-Encoding: gzip"), int64(len(text)) - 1, "", ErrTooLarge},
		{"past the limit, as announced", length(1<<40, says(200, text)), 0, "", ErrTooLarge},
		{"a bomb", says(200, gzipped(strings.Repeat("\x00", 50<<20)), "Content-Encoding: gzip"), 1 << 20, "", ErrTooLarge},
		{"a bomb of empty members", length(-1, says(200, strings.Repeat(gzipped(""), 100_000), "Content-Encoding: gzip")), 1000, "", ErrTooLarge},
		{"too short", length(int64(len(text))+1, says(200, text)), 0, "", nil},
		{"too long", length(int64(len(text))-1, says(200, text)), 0, "", nil},
		{"gzip, cut off", length(-1, says(200, coded[:len(coded)/2], "Content-Encoding: gzip")), 0, "", nil},
		{"gzip, cut off at the start", length(-1, says(200, coded[:5], "Content-Encoding: gzip")), 0, "", nil},
		{"gzip, empty", says(200, "", "Content-Encoding: gzip"), 0, "", nil},
		{"gzip, damaged", says(200, coded[:len(coded)-8]+"12345678", "Content-Encoding: gzip"), 0, "", nil},
		{"gzip, said to be", says(200, text, "Content-Encoding: gzip"), 0, "", nil},
		{"another coding", says(200, text, "Content-Encoding: br"), 0, "", nil},
		{"two codings", says(200, coded, "Content-Encoding: gzip, gzip"), 0, "", nil},
		{"a web page", says(200, "<html>Please log in", "Content-Type: text/html; charset=utf-8"), 0, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, tt.answer, DocumentsOptions{})
			q := query
			q.Max = tt.max
			if tt.want != "" {
				h.want(q, tt.want, false)
				return
			}
			_, _, err := h.get(q)
			if unavailable := errors.As(err, new(*Unavailable)); unavailable != (tt.err == nil) || !errors.Is(err, tt.err) && tt.err != nil {
				t.Errorf("got %v, want %v or that it is unavailable", err, tt.err)
			}
			h.wantNothing()
		})
	}
}

// A page is a document where one was asked for.
func TestPages(t *testing.T) {
	h := newHouse(t, says(200, "<html>", "Content-Type: text/html"), DocumentsOptions{})
	q := query
	q.Accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
	h.want(q, "<html>", false)
}

// trickle sends a byte each interval, n of them.
type trickle struct {
	ctx      context.Context
	cancel   context.CancelFunc
	n        int
	interval time.Duration
}

func (s *trickle) Close() error {
	s.cancel()
	return nil
}

func (s *trickle) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	if err := pause(s.ctx, s.interval); err != nil {
		return 0, err
	}
	s.n--
	p[0] = 'x'
	return 1, nil
}

func TestSlowIsFineAndSilentIsNot(t *testing.T) {
	for _, tt := range []struct {
		interval time.Duration
		ok       bool
	}{{59 * time.Second, true}, {61 * time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, func(r *http.Request) (*http.Response, error) {
				resp, err := says(200, "")(r)
				resp.ContentLength = -1
				ctx, cancel := context.WithCancel(r.Context())
				resp.Body = &trickle{ctx, cancel, 5, tt.interval}
				return resp, err
			}, DocumentsOptions{})
			if _, _, err := h.get(query); (err == nil) != tt.ok || !tt.ok && !errors.Is(err, errStalled) {
				t.Errorf("a byte each %v: %v", tt.interval, err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-1": 0, "soon": 0, "99999999999999999999": 0,
		"Thu, 01 Jan 2026 12:00:30 GMT": 30 * time.Second,
		"Thu, 01 Jan 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("Retry-After %q is %v, want %v", v, got, want)
		}
	}
}

// Whatever a registry sends, what is stored is within the limit and what it said of its length.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("text"), "", int64(4))
	f.Add([]byte(gzipped("text")), "gzip", int64(-1))
	f.Add([]byte(gzipped("text")), "", int64(-1))
	f.Add([]byte(gzipped(strings.Repeat("x", 5000))), "gzip", int64(-1))
	f.Fuzz(func(t *testing.T, body []byte, coding string, length int64) {
		const limit = 1000
		resp := &http.Response{
			Header:        http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {coding}},
			ContentLength: length, Body: io.NopCloser(bytes.NewReader(body)),
		}
		pin, err := receive(t.Context(), blobtest.Fake(), resp, limit)
		if err != nil {
			return
		}
		if pin.Size > limit || length >= 0 && length != int64(len(body)) {
			t.Errorf("stored %d bytes of a body of %d, announced as %d", pin.Size, len(body), length)
		}
	})
}

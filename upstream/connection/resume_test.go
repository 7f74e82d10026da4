package connection

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestResume(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("Range") == "" { // break off in the middle
			w.Header().Set("Content-Length", "10000")
			_, _ = w.Write(content[:4321])
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer s.Close()
	c := dial(t, s.URL, nil)
	resp, err := get(t.Context(), c, "a.tgz")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 4321 {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	_ = resp.Body.Close()
	rest, err := c.Resume(t.Context(), resp.Request.URL.String(), resp.Header.Get("ETag"), int64(len(got)))
	if err != nil {
		t.Fatal(err)
	}
	tail, err := io.ReadAll(rest)
	if err != nil || !bytes.Equal(append(got, tail...), content) {
		t.Errorf("%d bytes more, %v: not what was broken off", len(tail), err)
	}
	_ = rest.Close()
	for _, bad := range []struct {
		etag string
		off  int64
	}{{`"v2"`, 10}, {`W/"v1"`, 10}, {"", 10}, {`"v1"`, 10000}, {`"v1"`, 20000}} {
		if _, err := c.Resume(t.Context(), s.URL+"/a.tgz", bad.etag, bad.off); !errors.Is(err, ErrChanged) {
			t.Errorf("Resume(%s, %d): %v", bad.etag, bad.off, err)
		}
	}
	idle(t, c)
}

func TestResumeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		status  int
		headers []string
		changed bool
	}{
		{"good", 206, []string{"Content-Range", "bytes 5-9/10"}, false},
		{"unknown total", 206, []string{"Content-Range", "bytes 5-9/*"}, false},
		{"same tag", 206, []string{"Content-Range", "bytes 5-9/10", "ETag", `"v1"`}, false},
		{"other tag", 206, []string{"Content-Range", "bytes 5-9/10", "ETag", `"v2"`}, true},
		{"whole", 200, nil, true},
		{"gone", 404, nil, true},
		{"no range", 206, nil, true},
		{"other range", 206, []string{"Content-Range", "bytes 0-9/10"}, true},
		{"short range", 206, []string{"Content-Range", "bytes 5-8/10"}, true},
		{"coded", 206, []string{"Content-Range", "bytes 5-9/10", "Content-Encoding", "gzip"}, true},
		{"multipart", 206, []string{"Content-Type", "multipart/byteranges; boundary=x"}, true},
	} {
		c := scripted(t, func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Range") != "bytes=5-" || r.Header.Get("If-Range") != `"v1"` || r.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("asked with %v", r.Header)
			}
			return reply(r, tt.status, "56789", tt.headers...), nil
		}, nil)
		rest, err := c.Resume(t.Context(), "https://registry.example/a", `"v1"`, 5)
		if errors.Is(err, ErrChanged) != tt.changed || tt.changed == (err == nil) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil {
			_ = rest.Close()
		}
		idle(t, c)
	}
	down := scripted(t, func(r *http.Request) (*http.Response, error) { return reply(r, 503, "", "Retry-After", "60"), nil }, nil)
	_, err := down.Resume(context.Background(), "https://registry.example/a", `"v1"`, 5)
	if e := wantKind(t, err, Status); e.RetryAfter != time.Minute || errors.Is(err, ErrChanged) {
		t.Errorf("a registry that is down: %v", err)
	}
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/*", "bytes */10", "bytes 9-0/10", "items 0-1/2", "bytes -1-2/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, last, total, ok := parseContentRange(s)
		if ok && (first < 0 || last < first || total >= 0 && total <= last || total < -1) {
			t.Errorf("%q = %d-%d/%d", s, first, last, total)
		}
	})
}

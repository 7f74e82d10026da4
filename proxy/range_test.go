package proxy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"entrepot/bench/registry"
)

// sizes of tarballs that take different ways: held back whole, kept in memory, sent from the file.
var sizes = []int64{3000, 60_000, 320_000, 2 << 20}

// bySize runs a test with a tarball of each size that nobody has asked for yet.
func bySize(t *testing.T, test func(t *testing.T, s *site, path string, want []byte)) {
	for _, size := range sizes {
		t.Run(strconv.FormatInt(size, 10), func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{})
			want := s.registry.AddNPM("sized", "1.0.0", registry.NPMVersion{Size: size})
			test(t, s, tarballPath("main", "sized", "1.0.0"), want)
		})
	}
}

// TestRange: ranges (RFC 9110 §14) of what is not here yet, of what is stored, and of what memory holds.
func TestRange(t *testing.T) {
	ranges := []func(n int) (header string, status, from, to int){
		func(int) (string, int, int, int) { return "bytes=0-99", http.StatusPartialContent, 0, 100 },
		func(n int) (string, int, int, int) { return "bytes=100-", http.StatusPartialContent, 100, n },
		func(n int) (string, int, int, int) { return "bytes=-10", http.StatusPartialContent, n - 10, n },
		func(n int) (string, int, int, int) {
			return fmt.Sprintf("bytes=%d-", n), http.StatusRequestedRangeNotSatisfiable, 0, 0
		},
	}
	for _, one := range ranges {
		bySize(t, func(t *testing.T, s *site, path string, want []byte) {
			header, status, from, to := one(len(want))
			content := fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(want))
			if status == http.StatusRequestedRangeNotSatisfiable {
				content = fmt.Sprintf("bytes */%d", len(want))
			}
			for _, how := range []string{"cold", "stored", "in memory"} {
				r := s.get(path, "Range", header)
				if r.err != nil || r.status != status || r.header.Get("Content-Range") != content {
					t.Errorf("%s, %s: %d %q, want %d %q", how, header, r.status, r.header.Get("Content-Range"), status, content)
				}
				if status == http.StatusPartialContent && !bytes.Equal(r.body, want[from:to]) {
					t.Errorf("%s, %s: %d bytes that are not the %d wanted", how, header, len(r.body), to-from)
				}
				if how == "stored" {
					s.serves(path, want)
				}
			}
			s.asked("*.tgz", 1)
		})
	}
}

// TestConditions: a client that has the bytes is told so.
func TestConditions(t *testing.T) {
	bySize(t, func(t *testing.T, s *site, path string, want []byte) {
		s.serves(path, want)
		etag := ""
		for range 3 {
			r := s.get(path)
			if etag != "" && r.header.Get("ETag") != etag || r.header.Get("ETag") == "" {
				t.Errorf("ETag %q after %q", r.header.Get("ETag"), etag)
			}
			etag = r.header.Get("ETag")
			r = s.get(path, "If-None-Match", etag)
			if r.status != http.StatusNotModified || len(r.body) > 0 || r.header.Get("ETag") != etag {
				t.Errorf("the same: %d with %d bytes, ETag %q", r.status, len(r.body), r.header.Get("ETag"))
			}
			if r = s.get(path, "If-None-Match", `"other"`); r.status != http.StatusOK || !bytes.Equal(r.body, want) {
				t.Errorf("another: %d with %d bytes", r.status, len(r.body))
			}
			if r = s.get(path, "If-Range", etag, "Range", "bytes=0-9"); r.status != http.StatusPartialContent || !bytes.Equal(r.body, want[:10]) {
				t.Errorf("a range of the same: %d with %d bytes", r.status, len(r.body))
			}
			if r = s.get(path, "If-Range", `"other"`, "Range", "bytes=0-9"); r.status != http.StatusOK || !bytes.Equal(r.body, want) {
				t.Errorf("a range of another: %d with %d bytes", r.status, len(r.body))
			}
		}
	})
}

// TestHead: HEAD says what GET would, without the body.
func TestHead(t *testing.T) {
	bySize(t, func(t *testing.T, s *site, path string, want []byte) {
		for _, how := range []string{"cold", "stored", "in memory"} {
			r := s.do(http.MethodHead, path, nil)
			if r.err != nil || r.status != http.StatusOK || len(r.body) > 0 || r.header.Get("Content-Length") != strconv.Itoa(len(want)) {
				t.Errorf("%s: %d, Content-Length %s, %d bytes, %v", how, r.status, r.header.Get("Content-Length"), len(r.body), r.err)
			}
			if how == "stored" {
				s.serves(path, want)
			}
		}
		s.asked("*.tgz", 1)
		full, head := s.get(documentPath("main", "sized")), s.do(http.MethodHead, documentPath("main", "sized"), nil)
		if head.status != http.StatusOK || head.header.Get("Content-Length") != strconv.Itoa(len(full.body)) || head.header.Get("ETag") != full.header.Get("ETag") {
			t.Errorf("the index: %d, Content-Length %s, want %d", head.status, head.header.Get("Content-Length"), len(full.body))
		}
		if r := s.do(http.MethodHead, tarballPath("main", "missing", "1.0.0"), nil); r.status != http.StatusNotFound || len(r.body) > 0 {
			t.Errorf("what is not there: %d with %d bytes", r.status, len(r.body))
		}
	})
}

package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve answers with a body, and gives its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestDriverCountsWhatItAsks(t *testing.T) {
	var asked atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Write([]byte("hello"))
	})
	d, err := openDriver(addr, exactly("/x", []byte("hello")), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if n := asked.Load(); n != 4 {
		t.Errorf("%d requests on 4 new connections", n)
	}
	out, err := d.run(20 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if want := asked.Load() - 4; int64(out.requests) != want || out.bytes != 5*want || out.took.total != uint64(want) {
		t.Errorf("%d requests, %d bytes, %d latencies; the server saw %d", out.requests, out.bytes, out.took.total, want)
	}
}

func TestDriverRefusesWrongAnswers(t *testing.T) {
	right := []byte("the right bytes")
	for name, h := range map[string]http.HandlerFunc{
		"other bytes": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("the wrong bytes")) },
		"too short":   func(w http.ResponseWriter, _ *http.Request) { w.Write(right[1:]) },
		"status": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			w.Write(right)
		},
		"closing": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.Write(right)
		},
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "15")
			w.Write(right[:3])
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := openDriver(serve(t, h), exactly("/x", right), 1); err == nil {
				d.close()
				t.Error("it was taken")
			}
		})
	}
}

func TestDriverUnpacksWhatIsCompressed(t *testing.T) {
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	zw.Write([]byte(strings.Repeat("hello ", 1000)))
	zw.Close()
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(zipped.Bytes()[:20])
		w.(http.Flusher).Flush() // in chunks
		w.Write(zipped.Bytes()[20:])
	})
	right := exactly("/x", []byte(strings.Repeat("hello ", 1000)))
	right.size = -1
	d, err := openDriver(addr, right, 1)
	if err != nil {
		t.Fatal(err)
	}
	d.close()
	right.content[0]++
	if d, err := openDriver(addr, right, 1); err == nil {
		d.close()
		t.Error("other content was taken")
	}
}

func TestTargetUnchanged(t *testing.T) {
	var asked atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 { // the first answer is of a miss
			w.Header().Set("ETag", `"tag"`)
		}
		if r.Header.Get("If-None-Match") == `"tag"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write([]byte("hello"))
	})
	u, err := exactly("/x", []byte("hello")).unchanged(addr)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDriver(addr, u, 1)
	if err != nil {
		t.Fatal(err)
	}
	d.close()
}

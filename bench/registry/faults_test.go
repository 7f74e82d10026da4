package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestFaultsOfABody asks for one tarball under each fault and looks at what a client sees.
func TestFaultsOfABody(t *testing.T) {
	r := New(Options{})
	data := r.AddNPM("a", "1.0.0", NPMVersion{Size: 100 << 10})
	l, cdn := r.Start(t), r.Start(t)
	const tarball = "/npm/a/-/a-1.0.0.tgz"
	for _, c := range []struct {
		name  string
		fault Fault
		check func(resp *http.Response, body []byte) bool
	}{
		{"none", Fault{}, func(resp *http.Response, b []byte) bool { return resp.StatusCode == 200 && bytes.Equal(b, data) }},
		{"status", Fault{Status: 429, RetryAfter: "7"}, func(resp *http.Response, b []byte) bool {
			return resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "7"
		}},
		{"drop", Fault{Drop: true}, func(resp *http.Response, b []byte) bool { return resp == nil }},
		{"html", Fault{HTML: true}, func(resp *http.Response, b []byte) bool {
			return resp.StatusCode == 200 && resp.Header.Get("Content-Type") == "text/html"
		}},
		{"redirect", Fault{Redirect: cdn.URL}, func(resp *http.Response, b []byte) bool {
			return resp.StatusCode == 302 && resp.Header.Get("Location") == cdn.URL+tarball
		}},
		{"truncate", Fault{Truncate: 5000}, func(resp *http.Response, b []byte) bool {
			return resp.ContentLength == int64(len(data)) && bytes.Equal(b, data[:5000])
		}},
		{"truncate at once", Fault{Truncate: -1}, func(resp *http.Response, b []byte) bool {
			return resp.ContentLength == int64(len(data)) && len(b) == 0
		}},
		{"flip", Fault{Flip: 5000}, func(resp *http.Response, b []byte) bool {
			return len(b) == len(data) && b[4999] == data[4999]^0xff && bytes.Equal(b[5000:], data[5000:])
		}},
		{"unsized", Fault{Unsized: true}, func(resp *http.Response, b []byte) bool {
			return resp.ContentLength == -1 && bytes.Equal(b, data)
		}},
		{"no validators", Fault{NoETag: true}, func(resp *http.Response, b []byte) bool { return resp.Header.Get("ETag") == "" }},
		{"bare gzip", Fault{BareGzip: true}, func(resp *http.Response, b []byte) bool {
			return resp.Header.Get("Content-Encoding") == "" && bytes.Equal(b[:2], []byte{0x1f, 0x8b}) && !bytes.Equal(b, data)
		}},
		{"bandwidth", Fault{Bandwidth: 10 << 20}, func(resp *http.Response, b []byte) bool { return bytes.Equal(b, data) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer r.Fault("*.tgz", c.fault)()
			if resp, body := get(t, l.URL+tarball); !c.check(resp, body) {
				t.Errorf("%+v, %d bytes", resp, len(body))
			}
		})
	}
	if resp, _ := get(t, cdn.URL+tarball); resp.StatusCode != 200 {
		t.Error("the other host redirects to itself")
	}
	if resp, body := get(t, l.URL+tarball, "Range", "bytes=10-19"); resp.StatusCode != 206 || !bytes.Equal(body, data[10:20]) {
		t.Errorf("a range: %s %d bytes", resp.Status, len(body))
	}
}

func TestFaultsEnd(t *testing.T) {
	r := New(Options{})
	r.AddNPM("a", "1.0.0", NPMVersion{})
	l := r.Start(t)
	clear := r.Fault("/npm/a", Fault{Status: 503, Skip: 1, Times: 2})
	var got []int
	for range 4 {
		resp, _ := get(t, l.URL+"/npm/a")
		got = append(got, resp.StatusCode)
	}
	if want := []int{200, 503, 503, 200}; !equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	clear()
	clear()
	r.Fault("", Fault{Status: 500})
	r.ClearFaults()
	if resp, _ := get(t, l.URL+"/npm/a"); resp.StatusCode != 200 {
		t.Errorf("after ClearFaults: %s", resp.Status)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestListenerGoesDownAndUp(t *testing.T) {
	r := New(Options{})
	r.AddNPM("a", "1.0.0", NPMVersion{})
	l := r.Start(t)
	l.Down()
	if resp, msg := get(t, l.URL+"/npm/a"); resp != nil {
		t.Errorf("a closed listener: %v %s", resp, msg)
	}
	if err := l.Up(); err != nil {
		t.Fatal(err)
	}
	if resp, _ := get(t, l.URL+"/npm/a"); resp == nil || resp.StatusCode != 200 {
		t.Errorf("up again: %v", resp)
	}
}

func TestStallEndsWhenCleared(t *testing.T) {
	r := New(Options{})
	data := r.AddNPM("a", "1.0.0", NPMVersion{Size: 10000})
	l := r.Start(t)
	clear := r.Fault("*.tgz", Fault{Stall: 100})
	resp, err := http.Get(l.URL + "/npm/a/-/a-1.0.0.tgz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 100)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	clear()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(append(first, rest...), data) {
		t.Errorf("after the stall: %v, %d bytes more", err, len(rest))
	}
}

func TestLatencyAndBandwidthTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		data := r.AddNPM("a", "1.0.0", NPMVersion{Size: 10000})
		r.Fault("*.tgz", Fault{Latency: time.Second, Bandwidth: int64(len(data))})
		start := time.Now()
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/npm/a/-/a-1.0.0.tgz", nil))
		if d := time.Since(start).Round(time.Millisecond); d != 2*time.Second || !bytes.Equal(w.Body.Bytes(), data) {
			t.Errorf("a second of latency and one of transfer took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/npm/a/-/a-1.0.0.tgz", nil))
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Error("a client that left was answered")
		}
	})
}

func TestListenTLS(t *testing.T) {
	r := New(Options{})
	r.AddNPM("a", "1.0.0", NPMVersion{})
	known := httptest.NewTLSServer(nil) // for its certificate, which its client trusts
	defer known.Close()
	l, err := r.ListenTLS("127.0.0.1:0", known.TLS)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Down()
	resp, err := known.Client().Get(l.URL + "/npm/a/1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); !bytes.Contains(body, []byte(l.URL+"/npm/a/-/a-1.0.0.tgz")) {
		t.Errorf("addresses are not those of the listener: %s", body)
	}
}

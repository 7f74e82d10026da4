package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/generic"
)

// downloadSite is a site of files without an index, each of which holds its path and an edition.
type downloadSite struct {
	*httptest.Server
	edition atomic.Value
	asked   atomic.Int32
}

func newDownloadSite(t *testing.T) *downloadSite {
	d := new(downloadSite)
	d.edition.Store("first")
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked.Add(1)
		if strings.HasSuffix(r.URL.Path, "/none") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(r.URL.EscapedPath() + " " + d.edition.Load().(string)))
	}))
	t.Cleanup(d.Close)
	return d
}

// TestFilesByLayout: files of any site are read through, kept when it is gone, and are what they were when they were
// first seen, in every repository downstream.
func TestFilesByLayout(t *testing.T) {
	files, err := generic.New(generic.Options{Layout: map[string]string{
		"private:files": "{namespace}/{package}/releases/v{version}/{asset}",
	}})
	if err != nil {
		t.Fatal(err)
	}
	origin := newDownloadSite(t)
	s := start(t, setup{
		formats: []format.Format{files}, connections: map[string]string{"private:files": origin.URL + "/base/"},
		repos: []repo{
			{name: "store", connection: "private:files"}, {name: "one", upstreams: []string{"store"}}, {name: "two", upstreams: []string{"store"}},
		},
	})
	const a, b = "/acme/tool/1.0/linux/a%20b.zip", "/acme/tool/1.0/other.zip"
	want := []byte("/base/acme/tool/releases/v1.0/linux/a%20b.zip first")
	s.serves("generic/one"+a, want)
	s.serves("generic/two"+a, want)
	s.serves("generic/one"+b, s.ok("generic/two"+b))
	if n := origin.asked.Load(); n != 2 {
		t.Errorf("the site was asked %d times for 2 files", n)
	}
	s.fails("generic/one/acme/tool/1.0/none", http.StatusNotFound, "absent")
	s.fails("generic/one/acme/tool/1.0/", http.StatusNotFound, "absent") // nobody knows what else there is

	// Invariant 9: other bytes than before are refused, also when ours are gone.
	origin.edition.Store("second")
	for _, name := range []string{"store", "one", "two"} {
		s.must(s.domain.Repository(name).Edit(t.Context(), cache.Package{Format: "generic", Namespace: "acme", Name: "tool"}, func(h *cache.Holding) error {
			h.Versions = nil
			return nil
		}))
	}
	s.fails("generic/one"+a, http.StatusBadGateway, "upstream")
	origin.edition.Store("first")
	s.serves("generic/one"+a, want)
	origin.Close()
	s.restart()
	s.serves("generic/one"+a, want)
	s.fails("generic/one/acme/tool/2.0/a", http.StatusBadGateway, "upstream")
}

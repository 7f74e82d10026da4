package cargo

import (
	"context"
	"net/http"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestParse(t *testing.T) { formattest.Parse(t, Format{}, "testdata/parse.txt") }

func TestGolden(t *testing.T) { formattest.Golden(t, Format{}, "testdata/*.txtar", nil) }

func TestRoundTrip(t *testing.T) {
	formattest.RoundTrip(t, Format{}, "testdata/*.txtar", func(p cache.Package) map[string]string {
		return map[string]string{viewIndex: indexPath(p.Name)}
	})
}

func TestRecognise(t *testing.T) {
	for path, want := range map[string]bool{
		"/se/rd/serde":                        true,
		"/index/se/rd/serde":                  true,
		"/index/1/a":                          true,
		"/api/v1/crates/serde/1.0.0/download": true,
		"/x/api/v1/crates?q=a":                true,
		"/serde":                              false,
		"/se/rd/other":                        false,
		"/":                                   false,
		"/a/b/abc":                            false,
	} {
		r, err := http.NewRequest(http.MethodGet, "http://registry.example"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Format{}).Recognise(r); got != want {
			t.Errorf("Recognise(%s) = %v", path, got)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, "http://registry.example/config.json", nil)
	r.Header.Set("User-Agent", "cargo/1.95.0 (f2d3ce0bd 2026-03-21)")
	if !(Format{}).Recognise(r) {
		t.Error("cargo is not recognised by its name")
	}
}

func FuzzParse(f *testing.F) {
	formattest.FuzzParse(f, Format{}, "config.json", "1/a", "2/ab", "3/a/abc", "se/rd/serde", "SE/rd/Serde", "me",
		"api/v1/crates", "api/v1/crates/new", "api/v1/crates/serde/1.0.0+a/download", "api/v1/crates/serde/1.0.0/yank",
		"api/v1/crates/serde/owners", "api/v1/crates/a%2fb/1.0.0/download", "a/../b", "", "/", "api/v1/crates/")
}

// configured is the format before registries whose config.json is in order.
type configured struct{ Format }

func (c configured) Listing(ctx context.Context, p cache.Package, get format.Getter) (*cache.Listing, error) {
	return c.Format.Listing(ctx, p, withConfig{get})
}

type withConfig struct{ format.Getter }

func (g withConfig) Get(ctx context.Context, q format.Query) (*cache.Document, error) {
	if q.Path == "config.json" {
		return formattest.NewRegistry(map[string]string{q.Path: `{"dl":"https://registry.example"}`}).Get(ctx, q)
	}
	return g.Getter.Get(ctx, q)
}

func FuzzListing(f *testing.F) {
	p := cache.Package{Format: "cargo", Name: "ab"}
	const line = `{"name":"ab","vers":"1.0.0","deps":[],"cksum":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","features":{},"yanked":false}`
	formattest.FuzzListing(f, configured{}, cache.AssetKey{Package: p}, "2/ab", []string{viewIndex},
		line, line+"\n"+line+"\n\nx", `{"name":"AB","vers":"1.0.0+a","cksum":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","pubtime":"2024-01-01T00:00:00Z"}`, "{}", "")
}

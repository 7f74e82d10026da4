package npm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func locate(t *testing.T, dist, asset string) (format.Ref, error) {
	t.Helper()
	g := formattest.NewRegistry(map[string]string{"@acme%2fui": `{"name":"@acme/ui","versions":{"1.0.0":{"dist":` + dist + `}}}`})
	l, err := Format{}.Listing(t.Context(), acmeUI, g)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Format{}.Locate(cache.AssetKey{Package: acmeUI, Version: "1.0.0", Asset: asset}, l)
}

func TestLocateSums(t *testing.T) {
	const sha512 = "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
	for _, c := range []struct{ integrity, shasum, want string }{
		{"sha512-" + sha512, "", "sha512:cf83e135"},
		{" sha512-" + sha512 + "?opt  sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= ", "", "sha512:cf83e135 sha1:da39a3ee"},
		{"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha256:e3b0c442 sha1:da39a3ee"},
		{"", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709", "sha1:da39a3ee"},
		{"sha512-short md5-x nonsense", "xyz", "check"},
		{"", "", "check"},
	} {
		ref, err := locate(t, fmt.Sprintf(`{"integrity":%q,"shasum":%q,"tarball":"https://registry.example/x.tgz"}`, c.integrity, c.shasum), Tarball)
		var got []string
		for _, s := range ref.Sums {
			got = append(got, fmt.Sprintf("%s:%x", s.Algorithm, s.Value[:4]))
		}
		if ref.Check != nil {
			got = append(got, "check")
		}
		if err != nil || strings.Join(got, " ") != c.want || ref.URL != "https://registry.example/x.tgz" {
			t.Errorf("%s %s: %s %s (%v)", c.integrity, c.shasum, ref.URL, got, err)
		}
	}
}

func TestLocatePlaces(t *testing.T) {
	for _, c := range []struct{ dist, asset, want string }{
		{`{}`, Tarball, "@acme%2fui/-/ui-1.0.0.tgz"},
		{`{"tarball":"/download/ui/1.0.0/0123"}`, Tarball, "/download/ui/1.0.0/0123"},
		{`{"tarball":"file:///etc/passwd"}`, Tarball, "error"},
		{`{"tarball":"https:x"}`, Tarball, "error"},
		{`{"attestations":{"url":"https://registry.example/a"}}`, Attestations, "https://registry.example/a"},
		{`{}`, Attestations, "absent"},
		{`{}`, "other", "absent"},
	} {
		ref, err := locate(t, c.dist, c.asset)
		got := ref.URL
		if errors.Is(err, cache.ErrAbsent) {
			got = "absent"
		} else if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s %s: %s (%v), want %s", c.dist, c.asset, got, err, c.want)
		}
	}
}

func TestTarballWithoutSumsMustAgree(t *testing.T) {
	ref, err := locate(t, `{}`, Tarball)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tarball []byte
		ok      bool
	}{
		"right":         {packed(t, "@acme/ui", "1.0.0"), true},
		"with v":        {packed(t, "@acme/ui", "v1.0.0"), true},
		"byte order":    {pack(t, "x/package.json", "\ufeff"+`{"name":"@acme/ui","version":"1.0.0"}`), true},
		"nested":        {pack(t, "x/package.json", `{"name":"@acme/ui","version":"1.0.0"}`, "x/y/package.json", `{"name":"other"}`), true},
		"other name":    {packed(t, "ui", "1.0.0"), false},
		"other version": {packed(t, "@acme/ui", "1.0.1"), false},
		"no archive":    {[]byte("hello"), false},
		"cut":           {packed(t, "@acme/ui", "1.0.0")[:100], false},
	} {
		if err := ref.Check(bytes.NewReader(c.tarball), int64(len(c.tarball))); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadDocuments(t *testing.T) {
	for name, a := range map[string]formattest.Answer{
		"html":            {Body: "<html>"},
		"cut":             {Body: `{"name":"ui","versions":{"1.0.0":{`},
		"another package": {Body: `{"name":"other","versions":{}}`},
		"no packument":    {Body: `{"error":"x"}`},
		"bomb":            {Body: strings.Repeat(`{"a":`, 1_000_000)},
		"huge manifest":   {Body: `{"name":"ui","versions":{"1.0.0":{"x":"` + strings.Repeat("x", maxManifest) + `"}}}`},
		"huge head":       {Body: `{"name":"ui","versions":{},"x":"` + strings.Repeat("x", maxHead) + `"}`},
	} {
		g := &formattest.Registry{Answers: map[string]formattest.Answer{"ui": a}}
		l, err := Format{}.Listing(t.Context(), cache.Package{Format: "npm", Name: "ui"}, g)
		if status(err) != 502 || l != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

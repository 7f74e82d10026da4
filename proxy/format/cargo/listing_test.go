package cargo

import (
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

const testSum = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// line is a line of an index.
func line(name, version, more string) string {
	return `{"name":"` + name + `","vers":"` + version + `","deps":[],"cksum":"` + testSum + `","features":{}` + more + "}\n"
}

func TestListingErrors(t *testing.T) {
	p := packageOf("Ab")
	ok := formattest.Answer{Body: `{"dl":"https://registry.example/api/v1/crates"}`}
	for name, c := range map[string]struct {
		index, config formattest.Answer
		absent        bool
	}{
		"nobody knows it":    {formattest.Answer{Status: http.StatusNotFound}, ok, true},
		"gone":               {formattest.Answer{Status: http.StatusGone}, ok, true},
		"down":               {formattest.Answer{Err: io.ErrUnexpectedEOF}, ok, false},
		"failing":            {formattest.Answer{Status: http.StatusInternalServerError}, ok, false},
		"sign-in page":       {formattest.Answer{Body: "<!doctype html>\n<p>Sign in"}, ok, false},
		"another crate":      {formattest.Answer{Body: line("ac", "1.0.0", "")}, ok, false},
		"endless line":       {formattest.Answer{Body: strings.Repeat("x", maxLine+100_000)}, ok, false},
		"no config":          {formattest.Answer{Body: line("ab", "1.0.0", "")}, formattest.Answer{Status: http.StatusNotFound}, false},
		"config is no JSON":  {formattest.Answer{Body: line("ab", "1.0.0", "")}, formattest.Answer{Body: "<html>"}, false},
		"config is too long": {formattest.Answer{Body: line("ab", "1.0.0", "")}, formattest.Answer{Body: strings.Repeat(" ", maxConfig+1)}, false},
		"files on this disk": {formattest.Answer{Body: line("ab", "1.0.0", "")}, formattest.Answer{Body: `{"dl":"file:///etc"}`}, false},
	} {
		g := &formattest.Registry{Answers: map[string]formattest.Answer{"2/ab": c.index, "config.json": c.config}}
		l, err := Format{}.Listing(t.Context(), p, g)
		var down *cache.Unavailable
		if l != nil || errors.Is(err, cache.ErrAbsent) != c.absent || errors.As(err, &down) == c.absent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A crate that is there without versions is no error: the registry says so.
func TestEmptyIndex(t *testing.T) {
	g := formattest.NewRegistry(map[string]string{"2/ab": "", "config.json": `{"dl":"https://registry.example/"}`})
	l, err := Format{}.Listing(t.Context(), packageOf("ab"), g)
	if err != nil || len(l.Versions) != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestLongLinesAreWhole(t *testing.T) {
	var index strings.Builder
	long := `,"x":"` + strings.Repeat("y", 300_000) + `"`
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		index.WriteString(line("ab", v, long))
		index.WriteString(line("ab", v+"-rc.1", ""))
	}
	g := formattest.NewRegistry(map[string]string{"2/ab": index.String(), "config.json": `{"dl":"https://registry.example/"}`})
	l, err := Format{}.Listing(t.Context(), packageOf("ab"), g)
	if err != nil || len(l.Versions) != 6 {
		t.Fatalf("%v, %v", l, err)
	}
	for i, v := range l.Versions {
		b, err := v.Raw.Append(nil)
		if err != nil || !strings.HasSuffix(string(b), "}") || !strings.Contains(string(b), `"vers":"`+v.Version+`"`) || i%2 == 0 && len(b) < 300_000 {
			t.Errorf("version %d: %.60s… of %d bytes, %v", i, b, len(b), err)
		}
	}
}

func TestLocateFillsInEveryMarker(t *testing.T) {
	for dl, want := range map[string]string{
		"https://f.example/api/v1/crates":                            "https://f.example/api/v1/crates/FooBar/1.0.0+b/download",
		"https://f.example/api/v1/crates/":                           "https://f.example/api/v1/crates/FooBar/1.0.0+b/download",
		"https://f.example/{crate}/{crate}-{version}.crate":          "https://f.example/FooBar/FooBar-1.0.0+b.crate",
		"https://f.example/{prefix}/{version}":                       "https://f.example/Fo/oB/1.0.0+b",
		"https://f.example/{lowerprefix}/x":                          "https://f.example/fo/ob/x",
		"https://f.example/{sha256-checksum}":                        "https://f.example/" + testSum,
		"http://127.0.0.1:99/dl/{crate}/{lowerprefix}/{version}?a=b": "http://127.0.0.1:99/dl/FooBar/fo/ob/1.0.0+b?a=b",
		"https://f.example/{other}":                                  "https://f.example/{other}/FooBar/1.0.0+b/download",
	} {
		g := formattest.NewRegistry(map[string]string{
			"fo/ob/foobar": line("FooBar", "1.0.0+b", ""), "config.json": `{"dl":"` + dl + `"}`,
		})
		p := packageOf("FooBar")
		l, err := Format{}.Listing(t.Context(), p, g)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := Format{}.Locate(cache.AssetKey{Package: p, Version: "1.0.0+b", Asset: assetName(p, "1.0.0+b")}, l)
		if err != nil || ref.URL != want || len(ref.Sums) != 1 || hex.EncodeToString(ref.Sums[0].Value) != testSum {
			t.Errorf("%s: %s %v (%v)", dl, ref.URL, ref.Sums, err)
		}
		for version, asset := range map[string]string{"1.0.0": "foobar-1.0.0.crate", "1.0.0+b": "other.crate"} {
			if _, err := (Format{}).Locate(cache.AssetKey{Package: p, Version: version, Asset: asset}, l); !errors.Is(err, cache.ErrAbsent) {
				t.Errorf("%s %s: %v", version, asset, err)
			}
		}
	}
}

// What we hold of a version is compared with the registry's line of today by its sums.
func TestLocateInAHolding(t *testing.T) {
	h := &cache.Holding{Package: packageOf("ab"), Versions: []cache.Stored{{Version: "1.0.0", Meta: []byte(strings.TrimSpace(line("ab", "1.0.0", "")))}}}
	ref, err := Format{}.Locate(cache.AssetKey{Package: h.Package, Version: "1.0.0"}, formattest.ListingOf(h))
	if err != nil || ref.URL != "" || len(ref.Sums) != 1 {
		t.Errorf("%+v, %v", ref, err)
	}
}

// A version that was published without a time in its line gets one.
func TestEncodeAddsTheTime(t *testing.T) {
	h := &cache.Holding{Package: packageOf("ab"), Versions: []cache.Stored{{
		Version: "1.0.0", Meta: []byte(strings.TrimSpace(line("ab", "1.0.0", ""))), Published: formattest.Published,
	}, {
		Version: "1.1.0", Meta: []byte(strings.TrimSpace(line("ab", "1.1.0", ""))), Status: cache.Archived,
	}}}
	var b strings.Builder
	if err := (Format{}).Encode(&b, formattest.ListingOf(h), viewOf(viewIndex)); err != nil {
		t.Fatal(err)
	}
	if want := line("ab", "1.0.0", `,"pubtime":"2026-05-04T03:02:01Z"`); b.String() != want {
		t.Errorf("%s, want %s", b.String(), want)
	}
}

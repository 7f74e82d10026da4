package npm

import (
	"bytes"
	"encoding/json"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

func TestParse(t *testing.T) { formattest.Parse(t, Format{}, "testdata/parse.txt") }

func TestGolden(t *testing.T) { formattest.Golden(t, Format{}, "testdata/*.txtar", indent) }

func TestRoundTrip(t *testing.T) {
	formattest.RoundTrip(t, Format{}, "testdata/*.txtar", func(p cache.Package) map[string]string {
		return map[string]string{fullView: escapedName(p)}
	})
}

// indent makes a document readable, without changing the order of anything.
func indent(b []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, b, "", " ") != nil {
		return b
	}
	return out.Bytes()
}

func FuzzParse(f *testing.F) {
	formattest.FuzzParse(f, Format{}, "lodash", "@s/n", "@s%2fn", "%40s%2Fn", "@s/n/-/n-1.0.0.tgz", "@s/n/-/@s/n-1.0.0.tgz",
		"@s%2fn/-/@s%2fn-1.0.0.tgz", "a/../b", "a/%2e%2e", "-/ping", "-/package/@s%2fn/dist-tags/x", "-/npm/v1/attestations/@s%2fn@1.0.0",
		"-/user/org.couchdb.user:me/-rev/1-a", "n/-/n-1.0.0.tgz/-rev/1-a", "n/latest", "n%00", "n//")
}

func FuzzListing(f *testing.F) {
	a := cache.AssetKey{Package: cache.Package{Format: "npm", Name: "a"}, Asset: Tarball}
	formattest.FuzzListing(f, Format{}, a, "a", []string{fullView, abbreviatedView, versionView + "latest"},
		`{"name":"a","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"dist":{"tarball":"http://x/a.tgz","shasum":"0123456789012345678901234567890123456789","attestations":{"url":"u"}}}},"time":{"created":"2020-01-01T00:00:00.000Z","1.0.0":"2020-01-01T00:00:00.000Z"}}`,
		`{"name":"a","versions":{"1.0.0":{"scripts":{"install":"x"}},"1.0.0":{"dist":1}},"time":{"unpublished":{"name":"x"}}}`,
		`{"versions":{}}`)
}

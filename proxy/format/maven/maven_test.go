package maven

import (
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

func TestParse(t *testing.T) { formattest.Parse(t, Format{}, "testdata/parse.txt") }

func TestParseRefusesLongNames(t *testing.T) {
	for path, want := range map[string]string{
		strings.Repeat("a/", 2000) + metadataFile:                 "invalid 400",
		strings.Repeat("aa/", 100) + metadataFile:                 "invalid 400", // the group
		"com/" + strings.Repeat("a", 300) + "/" + metadataFile:    "absent",
		"com/acme/lib/1.0/" + strings.Repeat("a", 300):            "absent",
		"com/acme/lib/" + strings.Repeat("1", 300) + "/lib-1.jar": "absent",
	} {
		if got := formattest.Describe(Format{}.Parse(formattest.Request(http.MethodGet, path), path)); got != want {
			t.Errorf("%.60s…: %s", path, got)
		}
	}
}

func TestRecognise(t *testing.T) {
	for path, want := range map[string]bool{
		"/maven2/com/acme/lib/1.0/lib-1.0.jar":                     true,
		"/maven2/com/acme/lib/1.0/lib-1.0.jar.sha1":                true,
		"/com/acme/lib/1.0-SNAPSHOT/lib-1.0-20210728.194552-1.jar": true,
		"/maven2/com/acme/lib/maven-metadata.xml":                  true,
		"/maven2/com/acme/lib/maven-metadata.xml.sha1":             true,
		"/left-pad":                         false,
		"/left-pad/-/left-pad-1.0.0.tgz":    false,
		"/example.com/m/@v/v1.0.0.zip":      false,
		"/packages/ab/cd/ef/lib-1.0.tar.gz": false,
		"/maven-metadata.xml":               false,
		"/":                                 false,
	} {
		r, err := http.NewRequest(http.MethodGet, "http://registry.example"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Format{}).Recognise(r); got != want {
			t.Errorf("Recognise(%s) = %v", path, got)
		}
		r.Method = http.MethodPost
		if (Format{}).Recognise(r) {
			t.Errorf("a POST of %s is recognised", path)
		}
	}
}

func TestAnnotate(t *testing.T) {
	h := http.Header{}
	Format{}.Annotate(h, cache.Asset{Sums: []cache.Sum{{Algorithm: "sha1", Value: []byte{0xab}}}})
	if got := h.Get("X-Checksum-SHA1"); got != "ab" {
		t.Errorf("sha1 %q", got)
	}
	if got := h.Get("X-Checksum-Sha256"); got != strings.Repeat("0", 64) {
		t.Errorf("sha256 %q", got)
	}
	if _, there := h["X-Checksum-Md5"]; there {
		t.Error("a sum that nobody computed is sent")
	}
}

func FuzzParse(f *testing.F) {
	formattest.FuzzParse(f, Format{},
		"com/acme/lib/maven-metadata.xml", "com/acme/lib/1.0/lib-1.0.jar.sha1", "com/acme/lib/1.0-SNAPSHOT/lib-1.0-20210728.194552-1.pom",
		"com/acme/lib/1.0-SNAPSHOT/maven-metadata.xml", "com/acme/lib/1.0-SNAPSHOT/lib-1.0-SNAPSHOT.jar", ".index/x")
}

func key(version, file string) cache.AssetKey {
	return cache.AssetKey{Package: cache.Package{Format: "maven", Namespace: "com.acme", Name: "lib"}, Version: version, Asset: file}
}

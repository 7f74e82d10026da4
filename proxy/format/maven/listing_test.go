package maven

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestGolden(t *testing.T) { formattest.Golden(t, Format{}, "testdata/*.txtar", nil) }

func TestRoundTrip(t *testing.T) {
	formattest.RoundTrip(t, Format{}, "testdata/[bg]*.txtar", func(p cache.Package) map[string]string {
		return map[string]string{viewIndex: rootOf(p) + "/" + metadataFile}
	})
}

func TestListingErrors(t *testing.T) {
	p := key("", "").Package
	if _, err := (Format{}).Listing(t.Context(), p, formattest.NewRegistry(nil)); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("an artifact that nobody knows: %v", err)
	}
	var down *cache.Unavailable
	for _, a := range []formattest.Answer{
		{Status: http.StatusInternalServerError}, {Err: io.ErrUnexpectedEOF}, {Body: "<!doctype html>\n<p>Sign in"}, {Body: "<html></html>"},
		{Body: "<metadata><versioning><versions><version>1.0</vers"}, {Body: ""}, {Body: `<?xml version="1.0" encoding="EBCDIC"?><metadata/>`},
		{Body: `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><metadata><groupId>&e;</groupId></metadata>`},
	} {
		r := &formattest.Registry{Answers: map[string]formattest.Answer{"com/acme/lib/maven-metadata.xml": a}}
		if _, err := (Format{}).Listing(t.Context(), p, r); !errors.As(err, &down) {
			t.Errorf("%d %v %.30s: %v", a.Status, a.Err, a.Body, err)
		}
	}
	if err := (Format{}).Encode(io.Discard, &cache.Listing{}, format.View{Name: "other"}); err == nil {
		t.Error("an unknown view is encoded")
	}
}

func TestMetadataIsBounded(t *testing.T) {
	body := io.MultiReader(strings.NewReader("<metadata><versioning><versions>"), endless("<version>1</version>"))
	if _, err := readMetadata(body); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("endless metadata: %v", err)
	}
}

type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	if n == 0 {
		n = copy(p, e)
	}
	return n, nil
}

// TestMergedLatestIsTheHighestThatARegistryCallsSo merges by hand what two registries and a repository say.
func TestMergedLatestIsTheHighestThatARegistryCallsSo(t *testing.T) {
	one := listingOf(t, "<latest>1.1-SNAPSHOT</latest><release>1.0</release>", "20030203", "1.0", "1.1-SNAPSHOT")
	two := listingOf(t, "<release>3.0</release>", "20030203", "2.0", "3.0")
	both := &cache.Listing{Package: one.Package}
	for _, l := range []*cache.Listing{one, two} {
		for _, v := range l.Versions {
			v.Origin.Connection = "public:test"
			if both.Version(v.Version) == nil {
				both.Versions = append(both.Versions, v)
			}
		}
	}
	check := func(latest, release string) {
		t.Helper()
		m, err := indexOf(both)
		if err != nil {
			t.Fatal(err)
		}
		if m.Versioning.Latest != latest || m.Versioning.Release != release {
			t.Errorf("latest %s, release %s, want %s and %s", m.Versioning.Latest, m.Versioning.Release, latest, release)
		}
	}
	check("1.1-SNAPSHOT", "3.0")
	both.Version("3.0").Refused = "too new"
	check("1.1-SNAPSHOT", "2.0")
	both.Versions = append(both.Versions, cache.Version{Version: "99", Origin: cache.Origin{Repository: "team"}})
	check("99", "99")
	for _, v := range []string{"99", "2.0", "1.0", "20030203"} {
		both.Version(v).Refused = "hidden"
	}
	check("1.1-SNAPSHOT", "") // never a snapshot
}

func listingOf(t *testing.T, head string, versions ...string) *cache.Listing {
	t.Helper()
	var b strings.Builder
	b.WriteString("<metadata><versioning>" + head + "<versions>")
	for _, v := range versions {
		b.WriteString("<version>" + v + "</version>")
	}
	b.WriteString("</versions></versioning></metadata>")
	r := formattest.NewRegistry(map[string]string{"com/acme/lib/maven-metadata.xml": b.String()})
	l, err := Format{}.Listing(t.Context(), key("", "").Package, r)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestOrderIsMavens checks the order of the POM reference, each below the next.
func TestOrderIsMavens(t *testing.T) {
	versions := []string{
		"1-alpha-2", "1-beta-1", "1-m3", "1.0-rc1", "1.0-SNAPSHOT", "1.0", "1.0-sp", "1.0-jre", "1.0.1", "1.1", "1.9", "1.10", "2.0-rc.1", "2.0.RELEASE", "2.0.1",
	}
	for i := range versions[1:] {
		a, b := order(versions[i]), order(versions[i+1])
		if a.compare(b) >= 0 || b.compare(a) <= 0 {
			t.Errorf("%s is not before %s", versions[i], versions[i+1])
		}
	}
}

func TestLocate(t *testing.T) {
	for _, c := range []struct {
		key  cache.AssetKey
		want string
	}{
		{key("1.0", "lib-1.0.jar"), "com/acme/lib/1.0/lib-1.0.jar"},
		{key("1.0+b 1", "lib-1.0+b 1.jar"), "com/acme/lib/1.0+b%201/lib-1.0+b%201.jar"},
		{key("1.0-20210728.194552-12", "lib-1.0-20210728.194552-12.pom"), "com/acme/lib/1.0-SNAPSHOT/lib-1.0-20210728.194552-12.pom"},
		{key("20210728.194552-12", "lib-20210728.194552-12.pom"), "com/acme/lib/SNAPSHOT/lib-20210728.194552-12.pom"},
		{key("1.0", ""), ""},
	} {
		ref, err := Format{}.Locate(c.key, nil)
		if ref.URL != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, cache.ErrAbsent) {
			t.Errorf("%v is at %q (%v), want %q", c.key, ref.URL, err, c.want)
		}
	}
}

func TestLatin1(t *testing.T) {
	text, err := io.ReadAll(latin1{strings.NewReader("caf\xe9 " + strings.Repeat("\xff", 1000))})
	if want := "café " + strings.Repeat("ÿ", 1000); err != nil || string(text) != want {
		t.Errorf("%.20q (%v)", text, err)
	}
}

func FuzzListing(f *testing.F) {
	formattest.FuzzListing(f, Format{}, key("1.0", "lib-1.0.jar"), "com/acme/lib/maven-metadata.xml", []string{viewIndex},
		"<metadata><versioning><release>1</release><versions><version>1</version></versions></versioning></metadata>",
		"<metadata><plugins><plugin><prefix>x</prefix><artifactId>x</artifactId></plugin></plugins></metadata>", "<!doctype html>")
}

// FuzzMetadata checks that what is read is written in a form that reads the same.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte("<metadata><groupId>g</groupId><versioning><snapshot><timestamp>20210728.194552</timestamp></snapshot></versioning></metadata>"))
	f.Add([]byte("<metadata><plugins><plugin><prefix>x</prefix></plugin></plugins></metadata>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readMetadata(bytes.NewReader(b))
		if err != nil {
			return
		}
		m.XMLName.Space = ""
		var first, second bytes.Buffer
		if err := m.write(&first); err != nil {
			t.Fatal(err)
		}
		again, err := readMetadata(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("%s is written as %s: %v", b, first.Bytes(), err)
		}
		if again.write(&second); !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s, then %s", first.Bytes(), second.Bytes())
		}
	})
}

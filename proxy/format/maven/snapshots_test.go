package maven

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

const (
	snapDir   = "com/acme/lib/1.0-SNAPSHOT/"
	snapIndex = snapDir + "maven-metadata.xml"
)

func snap(n int) string { return snapDir + "lib-1.0-" + stamp(n) }

func stamp(n int) string { return fmt.Sprintf("20260101.00000%d-%d", n, n) }

// built is the metadata that a client sends after build n, with one classifier that only it can split.
func built(n int) string {
	return fmt.Sprintf(`<metadata><groupId>com.acme</groupId><artifactId>lib</artifactId><version>1.0-SNAPSHOT</version><versioning>
<snapshot><timestamp>20260101.00000%[1]d</timestamp><buildNumber>%[1]d</buildNumber></snapshot><lastUpdated>20260101000009</lastUpdated>
<snapshotVersions><snapshotVersion><classifier>jdk1.5</classifier><extension>jar</extension><value>1.0-%[2]s</value></snapshotVersion></snapshotVersions>
</versioning></metadata>`, n, stamp(n))
}

func deployBuild(t *testing.T, d format.Desk, n int) {
	t.Helper()
	body := fmt.Sprintf("jar %d", n)
	put(t, d, snap(n)+".jar", body, snap(n)+".jar.sha1", checksum("sha1", body), snap(n)+"-jdk1.5.jar", body, snap(n)+"-bin.tar.gz", body,
		snap(n)+".jar.asc", body, snapIndex, built(n), index, named(lib, "1.0-SNAPSHOT"))
}

func TestSnapshots(t *testing.T) {
	d := new(formattest.Desk)
	deployBuild(t, d, 1)
	deployBuild(t, d, 3)
	deployBuild(t, d, 2) // it was slower than the next
	for _, n := range []int{1, 2, 3} {
		if got := status(d, lib, "1.0-"+stamp(n)); got != cache.Unlisted {
			t.Errorf("build %d is %q", n, got)
		}
	}
	mirror := d.Holding(lib).Version("1.0-SNAPSHOT")
	if mirror == nil || mirror.Status != cache.Published || mirror.Assets[0].Name != "lib-1.0-"+stamp(3)+".jar" {
		t.Errorf("the snapshot is %+v", mirror)
	}
	doc, err := document(t, d, lib)
	if err != nil || strings.Count(doc, "<version>") != 1 || !strings.Contains(doc, "<latest>1.0-SNAPSHOT</latest>") || strings.Contains(doc, "release") {
		t.Errorf("%s (%v)", doc, err)
	}
	w, err := do(t, d, http.MethodGet, snapIndex, "")
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<metadata modelVersion="1.1.0">
  <groupId>com.acme</groupId>
  <artifactId>lib</artifactId>
  <version>1.0-SNAPSHOT</version>
  <versioning>
    <snapshot>
      <timestamp>20260101.000003</timestamp>
      <buildNumber>3</buildNumber>
    </snapshot>
    <lastUpdated>20260101000003</lastUpdated>
    <snapshotVersions>
      FILES
    </snapshotVersions>
  </versioning>
</metadata>
`
	var files []string
	for _, f := range [][2]string{{"", "jar"}, {"jdk1.5", "jar"}, {"bin", "tar.gz"}, {"", "jar.asc"}} {
		text := "<snapshotVersion>\n"
		if f[0] != "" {
			text += "        <classifier>" + f[0] + "</classifier>\n"
		}
		text += "        <extension>" + f[1] + "</extension>\n        <value>1.0-20260101.000003-3</value>\n        <updated>20260101000003</updated>\n      </snapshotVersion>"
		files = append(files, text)
	}
	if want = strings.Replace(want, "FILES", strings.Join(files, "\n      "), 1); w.Body.String() != want {
		t.Errorf("%s\nwant\n%s", w.Body, want)
	}
	for _, algorithm := range algorithms {
		if sum, err := do(t, d, http.MethodGet, snapIndex+"."+algorithm, ""); err != nil || sum.Body.String() != checksum(algorithm, want) {
			t.Errorf("%s: %v (%v)", algorithm, sum, err)
		}
	}
}

func TestSnapshotsByTheirOwnName(t *testing.T) {
	d := new(formattest.Desk)
	deployBuild(t, d, 1)
	for path, want := range map[string]string{
		snapDir + "lib-1.0-SNAPSHOT.jar":            snap(1) + ".jar",
		snapDir + "lib-1.0-SNAPSHOT.jar.sha1":       snap(1) + ".jar.sha1",
		snapDir + "lib-1.0-SNAPSHOT-jdk1.5.jar.md5": snap(1) + "-jdk1.5.jar.md5",
	} {
		w, err := do(t, d, http.MethodGet, path, "")
		if err != nil || w.Code != http.StatusFound || w.Header().Get("Location") != formattest.Base+want {
			t.Errorf("%s: %v (%v)", path, w, err)
		}
	}
	for _, path := range []string{snapDir + "lib-1.0-SNAPSHOT.zip", "com/acme/lib/2-SNAPSHOT/lib-2-SNAPSHOT.jar", "com/acme/lib/2-SNAPSHOT/maven-metadata.xml"} {
		if _, err := do(t, d, http.MethodGet, path, ""); !errors.Is(err, cache.ErrAbsent) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSnapshotMetadataMustNameABuild(t *testing.T) {
	d := new(formattest.Desk)
	put(t, d, snap(1)+".jar", "jar")
	for what, body := range map[string]string{
		"no build":        "<metadata><versioning><lastUpdated>20260101000009</lastUpdated></versioning></metadata>",
		"no time":         "<metadata><versioning><snapshot><buildNumber>1</buildNumber></snapshot></versioning></metadata>",
		"no such build":   built(2),
		"a strange build": "<metadata><versioning><snapshot><timestamp>../..</timestamp><buildNumber>1</buildNumber></snapshot></versioning></metadata>",
		"no XML":          "x",
	} {
		if _, err := do(t, d, http.MethodPut, snapIndex, body); invalid(err) != 400 {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := status(d, lib, "1.0-"+stamp(1)); got != cache.Unfinished {
		t.Errorf("the build is %q", got)
	}
}

func remote(n int) string {
	return strings.Replace(built(n), "20260101000009", fmt.Sprintf("2026010100000%d", n), 1)
}

// TestNewestSnapshotWins shows that of several registries the one with the newest build counts, whatever the order, and
// that one that is down is an error.
func TestNewestSnapshotWins(t *testing.T) {
	p := cache.Package{Format: "maven", Namespace: "com.acme", Name: "lib"}
	ask := func(d format.Desk) string {
		m, err := newest(t.Context(), d, p, "1.0-SNAPSHOT")
		if err != nil {
			return err.Error()
		}
		return m.Versioning.Snapshot.BuildNumber
	}
	registry := func(n int) *formattest.Registry {
		return formattest.NewRegistry(map[string]string{snapIndex: remote(n)})
	}
	none := formattest.NewRegistry(nil)
	for _, order := range [][]*formattest.Registry{{registry(2), registry(5), none}, {none, registry(5), registry(2)}} {
		d := &formattest.Desk{Format: Format{}, Registries: order}
		if got := ask(d); got != "5" {
			t.Errorf("build %s", got)
		}
	}
	down := &formattest.Registry{Answers: map[string]formattest.Answer{snapIndex: {Status: 503}}}
	if got := ask(&formattest.Desk{Format: Format{}, Registries: []*formattest.Registry{registry(2), down}}); !strings.Contains(got, "unavailable") {
		t.Errorf("with a registry that is down: %s", got)
	}
	if got := ask(&formattest.Desk{Format: Format{}, Registries: []*formattest.Registry{none}}); got != cache.ErrAbsent.Error() {
		t.Errorf("with nobody who knows it: %s", got)
	}
}

// TestNonUniqueSnapshots shows that what a registry has under the snapshot's own name is passed on.
func TestNonUniqueSnapshots(t *testing.T) {
	d := &formattest.Desk{Format: Format{}, Registries: []*formattest.Registry{formattest.NewRegistry(map[string]string{
		snapDir + "lib-1.0-SNAPSHOT.jar": "jar",
	})}}
	w, err := do(t, d, http.MethodGet, snapDir+"lib-1.0-SNAPSHOT.jar", "")
	if err != nil || w.Body.String() != "jar" || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%v (%v)", w, err)
	}
	if w, err = do(t, d, http.MethodGet, snapDir+"lib-1.0-SNAPSHOT.jar.sha256", ""); err != nil || w.Body.String() != checksum("sha256", "jar") {
		t.Errorf("%v (%v)", w, err)
	}
}

func TestPartOf(t *testing.T) {
	for file, want := range map[string]string{
		"lib-1.0.jar":                  "|jar",
		"lib-1.0-sources.jar":          "sources|jar",
		"lib-1.0-bin.tar.gz":           "bin|tar.gz",
		"lib-1.0-sources.jar.asc":      "sources|jar.asc",
		"lib-1.0-linux-x86_64-1.2.exe": "linux-x86_64-1.2|exe",
		"lib-1.0":                      "",
		"lib-1.0.":                     "",
		"lib-1.0-":                     "",
		"lib-1.01.jar":                 "",
		"other-1.0.jar":                "",
	} {
		f, ok := partOf("lib", "1.0", file)
		if got := f.Classifier + "|" + f.Extension; ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s %v", file, got, ok)
		}
	}
}

package maven

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

var lib = key("", "").Package

const (
	dir10 = "com/acme/lib/1.0/"
	jar10 = dir10 + "lib-1.0.jar"
	pom10 = dir10 + "lib-1.0.pom"
	index = "com/acme/lib/maven-metadata.xml"
)

func TestDeploy(t *testing.T) {
	d := new(formattest.Desk)
	put(t, d, jar10, "jar", pom10, "pom")
	for _, algorithm := range algorithms {
		put(t, d, jar10+"."+algorithm, checksum(algorithm, "jar"))
	}
	if got := status(d, lib, "1.0"); got != cache.Unfinished {
		t.Errorf("before its metadata the version is %q", got)
	}
	if _, err := document(t, d, lib); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("an unfinished version is listed: %v", err)
	}
	put(t, d, index, named(lib, "1.0"), index+".sha1", checksum("sha1", "whatever they sent"))
	if got := status(d, lib, "1.0"); got != cache.Published {
		t.Errorf("after its metadata the version is %q", got)
	}
	if doc, err := document(t, d, lib); err != nil || !strings.Contains(doc, "<release>1.0</release>") {
		t.Errorf("%s (%v)", doc, err)
	}
	if got := d.Bytes(key("1.0", "lib-1.0.jar")); string(got) != "jar" {
		t.Errorf("the jar is %q", got)
	}
	if n := d.OpenSpools(); n != 0 {
		t.Errorf("%d spools are open", n)
	}
}

func TestDeployAgain(t *testing.T) {
	d := new(formattest.Desk)
	for range 2 {
		put(t, d, jar10, "jar", index, named(lib, "1.0"))
	}
	if _, err := do(t, d, http.MethodPut, jar10, "other"); !errors.Is(err, cache.ErrConflict) {
		t.Errorf("other bytes: %v", err)
	}
	put(t, d, dir10+"lib-1.0-sources.jar", "sources") // a file may come late
	if got := status(d, lib, "1.0"); got != cache.Published || len(d.Holding(lib).Version("1.0").Assets) != 2 {
		t.Errorf("after a late file: %s, %v", got, d.Holding(lib).Version("1.0").Assets)
	}
}

func TestChecksumsAreCompared(t *testing.T) {
	for _, algorithm := range algorithms {
		d := new(formattest.Desk)
		put(t, d, jar10, "jar", pom10, "pom")
		sum := func(text string) error {
			_, err := do(t, d, http.MethodPut, jar10+"."+algorithm, text)
			return err
		}
		if err := sum(checksum(algorithm, "jar") + "  lib-1.0.jar\n"); err != nil {
			t.Errorf("%s with a file's name: %v", algorithm, err)
		}
		if err := sum(checksum(algorithm, "jar") + strings.Repeat(" ", 2000)); invalid(err) != 400 {
			t.Errorf("%s that is too long: %v", algorithm, err)
		}
		for _, text := range []string{"", "x", "abcd", "<html>"} {
			if err := sum(text); invalid(err) != 400 {
				t.Errorf("%s %q: %v", algorithm, text, err)
			}
		}
		if err := sum(checksum(algorithm, "other")); invalid(err) != 400 {
			t.Errorf("wrong %s: %v", algorithm, err)
		}
		if _, err := do(t, d, http.MethodPut, index, named(lib, "1.0")); invalid(err) != 400 {
			t.Errorf("a version with a spoiled file is published: %v", err)
		}
		put(t, d, jar10, "right", jar10+"."+algorithm, checksum(algorithm, "right"), index, named(lib, "1.0"))
		if string(d.Bytes(key("1.0", "lib-1.0.jar"))) != "right" || status(d, lib, "1.0") != cache.Published {
			t.Error("the right bytes do not replace the spoiled ones")
		}
		if err := sum(checksum(algorithm, "other")); invalid(err) != 400 || d.Bytes(key("1.0", "lib-1.0.jar")) == nil {
			t.Errorf("a published file and a wrong %s: %v", algorithm, err)
		}
		late := dir10 + "lib-1.0-sources.jar" // as the old deploy plugin has it, after the metadata
		put(t, d, late, "late")
		if _, err := do(t, d, http.MethodPut, late+"."+algorithm, checksum(algorithm, "other")); invalid(err) != 400 || d.Bytes(key("1.0", "lib-1.0-sources.jar")) != nil {
			t.Errorf("a late file and a wrong %s: %v", algorithm, err)
		}
		put(t, d, late, "right", late+"."+algorithm, checksum(algorithm, "right"), index, named(lib, "1.0"))
		if got := d.Holding(lib).Version("1.0"); string(d.Bytes(key("1.0", "lib-1.0-sources.jar"))) != "right" || strings.Contains(string(got.Meta), "s") {
			t.Errorf("the late file is not settled: %s", got.Meta)
		}
		if _, err := do(t, d, http.MethodPut, dir10+"lib-1.0.zip."+algorithm, checksum(algorithm, "")); !errors.Is(err, cache.ErrAbsent) {
			t.Errorf("%s of nothing: %v", algorithm, err)
		}
		if _, err := do(t, d, http.MethodPut, "com/acme/none/1.0/none-1.0.zip."+algorithm, checksum(algorithm, "")); !errors.Is(err, cache.ErrAbsent) {
			t.Errorf("%s of an unknown artifact: %v", algorithm, err)
		}
	}
}

// invalid is the status of a *cache.Invalid, or 0.
func invalid(err error) int {
	if i := (*cache.Invalid)(nil); errors.As(err, &i) {
		return i.Status
	}
	return 0
}

func TestHeaderChecksums(t *testing.T) {
	d := new(formattest.Desk)
	if _, err := do(t, d, http.MethodPut, jar10, "jar", "X-Checksum-Sha1", checksum("sha1", "other")); invalid(err) != 400 {
		t.Errorf("a wrong checksum in the header: %v", err)
	}
	if d.Holding(lib) != nil {
		t.Error("something is stored")
	}
	if _, err := do(t, d, http.MethodPut, jar10, "jar", "X-Checksum-Sha1", checksum("sha1", "jar")); err != nil {
		t.Error(err)
	}
}

// TestMetadataIsNotBelieved shows that the client's metadata publishes what it names and decides nothing else.
func TestMetadataIsNotBelieved(t *testing.T) {
	d := new(formattest.Desk)
	two := "com/acme/lib/2.0/lib-2.0.jar"
	put(t, d, jar10, "jar", two, "jar", index, named(lib, "0.9", "1.0"))
	if status(d, lib, "1.0") != cache.Published || status(d, lib, "2.0") != cache.Unfinished || status(d, lib, "0.9") != "" {
		t.Errorf("%+v", d.Holding(lib).Versions)
	}
	put(t, d, index, named(lib, "2.0")) // it was deployed beside the first, and does not know of it
	doc, err := document(t, d, lib)
	if err != nil || !strings.Contains(doc, "<version>1.0</version>") || !strings.Contains(doc, "<version>2.0</version>") {
		t.Errorf("%s (%v)", doc, err)
	}
	for what, body := range map[string]string{
		"nothing":          "<metadata/>",
		"another artifact": named(cache.Package{Namespace: "com.acme", Name: "other"}, "1.0"),
		"unknown versions": named(lib, "3.0"),
		"no XML":           "1.0",
		"HTML":             "<html/>",
		"an entity":        `<!DOCTYPE x [<!ENTITY e "1.0">]>` + named(lib, "&e;"),
		"half":             named(lib, "1.0")[:60],
	} {
		if _, err := do(t, d, http.MethodPut, index, body); invalid(err) != 400 {
			t.Errorf("metadata of %s: %v", what, err)
		}
	}
}

func TestParallelDeploysLoseNothing(t *testing.T) {
	d := new(formattest.Desk)
	var all sync.WaitGroup
	const n = 20
	for i := range n {
		all.Go(func() {
			v := fmt.Sprintf("1.%d", i)
			file := "com/acme/lib/" + v + "/lib-" + v
			put(t, d, file+".jar", v, file+".jar.sha1", checksum("sha1", v), file+".pom", v, index, named(lib, v))
		})
	}
	all.Wait()
	doc, err := document(t, d, lib)
	if err != nil || strings.Count(doc, "<version>") != n || !strings.Contains(doc, "<release>1.19</release>") {
		t.Errorf("%s (%v)", doc, err)
	}
}

func TestDeployTooLarge(t *testing.T) {
	r := formattest.Request(http.MethodPut, jar10)
	r.Body, r.ContentLength = io.NopCloser(broken{}), maxFile+1 // the body must not be read before it is refused
	want, err := Format{}.Parse(r, jar10)
	if err != nil {
		t.Fatal(err)
	}
	if err := (Format{}).Serve(nil, r, want, format.View{}, new(formattest.Desk)); !errors.Is(err, cache.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if testing.Short() {
		t.Skip("hashes 5 GiB")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the body is read") }

func TestDeployCutOff(t *testing.T) {
	d := new(formattest.Desk)
	r := formattest.Request(http.MethodPut, jar10)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("half"), cut{}))
	want, err := Format{}.Parse(r, jar10)
	if err != nil {
		t.Fatal(err)
	}
	if err := (Format{}).Serve(nil, r, want, format.View{}, d); invalid(err) != 400 || d.Holding(lib) != nil || d.OpenSpools() != 0 {
		t.Errorf("half a body: %v, %v, %d spools open", err, d.Holding(lib), d.OpenSpools())
	}
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestPluginPrefixes(t *testing.T) {
	d := new(formattest.Desk)
	plugins := "<metadata><plugins><plugin><name>%s</name><prefix>acme</prefix><artifactId>acme-maven-plugin</artifactId></plugin>" +
		"<plugin><prefix>theirs</prefix><artifactId>theirs-maven-plugin</artifactId></plugin></plugins></metadata>"
	acme := cache.Package{Format: "maven", Namespace: "com.acme", Name: "acme-maven-plugin"}
	put(t, d, "com/acme/acme-maven-plugin/1.0/acme-maven-plugin-1.0.jar", "jar", "com/acme/acme-maven-plugin/maven-metadata.xml", named(acme, "1.0"))
	group := cache.Package{Format: "maven", Namespace: "com", Name: "acme"}
	for _, name := range []string{"First", "Second"} {
		put(t, d, "com/acme/maven-metadata.xml", fmt.Sprintf(plugins, name))
		doc, err := document(t, d, group)
		if err != nil || !strings.Contains(doc, "<name>"+name+"</name>") || strings.Contains(doc, "theirs") || strings.Contains(doc, "versioning") {
			t.Errorf("%s (%v)", doc, err)
		}
	}
	if _, err := do(t, d, http.MethodPut, "com/acme/maven-metadata.xml", "<metadata><plugins><plugin><prefix>a b</prefix></plugin></plugins></metadata>"); invalid(err) != 400 {
		t.Errorf("a prefix that is none: %v", err)
	}
}

// failing is a repository that publishes nothing.
type failing struct{ *formattest.Desk }

func (failing) Publish(context.Context, *format.Publication) error { return blob.ErrFull }

func TestDeployFails(t *testing.T) {
	d := failing{new(formattest.Desk)}
	if _, err := do(t, d, http.MethodPut, jar10, "jar"); !errors.Is(err, blob.ErrFull) || d.OpenSpools() != 0 {
		t.Errorf("%v, %d spools open", err, d.OpenSpools())
	}
}

func FuzzDeployMetadata(f *testing.F) {
	f.Add("com/acme/lib/maven-metadata.xml", []byte(named(lib, "1.0")))
	f.Add("com/acme/lib/1.0-SNAPSHOT/maven-metadata.xml", []byte(built(1)))
	f.Add("com/acme/lib/1.0/lib-1.0.jar.sha1", []byte(checksum("sha1", "jar")))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		d := new(formattest.Desk)
		put(t, d, jar10, "jar", snap(1)+".jar", "jar")
		r := formattest.Request(http.MethodPut, path)
		want, err := Format{}.Parse(r, path)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		w, err := do(t, d, http.MethodPut, path, string(body))
		if err == nil && w.Code == http.StatusCreated {
			return
		}
		if invalid(err) == 0 && !errors.Is(err, cache.ErrAbsent) && !errors.Is(err, cache.ErrConflict) {
			t.Errorf("PUT %s: %v", path, err)
		}
		if h := d.Holding(want.Package); h != nil && want.View != viewFile && status(d, lib, "1.0") == cache.Published {
			t.Errorf("a refused deploy published something: %v", err)
		}
	})
}

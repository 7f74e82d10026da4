package formattest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Base is the endpoint for which goldens are encoded.
const Base = "https://packages.example/x/main/"

// Golden checks documents: every archive that matches pattern has a comment with lines
//
//	package FORMAT/NAMESPACE/NAME     the package
//	refuse VERSION REASON…            a rule hides the version
//	unlist VERSION                    the version is Unlisted
//
// (and # for remarks), files registry/PATH that the registry answers with, and files want/VIEW that Encode must give for
// that view. pretty makes an encoding readable before it is compared; nil: byte by byte.
func Golden(t *testing.T, f format.Format, pattern string, pretty func([]byte) []byte) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden documents match %s (%v)", pattern, err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { golden(t, f, name, pretty) })
	}
}

func golden(t *testing.T, f format.Format, name string, pretty func([]byte) []byte) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	l := readArchive(t, f, archive)
	defer l.Close()
	for i, file := range archive.Files {
		view, ok := strings.CutPrefix(file.Name, "want/")
		if !ok {
			continue
		}
		got := encode(t, f, l, view)
		if pretty != nil {
			got = pretty(got)
		}
		if !bytes.HasSuffix(got, []byte("\n")) {
			got = append(got, '\n') // a txtar file always ends in one
		}
		if os.Getenv(updateVariable) != "" {
			archive.Files[i].Data = got
		} else if !bytes.Equal(got, file.Data) {
			t.Errorf("%s, view %s:\n%s\nwant:\n%s", name, view, got, file.Data)
		}
	}
	if os.Getenv(updateVariable) != "" {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func encode(t *testing.T, f format.Format, l *cache.Listing, view string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Encode(&b, l, format.View{Name: view, Base: Base}); err != nil {
		return fmt.Appendf(nil, "error: %v\n", err)
	}
	return b.Bytes()
}

// readArchive asks the format for the listing of a golden archive, and applies what its comment says.
func readArchive(t *testing.T, f format.Format, archive *txtar.Archive) *cache.Listing {
	t.Helper()
	bodies := make(map[string]string)
	for _, file := range archive.Files {
		if path, ok := strings.CutPrefix(file.Name, "registry/"); ok {
			bodies[path] = string(file.Data)
		}
	}
	var l *cache.Listing
	for line := range strings.Lines(string(archive.Comment)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] == "#" {
			continue
		}
		if words[0] == "package" {
			p, ok := cache.ParsePackage(words[1])
			if !ok {
				t.Fatalf("%q is no package", words[1])
			}
			var err error
			if l, err = f.Listing(context.Background(), p, NewRegistry(bodies)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if l == nil || l.Version(words[1]) == nil {
			t.Fatalf("%q comes before the package, or names a version that it does not have", strings.TrimSpace(line))
		}
		switch v := l.Version(words[1]); words[0] {
		case "refuse":
			v.Refused = strings.Join(words[2:], " ")
		case "unlist":
			v.Status = cache.Unlisted
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	if l == nil {
		t.Fatal("the archive names no package")
	}
	return l
}

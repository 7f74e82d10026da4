package pypi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func listingOf(t testing.TB, body string) *cache.Listing {
	t.Helper()
	l, err := Format{}.Listing(context.Background(), project("a"), formattest.NewRegistry(map[string]string{"a/": body}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestFilesOfAVersion: however the files of versions stand in the document, each version has its own, and nothing of what
// stands between them.
func TestFilesOfAVersion(t *testing.T) {
	object := func(name string) string { return fmt.Sprintf(`{"filename":%q,"url":"x"}`, name) }
	one, two, three := object("a-1.0-py3-none-any.whl"), object("a-1.0.zip"), object("a-1.0.tar.gz")
	for name, tt := range map[string]struct{ files, want string }{
		"together":         {one + ", \n" + two + "," + three, "1.0: 3"},
		"apart":            {one + "," + object("a-2.0.zip") + "," + two + "," + three, "1.0: 3 2.0: 1"},
		"far apart":        {one + "," + object("a-2.0.zip") + "," + two + "," + object("a-2.0.tar.gz") + "," + three, "1.0: 3 2.0: 2"},
		"with another's":   {one + "," + object("b-1.0.zip") + "," + two, "1.0: 2"},
		"without address":  {one + `,{"filename":"a-1.0.egg"},` + two, "1.0: 2"},
		"and what is none": {one + `,null,7,"x",[],` + two, "1.0: 2"},
	} {
		l := listingOf(t, `{"files":[`+tt.files+`]}`)
		var got []string
		for _, v := range l.Versions {
			files, err := filesOf(v.Raw)
			if err != nil {
				t.Fatal(name, err)
			}
			for _, f := range files {
				if said, _ := versionOf("a", f.name); said != v.Version {
					t.Errorf("%s: %s has the file %s", name, v.Version, f.name)
				}
			}
			got = append(got, fmt.Sprintf("%s: %d", v.Version, len(files)))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestAddressesInHTML: links are relative to the first base element.
func TestAddressesInHTML(t *testing.T) {
	l := listingOf(t, `<base href="https://files.registry.example/x/"><base href="https://other.example/"><a href="y/a-1.0.zip#sha256=00">a</a>`)
	ref, err := Format{}.Locate(keyOfA("a-1.0.zip"), l)
	if err != nil || ref.URL != "https://files.registry.example/x/y/a-1.0.zip" {
		t.Errorf("%q, %v", ref.URL, err)
	}
}

// TestTimes: a version came with its first file; the document changed with the last of all.
func TestTimes(t *testing.T) {
	file := func(name, at string) string {
		return fmt.Sprintf(`{"filename":%q,"url":"x","upload-time":%q}`, name, at)
	}
	l := listingOf(t, `{"files":[`+file("a-1.0.zip", "2024-01-02T00:00:00Z")+","+file("a-1.0.tar.gz", "2024-01-01T00:00:00.5Z")+","+
		file("a-1.0-py3-none-any.whl", "2025-01-01T00:00:00Z")+","+file("a-2.0.zip", "soon")+`]}`)
	if want := time.Date(2024, 1, 1, 0, 0, 0, 5e8, time.UTC); !l.Versions[0].Published.Equal(want) || !l.Versions[1].Published.IsZero() {
		t.Errorf("published %v and %v", l.Versions[0].Published, l.Versions[1].Published)
	}
	if want := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC); !l.Modified.Equal(want) {
		t.Errorf("modified %v", l.Modified)
	}
}

func TestSift(t *testing.T) {
	l := listingOf(t, `{"files":[{"filename":"a-1.0.zip","url":"x","upload-time":"2024-01-01T00:00:00Z"},{"filename":"a-1.0.tar.gz","url":"x"},{"filename":"a-1.0.egg","url":"x","upload-time":"2025-01-01T00:00:00Z"}]}`)
	raw := l.Versions[0].Raw
	for name, tt := range map[string]struct {
		admit func(time.Time) bool
		want  string
	}{
		"all":   {func(time.Time) bool { return true }, "a-1.0.zip a-1.0.tar.gz a-1.0.egg"},
		"old":   {func(at time.Time) bool { return at.Year() == 2024 }, "a-1.0.zip"},
		"dated": {func(at time.Time) bool { return !at.IsZero() }, "a-1.0.zip a-1.0.egg"},
		"none":  {func(time.Time) bool { return false }, ""},
	} {
		left, err := Format{}.Sift(raw, tt.admit)
		if err != nil {
			t.Fatal(err)
		}
		files, err := filesOf(left)
		var names []string
		for _, f := range files {
			names = append(names, f.name)
		}
		if got := strings.Join(names, " "); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

// TestListingOfARegistryThatMisbehaves: what is no document is the registry's failure, never an absence or an empty list.
func TestListingOfARegistryThatMisbehaves(t *testing.T) {
	for name, a := range map[string]formattest.Answer{
		"cut short":     {Body: `{"files":[{"filename":"a-1.0.zip"`},
		"two documents": {Body: `{"files":[]}{}`},
		"no object":     {Body: `[]`, Header: http.Header{"Content-Type": {typeJSON}}},
		"down":          {Err: errors.New("refused")},
		"status":        {Status: http.StatusTeapot},
	} {
		g := &formattest.Registry{Answers: map[string]formattest.Answer{"a/": a}}
		_, err := Format{}.Listing(context.Background(), project("a"), g)
		if _, ok := errors.AsType[*cache.Unavailable](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLargeDocument: a document of many megabytes passes in the memory of its versions.
func TestLargeDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"files":[`)
	const files = 40_000
	for i := range files {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"filename":"a-%d.%d.zip","url":"https://files.registry.example/%0200d","hashes":{"sha256":"%064d"},"size":%d}`, i/10, i%10, i, i, i)
	}
	b.WriteString(`]}`)
	l := listingOf(t, b.String())
	var n int64
	w := writerFunc(func(p []byte) (int, error) {
		if len(p) > 2*flushAt {
			t.Fatalf("%d bytes are written at once", len(p))
		}
		n += int64(len(p))
		return len(p), nil
	})
	if err := (Format{}).Encode(w, l, format.View{Name: viewJSON, Base: formattest.Base}); err != nil {
		t.Fatal(err)
	}
	if len(l.Versions) != files || n < 5<<20 {
		t.Errorf("%d versions, %d bytes", len(l.Versions), n)
	}
	var whole bytes.Buffer
	if err := (Format{}).Encode(&whole, l, format.View{Name: viewJSON, Base: formattest.Base}); err != nil || int64(whole.Len()) != n {
		t.Errorf("%v, %d bytes", err, whole.Len())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var _ io.Writer = writerFunc(nil)

package golang

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	modzip "golang.org/x/mod/zip"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestPublish(t *testing.T) {
	f, d := newFormat(t, nil), new(formattest.Desk)
	zip := below(t, "go.mod", "module example.com/m\n\ngo 1.21\n", "a.go", "package a\n")
	w, err := do(t, f, d, http.MethodPut, "example.com/m/@v/v1.0.0.zip", string(zip))
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(zip)
	if err != nil {
		t.Fatal(err)
	}
	sum, _ := a.hash(t.Context())
	mod, _ := hashMod([]byte("module example.com/m\n\ngo 1.21\n"))
	if want := fmt.Sprintf("example.com/m v1.0.0 %s\nexample.com/m v1.0.0/go.mod %s\n", sum, mod); w.Code != http.StatusCreated ||
		w.Body.String() != want || w.Header().Get(sumHeader) != sum {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	for ext, want := range map[string]string{"zip": string(zip), "mod": "module example.com/m\n\ngo 1.21\n"} {
		if got := d.Bytes(key("example.com/m", "v1.0.0", ext)); string(got) != want {
			t.Errorf("%s is %q", ext, got)
		}
	}
	// What was published passes as what is taken from a registry.
	for _, ext := range []string{"info", "mod", "zip"} {
		k := key("example.com/m", "v1.0.0", ext)
		if err := verify(t, f, &remote{}, k, d.Bytes(k)); err != nil {
			t.Error(err)
		}
	}
	if got := served(t, f, d, "example.com/m/@latest"); got != string(d.Bytes(key("example.com/m", "v1.0.0", "info"))) {
		t.Errorf("latest: %s", got)
	}
	if n := d.OpenSpools(); n != 0 {
		t.Errorf("%d spools are open", n)
	}
}

func TestPublishAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newFormat(t, nil), new(formattest.Desk)
		zip := string(below(t, "a.go", "package a\n"))
		for range 2 {
			if _, err := do(t, f, d, http.MethodPut, "example.com/m/@v/v1.0.0.zip", zip); err != nil {
				t.Errorf("the same bytes: %v", err)
			}
			time.Sleep(time.Hour) // in the bubble: .info has the time of the first publish
		}
		_, err := do(t, f, d, http.MethodPut, "example.com/m/@v/v1.0.0.zip", string(below(t, "a.go", "package b\n")))
		if !errors.Is(err, cache.ErrConflict) {
			t.Errorf("other bytes: %v", err)
		}
		if string(d.Bytes(key("example.com/m", "v1.0.0", "zip"))) != zip {
			t.Error("the first bytes are gone")
		}
	})
}

func TestPublishWithoutGoMod(t *testing.T) {
	f, d := newFormat(t, nil), new(formattest.Desk)
	for path, prefix := range map[string]string{
		"example.com/m/@v/v1.0.0.zip": testPrefix, "example.com/m/@v/v2.0.0+incompatible.zip": "example.com/m@v2.0.0+incompatible/",
		"gopkg.in/y.v3/@v/v3.1.0.zip": "gopkg.in/y.v3@v3.1.0/",
	} {
		if _, err := do(t, f, d, http.MethodPut, path, string(zipOf(t, prefix+"a.go", "package a\n"))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := string(d.Bytes(key("gopkg.in/y.v3", "v3.1.0", "mod"))); got != "module gopkg.in/y.v3\n" {
		t.Errorf("go.mod made up: %q", got)
	}
}

func TestPublishRefuses(t *testing.T) {
	f := newFormat(t, nil)
	const v1, v2 = "example.com/m/@v/v1.0.0.zip", "example.com/m/v2/@v/v2.0.0.zip"
	for name, c := range map[string]struct {
		path string
		zip  []byte
	}{
		"nothing":               {v1, []byte(" ")},
		"no zip":                {v1, []byte("package a")},
		"no files":              {v1, below(t)},
		"directories only":      {v1, below(t, "a/", "")},
		"wrong prefix":          {v1, zipOf(t, "m/a.go", "package a")},
		"other version":         {v1, zipOf(t, "example.com/m@v1.0.1/a.go", "package a")},
		"outside":               {v1, below(t, "../a.go", "package a")},
		"other module":          {v1, below(t, "go.mod", "module example.com/other\n")},
		"no module":             {v1, below(t, "go.mod", "go 1.21\n")},
		"no go.mod at all":      {v1, below(t, "go.mod", "\x00\x01")},
		"branch in go.mod":      {v1, below(t, "go.mod", "module example.com/m\nrequire example.com/x master\n")},
		"v2 without suffix":     {v2, zipOf(t, "example.com/m/v2@v2.0.0/go.mod", "module example.com/m\n")},
		"v2 without go.mod":     {v2, zipOf(t, "example.com/m/v2@v2.0.0/a.go", "package a")},
		"incompatible, go.mod":  {"example.com/m/@v/v2.0.0+incompatible.zip", zipOf(t, "example.com/m@v2.0.0+incompatible/go.mod", "module example.com/m\n")},
		"nested module":         {v1, below(t, "go.mod", "module example.com/m\n", "x/go.mod", "module example.com/m/x\n")},
		"bomb":                  {v1, declared(t, below(t, "a", strings.Repeat("\x00", 1<<20)), 10)},
		"bomb that says so":     {v1, declared(t, below(t, "a", "a"), modzip.MaxZipFile+1)},
		"bytes that are broken": {v1, flipped(below(t, "a", strings.Repeat("a", 100)))},
		"cut off":               {v1, below(t, "a", "a", "b", "b")[:100]},
	} {
		d := new(formattest.Desk)
		_, err := do(t, f, d, http.MethodPut, c.path, string(c.zip))
		if _, ok := errors.AsType[*cache.Invalid](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
		if d.Holding(cache.Package{Format: "go", Name: "example.com/m"}) != nil || d.OpenSpools() != 0 {
			t.Errorf("%s: something is left", name)
		}
	}
}

// flipped changes a byte of the first file, behind the head of its deflate block.
func flipped(b []byte) []byte {
	i := bytes.Index(b, []byte("m@v1.0.0/a")) + len("m@v1.0.0/a")
	b[i+1] ^= 0x10
	return b
}

func TestPublishTooLarge(t *testing.T) {
	f, d := newFormat(t, nil), new(formattest.Desk)
	r := httptest.NewRequest(http.MethodPut, "http://entrepot.example/", io.NopCloser(strings.NewReader("x")))
	r.ContentLength = modzip.MaxZipFile + 1
	want, err := f.Parse(r, "example.com/m/@v/v1.0.0.zip")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Serve(httptest.NewRecorder(), r, want, format.View{}, d); !errors.Is(err, cache.ErrTooLarge) {
		t.Errorf("a declared size: %v", err)
	}
	r = httptest.NewRequest(http.MethodPut, "http://entrepot.example/", endless{})
	r.ContentLength = -1
	if err := f.Serve(httptest.NewRecorder(), r, want, format.View{}, &bottomless{Desk: d}); !errors.Is(err, cache.ErrTooLarge) {
		t.Errorf("an endless body: %v", err)
	}
	r = httptest.NewRequest(http.MethodPut, "http://entrepot.example/", io.MultiReader(strings.NewReader("PK"), broken{}))
	var invalid *cache.Invalid
	if err := f.Serve(httptest.NewRecorder(), r, want, format.View{}, d); !errors.As(err, &invalid) || d.OpenSpools() != 0 {
		t.Errorf("a body cut short: %v", err)
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// broken is a body that ends too soon.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

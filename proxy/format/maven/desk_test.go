package maven

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

// do sends a request to the format as the engine does: parsed, and served at the desk.
func do(t testing.TB, d format.Desk, method, path, body string, headers ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	r := formattest.Request(method, path)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	want, err := Format{}.Parse(r, path)
	if err != nil {
		return nil, err
	}
	if want.Kind != format.Upload && want.Kind != format.Service {
		t.Fatalf("%s %s is for the engine", method, path)
	}
	w := httptest.NewRecorder()
	return w, Format{}.Serve(w, r, want, format.View{Name: want.View, Base: formattest.Base}, d)
}

// put deploys files in pairs of path and body.
func put(t testing.TB, d format.Desk, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		w, err := do(t, d, http.MethodPut, files[i], files[i+1])
		if err != nil {
			t.Fatalf("PUT %s: %v", files[i], err)
		}
		if w.Code != http.StatusCreated {
			t.Fatalf("PUT %s: %d", files[i], w.Code)
		}
	}
}

// document encodes what the desk lists of a package.
func document(t testing.TB, d format.Desk, p cache.Package) (string, error) {
	t.Helper()
	l, err := d.Listing(t.Context(), p)
	if err != nil {
		return "", err
	}
	defer l.Close()
	var b strings.Builder
	err = Format{}.Encode(&b, l, format.View{Name: viewIndex})
	return b.String(), err
}

func status(d *formattest.Desk, p cache.Package, version string) cache.Status {
	h := d.Holding(p)
	if h == nil || h.Version(version) == nil {
		return ""
	}
	return h.Version(version).Status
}

// named is the metadata that a client sends after it deployed versions.
func named(p cache.Package, versions ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<metadata><groupId>%s</groupId><artifactId>%s</artifactId><versioning><versions>", p.Namespace, p.Name)
	for _, v := range versions {
		b.WriteString("<version>" + v + "</version>")
	}
	b.WriteString("</versions></versioning></metadata>")
	return b.String()
}

func checksum(algorithm, text string) string {
	switch algorithm {
	case "md5":
		return fmt.Sprintf("%x", md5.Sum([]byte(text)))
	case "sha1":
		return fmt.Sprintf("%x", sha1.Sum([]byte(text)))
	case "sha256":
		return blob.Sum([]byte(text)).String()
	}
	return fmt.Sprintf("%x", sha512.Sum512([]byte(text)))
}

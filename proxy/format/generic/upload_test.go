package generic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

var tools = cache.Package{Format: "generic", Namespace: "acme", Name: "tools"}

// do sends a request through Parse and Serve, or through Encode if it is for a list. header is NAME:VALUE.
func do(t testing.TB, d *formattest.Desk, method, path, body string, header ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	f := newFormat(t, nil)
	r := httptest.NewRequest(method, "http://entrepot.example/", strings.NewReader(body))
	for _, h := range header {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Add(name, value)
	}
	want, err := f.Parse(r, path)
	if err != nil {
		return nil, err
	}
	w, v := httptest.NewRecorder(), format.View{Name: want.View, Base: formattest.Base}
	if want.Kind == format.Document {
		l, err := d.Listing(t.Context(), want.Package)
		if err != nil {
			return nil, err
		}
		return w, f.Encode(w, l, v)
	}
	return w, f.Serve(w, r, want, v, d)
}

func status(err error) int {
	var invalid *cache.Invalid
	switch {
	case err == nil:
		return 200
	case errors.As(err, &invalid):
		return max(invalid.Status, 400)
	case errors.Is(err, cache.ErrAbsent):
		return 404
	case errors.Is(err, cache.ErrConflict):
		return 409
	case errors.Is(err, cache.ErrTooLarge):
		return 413
	}
	return 500
}

// The checksums of "hello".
const (
	helloSHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	helloSHA1   = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
	helloMD5    = "5d41402abc4b2a76b9719d911017c592"
	helloSHA512 = "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043"
)

func TestPut(t *testing.T) {
	d := new(formattest.Desk)
	w, err := do(t, d, http.MethodPut, "acme/tools/1.0/linux/x64/a%20&.zip", "hello", "X-Checksum-Sha512:"+helloSHA512)
	if err != nil || w.Code != http.StatusCreated {
		t.Fatal(w, err)
	}
	for name, want := range map[string]string{
		"X-Checksum-Sha256": helloSHA256, "X-Checksum-Sha1": helloSHA1, "X-Checksum-Md5": helloMD5, "X-Checksum-Sha512": helloSHA512,
		"Repr-Digest": "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:", "Digest": "sha-256=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	var said file
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Name != "linux/x64/a &.zip" || said.Size != 5 ||
		said.SHA256 != helloSHA256 || said.SHA1 != helloSHA1 || said.MD5 != helloMD5 || said.SHA512 != helloSHA512 {
		t.Errorf("%s (%v)", w.Body, err)
	}
	h := d.Holding(tools)
	if got := d.Bytes(cache.AssetKey{Package: tools, Version: "1.0", Asset: "linux/x64/a &.zip"}); string(got) != "hello" || d.OpenSpools() != 0 {
		t.Errorf("%q is stored, %d spools open", got, d.OpenSpools())
	}
	if sums := h.Versions[0].Assets[0].Sums; len(sums) != 3 || sums[0].Algorithm != "sha1" {
		t.Errorf("%v", sums)
	}
	// What was stored is annotated alike.
	again := http.Header{}
	newFormat(t, nil).Annotate(again, h.Versions[0].Assets[0])
	for name := range again {
		if again.Get(name) != w.Header().Get(name) {
			t.Errorf("%s: %s, and %s when it was put", name, again.Get(name), w.Header().Get(name))
		}
	}
}

func TestLists(t *testing.T) {
	d := new(formattest.Desk)
	for path, body := range map[string]string{"1.0/b.zip": "hello", "2.0/c": ""} {
		if _, err := do(t, d, http.MethodPut, "acme/tools/"+path, body); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := do(t, d, http.MethodPut, "acme/tools/1.0/sub/a", "xy"); err != nil {
		t.Fatal(err)
	}
	w, err := do(t, d, http.MethodGet, "acme/tools/1.0/", "")
	var one versionList
	if err != nil || json.Unmarshal(w.Body.Bytes(), &one) != nil || one.Namespace != "acme" || one.Package != "tools" || one.Version != "1.0" ||
		one.Count != 2 || one.Size != 7 || len(one.Assets) != 2 || one.Assets[1].Name != "sub/a" || one.Assets[0].SHA256 != helloSHA256 ||
		one.Assets[1].URL != formattest.Base+"acme/tools/1.0/sub/a" || one.URL != formattest.Base+"acme/tools/1.0/" {
		t.Errorf("%v %s", err, w.Body)
	}
	w, err = do(t, d, http.MethodGet, "acme/tools", "")
	var all packageList
	if err != nil || json.Unmarshal(w.Body.Bytes(), &all) != nil || all.Package != "tools" || len(all.Versions) != 2 {
		t.Fatalf("%v %s", err, w.Body)
	}
	for _, v := range all.Versions {
		if v.Assets != nil || v.Version == "1.0" && (v.Count != 2 || v.Size != 7) || !v.Published.Equal(formattest.Published) {
			t.Errorf("%+v", v)
		}
	}
	d.Holding(tools).Version("1.0").Status = cache.Archived
	d.Holding(tools).Version("2.0").Origin = cache.Origin{Connection: "private:x"}
	for _, path := range []string{"acme/tools/3.0", "acme/other", "acme/other/1.0", "acme/tools/1.0", "acme/tools/2.0", "acme/tools"} {
		if _, err := do(t, d, http.MethodGet, path, ""); status(err) != 404 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPutAgain(t *testing.T) {
	d := new(formattest.Desk)
	for _, c := range []struct {
		path, body string
		want       int
		header     []string
	}{
		{"1.0/a", "hello", 200, []string{"If-None-Match:*"}},
		{"1.0/a", "hello", 200, nil},
		{"1.0/a", "other", 409, nil},
		{"1.0/a", "hello", 412, []string{"If-None-Match:*"}},
		{"1.0/a", "hello", 400, []string{`If-None-Match:"x"`}},
		{"1.0/b", "other", 200, []string{"If-None-Match:*"}},
	} {
		if _, err := do(t, d, http.MethodPut, "acme/tools/"+c.path, c.body, c.header...); status(err) != c.want {
			t.Errorf("%v: %v", c, err)
		}
	}
	if got := d.Bytes(cache.AssetKey{Package: tools, Version: "1.0", Asset: "a"}); string(got) != "hello" || d.OpenSpools() != 0 {
		t.Errorf("%q is stored, %d spools open", got, d.OpenSpools())
	}
}

func TestPromises(t *testing.T) {
	const b64 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
	for header, want := range map[string]int{
		"X-Checksum-Sha256:" + helloSHA256:                                200,
		"X-Checksum-Sha256:" + strings.ToUpper(helloSHA256):               200,
		"X-Checksum-Sha1:" + helloSHA1:                                    200,
		"X-Checksum-Md5:" + helloMD5:                                      200,
		"X-Checksum-Sha512:" + helloSHA512:                                200,
		"Content-MD5:XUFAKrxLKna5cZ2REBfFkg==":                            200,
		"Digest:SHA-256=" + b64 + ",md5=XUFAKrxLKna5cZ2REBfFkg==":         200,
		"Digest:sha=qvTGHdzF6KLavt4PO0gs2a6pQ00=, unixsum=30637":          200,
		"Repr-Digest:sha-256=:" + b64 + ":":                               200,
		"Content-Digest:sha-256=:" + b64 + ":, crc32=:AAAA:":              200,
		"X-Checksum-Sha256:" + helloSHA256[:62] + "00":                    400,
		"X-Checksum-Sha256:" + helloSHA1:                                  400,
		"X-Checksum-Sha1:" + helloMD5:                                     400,
		"X-Checksum-Md5:zz":                                               400,
		"X-Checksum-Sha512:" + helloSHA512[:126] + "00":                   400,
		"Content-MD5:AAAAKrxLKna5cZ2REBfFkg==":                            400,
		"Content-MD5:" + helloMD5:                                         400,
		"Digest:SHA-256=" + strings.Replace(b64, "L", "M", 1):             400,
		"Digest:SHA-256":                                                  400,
		"Repr-Digest:sha-256=" + b64:                                      400,
		"Repr-Digest:sha-256=:" + strings.Replace(b64, "L", "M", 1) + ":": 400,
		"Content-Encoding:gzip":                                           415,
		"Content-Encoding:identity":                                       200,
		"Content-Range:bytes 0-4/10":                                      400,
	} {
		d := new(formattest.Desk)
		_, err := do(t, d, http.MethodPut, "acme/tools/1.0/a", "hello", header)
		if status(err) != want {
			t.Errorf("%s: %v", header, err)
		}
		if (d.Holding(tools) != nil) != (want == 200) || d.OpenSpools() != 0 {
			t.Errorf("%s: it is stored: %v, %d spools open", header, d.Holding(tools) != nil, d.OpenSpools())
		}
	}
}

func TestDelete(t *testing.T) {
	d := new(formattest.Desk)
	for _, path := range []string{"1.0/a", "1.0/b/c", "2.0/a"} {
		if _, err := do(t, d, http.MethodPut, "acme/tools/"+path, "hello"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path string
		want int
	}{{"1.0/x", 404}, {"3.0/a", 404}, {"1.0/a", 200}, {"1.0/a", 404}} {
		if _, err := do(t, d, http.MethodDelete, "acme/tools/"+c.path, ""); status(err) != c.want {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	w, err := do(t, d, http.MethodGet, "acme/tools/1.0", "")
	if err != nil || strings.Contains(w.Body.String(), `"name":"a"`) || !strings.Contains(w.Body.String(), `"name":"b/c"`) {
		t.Errorf("%v %s", err, w.Body)
	}
	if _, err := do(t, d, http.MethodDelete, "acme/tools/1.0/b/c", ""); err != nil {
		t.Error(err)
	}
	if h := d.Holding(tools); h.Version("1.0") != nil || h.Version("2.0") == nil {
		t.Errorf("%+v", h.Versions)
	}
	d.Holding(tools).Versions[0].Origin = cache.Origin{Connection: "private:x"}
	if _, err := do(t, d, http.MethodDelete, "acme/tools/2.0/a", ""); status(err) != 403 {
		t.Errorf("%v", err)
	}
	// Other bytes may come where some were deleted.
	if _, err := do(t, d, http.MethodPut, "acme/tools/1.0/a", "other"); err != nil {
		t.Error(err)
	}
}

// bottomless is a repository whose spools forget what they are given.
type bottomless struct{ *formattest.Desk }

func (bottomless) Spool(context.Context, int64) (blob.Spool, error) { return new(sink), nil }

type sink struct {
	formattest.Spool
	n int64
}

func (s *sink) Write(p []byte) (int, error) { s.n += int64(len(p)); return len(p), nil }
func (s *sink) Size() int64                 { return s.n }

// broken is a body that ends too soon.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestPutTooLargeOrCut(t *testing.T) {
	f, d := newFormat(t, nil), new(formattest.Desk)
	r := httptest.NewRequest(http.MethodPut, "http://entrepot.example/", io.NopCloser(strings.NewReader("x")))
	want, err := f.Parse(r, "acme/tools/1.0/a")
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = maxAsset + 1
	if err := f.Serve(httptest.NewRecorder(), r, want, format.View{}, bottomless{d}); status(err) != 413 {
		t.Errorf("a declared size: %v", err)
	}
	r = httptest.NewRequest(http.MethodPut, "http://entrepot.example/", io.MultiReader(strings.NewReader("hel"), broken{}))
	if err := f.Serve(httptest.NewRecorder(), r, want, format.View{}, d); status(err) != 400 || d.OpenSpools() != 0 || d.Holding(tools) != nil {
		t.Errorf("a body cut short: %v", err)
	}
}

func FuzzPut(f *testing.F) {
	f.Add("X-Checksum-Sha256", helloSHA256, []byte("hello"))
	f.Add("Digest", "SHA-256=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=,x=y", []byte("hello"))
	f.Add("Repr-Digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:", []byte("hello"))
	f.Add("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==", []byte("hello"))
	f.Fuzz(func(t *testing.T, name, value string, body []byte) {
		d, fm := new(formattest.Desk), newFormat(t, nil)
		r := httptest.NewRequest(http.MethodPut, "http://entrepot.example/", bytes.NewReader(body))
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		want, err := fm.Parse(r, "acme/tools/1.0/a")
		if err != nil {
			t.Fatal(err)
		}
		err = fm.Serve(httptest.NewRecorder(), r, want, format.View{}, d)
		if s := status(err); s == 500 || (d.Holding(tools) != nil) != (s == 200) || d.OpenSpools() != 0 {
			t.Errorf("%s: %q: %v", name, value, err)
		}
	})
}

package pypi

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

// form is an upload of a file, with all the fields that twine sends and more in pairs; a value of "-" removes one.
func form(t testing.TB, file string, body []byte, more ...string) *http.Request {
	t.Helper()
	s256, b256, m5 := sha256.Sum256(body), blake2b.Sum256(body), md5.Sum(body)
	fields := []string{
		":action", "file_upload", "protocol_version", "1", "name", "A", "version", "1.0", "summary", "first", "classifier", "one",
		"sha256_digest", hex.EncodeToString(s256[:]), "blake2_256_digest", hex.EncodeToString(b256[:]), "md5_digest", hex.EncodeToString(m5[:]),
	}
	for i := 0; i < len(more); i += 2 {
		if at := slices.Index(fields, more[i]); at >= 0 {
			fields[at+1] = more[i+1]
		} else {
			fields = append(fields, more[i], more[i+1])
		}
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "-" {
			continue
		}
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("content", file)
	if err == nil {
		_, err = part.Write(body)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

const wheelName, sdistName = "a-1.0-py3-none-any.whl", "A-1.0.tar.gz"

func sdistOfA(t testing.TB) []byte {
	return tarred(t, "a-1.0/PKG-INFO", metadataOfA, "a-1.0/setup.py", "x")
}

func TestUpload(t *testing.T) {
	d := new(formattest.Desk)
	wheel, sdist := wheelOfA(t), sdistOfA(t)
	for _, r := range []*http.Request{
		form(t, wheelName, wheel, "filetype", "bdist_wheel"), form(t, sdistName, sdist, "filetype", "sdist"), form(t, wheelName, wheel),
	} {
		if w, err := do(t, d, r); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%v, %v", err, w)
		}
	}
	v := d.Holding(project("a")).Version("1.0")
	for name, want := range map[string]string{wheelName: string(wheel), sdistName: string(sdist), wheelName + ".metadata": metadataOfA} {
		if got := d.Bytes(keyOfA(name)); string(got) != want {
			t.Errorf("%s has %d bytes, want %d", name, len(got), len(want))
		}
	}
	if len(v.Assets) != 3 || d.OpenSpools() != 0 {
		t.Errorf("%d assets, %d open spools", len(v.Assets), d.OpenSpools())
	}
	var b bytes.Buffer
	if err := (Format{}).Encode(&b, formattest.ListingOf(d.Holding(project("a"))), format.View{Name: viewJSON, Base: formattest.Base}); err != nil {
		t.Fatal(err)
	}
	core := sha256.Sum256([]byte(metadataOfA))
	for _, want := range []string{
		`"versions":["1.0"]`, `{"filename":"` + wheelName + `","url":"1.0/` + wheelName + `"`, `"filename":"A-1.0.tar.gz"`,
		fmt.Sprintf(`"core-metadata":{"sha256":"%x"}`, core), fmt.Sprintf(`"hashes":{"sha256":"%x"}`, sha256.Sum256(wheel)),
		`"yanked":false`, `"upload-time":"20`, `"api-version":"1.4"`, `"requires-python":null`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s\nlacks %s", b.String(), want)
		}
	}
	if n := strings.Count(b.String(), `"filename"`); n != 2 || strings.Contains(b.String(), "_info") {
		t.Errorf("it lists %d files: %s", n, b.String())
	}
	if w, err := get(t, d, "pypi/a/json"); err != nil || !strings.Contains(w.Body.String(), `"requires_dist":["six","b>1"]`) {
		t.Errorf("%v, %s", err, w.Body)
	}
}

func TestUploadOfOtherBytes(t *testing.T) {
	d := new(formattest.Desk)
	if _, err := do(t, d, form(t, wheelName, wheelOfA(t))); err != nil {
		t.Fatal(err)
	}
	other := zipped(t, "a-1.0.dist-info/METADATA", metadataOfA)
	_, err := do(t, d, form(t, wheelName, other))
	var invalid *cache.Invalid
	if !errors.As(err, &invalid) || invalid.Status != http.StatusConflict || !strings.Contains(invalid.Reason, "already exists") {
		t.Errorf("%v", err)
	}
	if got := d.Bytes(keyOfA(wheelName)); !bytes.Equal(got, wheelOfA(t)) || d.OpenSpools() != 0 {
		t.Error("other bytes took the place of those that were there")
	}
}

// TestBadUpload: what is refused leaves nothing behind.
func TestBadUpload(t *testing.T) {
	wheel, sdist := wheelOfA(t), sdistOfA(t)
	of := func(metadata string) []byte { return zipped(t, "a-1.0.dist-info/METADATA", metadata) }
	cut := form(t, wheelName, wheel)
	b, _ := io.ReadAll(cut.Body)
	cut.Body = io.NopCloser(bytes.NewReader(b[:len(b)-40]))
	plain := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("name=a"))
	for name, tt := range map[string]*http.Request{
		"no form":             plain,
		"cut short":           cut,
		"action":              form(t, wheelName, wheel, ":action", "submit"),
		"protocol":            form(t, wheelName, wheel, "protocol_version", "2"),
		"name":                form(t, wheelName, wheel, "name", "-a"),
		"no name":             form(t, wheelName, wheel, "name", "-"),
		"version":             form(t, wheelName, wheel, "version", "one"),
		"other name":          form(t, wheelName, wheel, "name", "b"),
		"other version":       form(t, wheelName, wheel, "version", "1.1"),
		"sha256":              form(t, wheelName, wheel, "sha256_digest", strings.Repeat("00", 32)),
		"sha256 cut short":    form(t, wheelName, wheel, "sha256_digest", "00"),
		"sha256 of letters":   form(t, wheelName, wheel, "sha256_digest", "!"),
		"md5":                 form(t, wheelName, wheel, "md5_digest", strings.Repeat("00", 16)),
		"blake2":              form(t, wheelName, wheel, "blake2_256_digest", strings.Repeat("00", 32)),
		"type":                form(t, wheelName, wheel, "filetype", "bdist_wininst"),
		"not its type":        form(t, wheelName, wheel, "filetype", "sdist"),
		"egg":                 form(t, "a-1.0-py3.8.egg", wheel),
		"no archive":          form(t, wheelName, []byte("no zip")),
		"no source":           form(t, sdistName, []byte("no tar")),
		"source cut short":    form(t, sdistName, sdist[:len(sdist)-9]),
		"no metadata":         form(t, wheelName, zipped(t, "a/b", "c")),
		"no PKG-INFO":         form(t, sdistName, tarred(t, "a-1.0/setup.py", "x")),
		"metadata of another": form(t, wheelName, of("Name: b\nVersion: 1.0\n")),
		"metadata's version":  form(t, wheelName, of("Name: a\nVersion: 1.0.1\n")),
		"metadata of none":    form(t, wheelName, of("")),
		"version of the file": form(t, "a-1.1-py3-none-any.whl", wheel),
		"file name":           form(t, "../a-1.0-py3-none-any.whl", wheel, "name", "b"),
		"attestations":        form(t, wheelName, wheel, "attestations", "{}"),
		"no attestations":     form(t, wheelName, wheel, "attestations", "[]"),
		"other's attestation": form(t, wheelName, wheel, "attestations", attestation(wheelName, []byte("other"))),
		"name's attestation":  form(t, wheelName, wheel, "attestations", attestation("b.whl", wheel)),
	} {
		d := new(formattest.Desk)
		_, err := do(t, d, tt)
		var invalid *cache.Invalid
		if !errors.As(err, &invalid) || d.Holding(project("a")) != nil || d.OpenSpools() != 0 {
			t.Errorf("%s: %v, %d open spools", name, err, d.OpenSpools())
		}
	}
}

func attestation(file string, body []byte) string {
	statement := fmt.Sprintf(`{"subject":[{"name":%q,"digest":{"sha256":"%x"}}]}`, file, sha256.Sum256(body))
	return `[{"version":1,"verification_material":{"x":1},"envelope":{"statement":"` +
		base64.StdEncoding.EncodeToString([]byte(statement)) + `","signature":"AAAA"}}]`
}

func TestUploadWithProvenance(t *testing.T) {
	d := new(formattest.Desk)
	wheel := wheelOfA(t)
	for _, r := range []*http.Request{form(t, wheelName, wheel), form(t, wheelName, wheel, "attestations", attestation(wheelName, wheel))} {
		if _, err := do(t, d, r); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.Bytes(keyOfA(wheelName + ".provenance")); !bytes.Contains(got, []byte(`"attestation_bundles":[{"publisher":{"kind":"upload"},"attestations":[{"version":1`)) {
		t.Errorf("provenance is %s", got)
	}
	var b bytes.Buffer
	if err := (Format{}).Encode(&b, formattest.ListingOf(d.Holding(project("a"))), format.View{Name: viewJSON, Base: formattest.Base}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"provenance":"`+formattest.Base+`integrity/a/1.0/`+wheelName+`/provenance"`) || strings.Count(b.String(), `"filename"`) != 1 {
		t.Errorf("%s", b.String())
	}
}

func TestYank(t *testing.T) {
	d := new(formattest.Desk)
	for _, r := range []*http.Request{form(t, wheelName, wheelOfA(t)), form(t, sdistName, sdistOfA(t))} {
		if _, err := do(t, d, r); err != nil {
			t.Fatal(err)
		}
	}
	request := func(method, path, reason string) error {
		r := httptest.NewRequest(method, "/"+path, strings.NewReader(url.Values{"reason": {reason}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, err := do(t, d, r)
		return err
	}
	for _, tt := range []struct{ method, reason, want string }{
		{http.MethodPost, `it is "bad"`, `"it is \"bad\""`}, {http.MethodPost, "", "true"}, {http.MethodDelete, "", "false"},
	} {
		if err := request(tt.method, "pypi/A/v1.0/yank", tt.reason); err != nil {
			t.Fatal(err)
		}
		if meta := string(d.Holding(project("a")).Version("1.0").Meta); strings.Count(meta, `"yanked":`+tt.want) != 2 || strings.Count(meta, "yanked") != 2 {
			t.Errorf("%s %q: %s", tt.method, tt.reason, meta)
		}
	}
	if err := request(http.MethodPost, "pypi/a/2.0/yank", ""); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("a release that is not there: %v", err)
	}
	var invalid *cache.Invalid
	if err := request(http.MethodPost, "pypi/a/1.0/yank", strings.Repeat("x", maxReason+1)); !errors.As(err, &invalid) {
		t.Errorf("a reason without end: %v", err)
	}
	err := d.Edit(context.Background(), project("a"), func(h *cache.Holding) error {
		h.Versions[0].Origin = cache.Origin{Connection: "public:pypi"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := request(http.MethodPost, "pypi/a/1.0/yank", ""); !errors.As(err, &invalid) || invalid.Status != http.StatusForbidden {
		t.Errorf("a registry's release: %v", err)
	}
}

func FuzzUpload(f *testing.F) {
	r := form(f, wheelName, wheelOfA(f), "attestations", attestation(wheelName, wheelOfA(f)))
	b, err := io.ReadAll(r.Body)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Header.Get("Content-Type"), b)
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a-1.zip\"\r\n\r\n\r\n--x--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		d := new(formattest.Desk)
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w, err := do(t, d, r)
		if d.OpenSpools() != 0 {
			t.Error("a spool stays open")
		}
		if err == nil && w.Code != http.StatusOK {
			t.Errorf("%d", w.Code)
		}
	})
}

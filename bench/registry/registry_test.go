package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func get(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	c := &http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, []byte(err.Error())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Logf("reading %s: %v", url, err)
	}
	return resp, body
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, method, path string
		want                  bool
	}{
		{"", "GET", "/a", true},
		{"*", "GET", "/a/b", true},
		{"/a", "GET", "/a", true},
		{"/a", "GET", "/a/b", false},
		{"/a*", "GET", "/a/b", true},
		{"*.tgz", "GET", "/a/-/a-1.tgz", true},
		{"*/-/*.tgz", "GET", "/a/-/a-1.tgz", true},
		{"*/@v/*.zip", "GET", "/a/@v/list", false},
		{"/a*a", "GET", "/a", false},
		{"POST *", "GET", "/a", false},
		{"GET /a", "GET", "/a", true},
	} {
		if got := matches(c.pattern, c.method, c.path); got != c.want {
			t.Errorf("matches(%q, %q, %q) = %v", c.pattern, c.method, c.path, got)
		}
	}
}

func TestNPMDocumentsAgreeWithTarballs(t *testing.T) {
	r := New(Options{})
	data := r.AddNPM("@acme/ui", "1.0.0", NPMVersion{
		Manifest: map[string]any{"dependencies": map[string]string{"left-pad": "^1.0.0"}, "scripts": map[string]string{"test": "x"}},
		Files:    map[string]string{"index.js": "module.exports = 1"}, Size: 16 << 10,
	})
	if n := len(data); n < 15<<10 || n > 17<<10 {
		t.Errorf("a tarball of 16 KiB has %d bytes", n)
	}
	url := r.Start(t).URL + "/npm/"
	var doc struct {
		Tags     map[string]string `json:"dist-tags"`
		Time     map[string]string
		Versions map[string]struct {
			Scripts map[string]string
			Dist    struct {
				Tarball, Integrity string
				Signatures         []struct{ Keyid, Sig string }
			}
		}
	}
	for _, spelling := range []string{"@acme/ui", "@acme%2fui", "%40acme%2Fui"} {
		resp, body := get(t, url+spelling)
		if err := json.Unmarshal(body, &doc); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v, %s", spelling, err, body)
		}
	}
	v := doc.Versions["1.0.0"]
	if doc.Tags["latest"] != "1.0.0" || doc.Time["1.0.0"] == "" || v.Scripts["test"] != "x" {
		t.Errorf("full document lacks things: %+v", doc)
	}
	_, got := get(t, v.Dist.Tarball)
	sum := sha512.Sum512(got)
	if want := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); want != v.Dist.Integrity || !bytes.Equal(got, data) {
		t.Errorf("integrity %s, the tarball has %s", v.Dist.Integrity, want)
	}
	zr, err := gzip.NewReader(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	tr, names := tar.NewReader(zr), ""
	for h, err := tr.Next(); err == nil; h, err = tr.Next() {
		names += h.Name + " "
	}
	if names != "package/package.json package/index.js package/filler.bin " {
		t.Errorf("tarball holds %s", names)
	}

	var keys struct{ Keys []struct{ Key string } }
	_, body := get(t, url+"-/npm/v1/keys")
	if err := json.Unmarshal(body, &keys); err != nil {
		t.Fatal(err)
	}
	der, _ := base64.StdEncoding.DecodeString(keys.Keys[0].Key)
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	sig, _ := base64.StdEncoding.DecodeString(v.Dist.Signatures[0].Sig)
	digest := sha256.Sum256([]byte("@acme/ui@1.0.0:" + v.Dist.Integrity))
	if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), digest[:], sig) {
		t.Error("the signature does not verify")
	}
}

func TestNPMRepresentations(t *testing.T) {
	r := New(Options{})
	r.AddNPM("a", "1.0.0", NPMVersion{Manifest: map[string]any{"scripts": map[string]string{"test": "x"}}})
	url := r.Start(t).URL + "/npm/a"
	resp, body := get(t, url, "Accept", abbreviatedType+"; q=1.0, application/json; q=0.8, */*")
	if resp.Header.Get("Content-Type") != abbreviatedType || strings.Contains(string(body), "scripts") || !strings.Contains(string(body), `"modified"`) {
		t.Errorf("abbreviated: %s %s", resp.Header, body)
	}
	full, plain := get(t, url)
	resp, zipped := get(t, url, "Accept-Encoding", "gzip")
	zr, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err, resp.Header)
	}
	if got, _ := io.ReadAll(zr); !bytes.Equal(got, plain) || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("gzip gives something else: %s", got)
	}
	if resp, _ = get(t, url, "If-None-Match", full.Header.Get("ETag")); resp.StatusCode != http.StatusNotModified {
		t.Errorf("the same ETag: %s", resp.Status)
	}
	r.AddNPM("a", "1.1.0", NPMVersion{})
	if resp, _ = get(t, url, "If-None-Match", full.Header.Get("ETag")); resp.StatusCode != http.StatusOK {
		t.Errorf("after a publish: %s", resp.Status)
	}
	r.RemoveNPM("a", "1.1.0")
	if _, body = get(t, url+"/latest"); !strings.Contains(string(body), `"version":"1.0.0"`) {
		t.Errorf("latest after a withdrawal: %s", body)
	}
	r.RemoveNPM("a", "")
	if resp, _ = get(t, url); resp.StatusCode != http.StatusNotFound {
		t.Errorf("after all is withdrawn: %s", resp.Status)
	}
}

func TestContentIsTheSameInEveryRun(t *testing.T) {
	build := func(seed uint64) []byte {
		return New(Options{}).AddNPM("a", "1.0.0", NPMVersion{Size: 4096, Seed: seed, Files: map[string]string{"b": "1", "a": "2"}})
	}
	if !bytes.Equal(build(1), build(1)) {
		t.Error("the same seed gives other bytes")
	}
	if bytes.Equal(build(1), build(2)) {
		t.Error("another seed gives the same bytes")
	}
}

func TestNPMAudit(t *testing.T) {
	r := New(Options{})
	r.AddAdvisory(Advisory{Package: "a", ID: 7, Title: "bad", Severity: "high", Vulnerable: "<2", Versions: []string{"1.0.0"}})
	url := r.Start(t).URL + "/npm/-/npm/v1/security/advisories/bulk"
	req, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(gzipped([]byte(`{"a":["1.0.0"],"b":["1.0.0"]}`))))
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); !strings.Contains(string(body), `{"a":[{"id":7,`) {
		t.Errorf("audit: %s", body)
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	r := New(Options{})
	r.AddNPM("a", "1.0.0", NPMVersion{})
	l, cdn := r.Start(t), r.Start(t)
	get(t, l.URL+"/npm/a?write=true", "Authorization", "Bearer one")
	get(t, cdn.URL+"/npm/a/-/a-1.0.0.tgz")
	get(t, l.URL+"/npm/b")
	if r.Requests("/npm/a") != 1 || r.Requests("*.tgz") != 1 || r.Requests("GET *") != 3 || r.Requests("PUT *") != 0 {
		t.Errorf("counts are wrong: %+v", r.Log())
	}
	log := r.Log()
	if log[0].Query != "write=true" || log[0].Status != 200 || log[0].Bytes == 0 || log[2].Status != 404 {
		t.Errorf("log: %+v", log)
	}
	if a := r.Authorizations(l.Host()); len(a) != 1 || a[0] != "Bearer one" {
		t.Errorf("Authorization at the registry: %q", a)
	}
	if a := r.Authorizations(cdn.Host()); len(a) != 0 {
		t.Errorf("Authorization at the other host: %q", a)
	}
	if r.Peak() != 1 {
		t.Errorf("peak %d", r.Peak())
	}
	if r.Forget(); r.Requests("") != 0 || len(r.Log()) != 0 {
		t.Error("Forget remembers")
	}
}

func TestRequire(t *testing.T) {
	r := New(Options{})
	r.AddNPM("a", "1.0.0", NPMVersion{})
	r.Require("/npm/*", Credential{Bearer: "secret"})
	r.Require("/npm/*", Credential{User: "u", Password: "p"})
	l := r.Start(t)
	for _, c := range []struct {
		authorization string
		want          int
	}{
		{"", 401}, {"Bearer secret", 200}, {"bearer secret", 200}, {"Bearer other", 401},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("u:p")), 200},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("u:q")), 401},
	} {
		if resp, _ := get(t, l.URL+"/npm/a", "Authorization", c.authorization); resp.StatusCode != c.want {
			t.Errorf("%q: %s, want %d", c.authorization, resp.Status, c.want)
		}
	}
	r.Open()
	if resp, _ := get(t, l.URL+"/npm/a"); resp.StatusCode != 200 {
		t.Errorf("after Open: %s", resp.Status)
	}
}

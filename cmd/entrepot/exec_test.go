package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// probe is a client as package managers are: it goes through the proxy of the environment and trusts what that says. It
// prints status, X-Cache and body of each address in its arguments. TOKEN is its credential.
func probe() {
	proxy, err := url.Parse(os.Getenv("HTTPS_PROXY"))
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	bundle, _ := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
	roots.AppendCertsFromPEM(bundle)
	c := http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	for _, address := range os.Args[1:] {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			panic(err)
		}
		r.Header.Set("User-Agent", "npm/11 probe")
		if token := os.Getenv("TOKEN"); token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := c.Do(r)
		if err != nil {
			fmt.Println(err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%d %s %s %v\n", resp.StatusCode, resp.Header.Get("X-Cache"), bytes.TrimSpace(body), err)
	}
}

// privateRegistry is an npm registry over TLS that wants a token.
type privateRegistry struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int // by path
}

func newPrivateRegistry(t *testing.T) *privateRegistry {
	p := &privateRegistry{asked: map[string]int{}}
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *privateRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked[r.URL.Path]++
	p.mu.Unlock()
	tarball := []byte("the bytes of thing")
	sum := sha1.Sum(tarball)
	switch {
	case r.Header.Get("Authorization") != "Bearer good":
		w.Header().Set("WWW-Authenticate", `Bearer realm="theirs"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case r.URL.Path == "/thing":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":"thing","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"thing","version":"1.0.0","dist":{"tarball":"%s/thing/-/thing-1.0.0.tgz","shasum":"%s"}}}}`,
			p.URL, hex.EncodeToString(sum[:]))
	case r.URL.Path == "/thing/-/thing-1.0.0.tgz":
		_, _ = w.Write(tarball)
	case r.URL.Path == "/page":
		fmt.Fprint(w, "a page")
	default:
		http.NotFound(w, r)
	}
}

func (p *privateRegistry) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// behind runs a command behind exec, in a machine that knows no registry, and returns what it says.
func behind(t *testing.T, dir string, roots *x509.Certificate, token string, command ...string) (string, int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the roots of this system are not in a file")
	}
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: roots.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := exec.LookPath("entrepot")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, append([]string{"exec", "--data", dir, "--report", filepath.Join(dir, "report.json"), "--"}, command...)...)
	c.Env = []string{"PATH=" + filepath.Dir(self), "HOME=" + t.TempDir(), "SSL_CERT_FILE=" + file, "TOKEN=" + token}
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err = c.Run()
	t.Logf("stderr: %s", &errs)
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return out.String(), c.ProcessState.ExitCode()
}

func TestInvariant11WhatACredentialObtainedIsForItAlone(t *testing.T) {
	p, dir := newPrivateRegistry(t), t.TempDir()
	tarball := p.URL + "/thing/-/thing-1.0.0.tgz"
	for i, want := range []string{"200 miss the bytes of thing <nil>", "200 hit the bytes of thing <nil>"} {
		out, _ := behind(t, dir, p.Certificate(), "good", "probe", p.URL+"/thing", tarball)
		lines := strings.Split(out, "\n")
		if !strings.HasPrefix(lines[0], "200 ") || !strings.Contains(lines[0], tarball) || lines[1] != want {
			t.Errorf("%d: %s", i, out)
		}
	}
	if n := p.count("/thing/-/thing-1.0.0.tgz"); n != 1 {
		t.Errorf("the file was fetched %d times", n)
	}
	for _, token := range []string{"", "bad"} {
		out, _ := behind(t, dir, p.Certificate(), token, "probe", p.URL+"/thing", tarball)
		if out != "401  who are you? <nil>\n401  who are you? <nil>\n" {
			t.Errorf("with token %q: %s", token, out)
		}
	}
	// The registry is gone: who had it has it, and nobody else.
	p.Close()
	if out, _ := behind(t, dir, p.Certificate(), "good", "probe", tarball); !strings.HasPrefix(out, "200 hit the bytes of thing") {
		t.Errorf("without the registry: %s", out)
	}
	if out, _ := behind(t, dir, p.Certificate(), "bad", "probe", tarball); strings.Contains(out, "the bytes") || !strings.HasPrefix(out, "50") {
		t.Errorf("without the registry and the token: %s", out)
	}
}

func TestWhatIsNoPackageIsPassedOn(t *testing.T) {
	p := newPrivateRegistry(t)
	out, _ := behind(t, t.TempDir(), p.Certificate(), "good", "probe", p.URL+"/page", p.URL+"/some/page/")
	if out != "200  a page <nil>\n404  404 page not found <nil>\n" {
		t.Error(out)
	}
}

func TestExecReportsAndEndsAsTheCommand(t *testing.T) {
	p, dir := newPrivateRegistry(t), t.TempDir()
	behind(t, dir, p.Certificate(), "good", "probe", p.URL+"/thing/-/thing-1.0.0.tgz")
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report bom
	if err := json.Unmarshal(data, &report); err != nil || len(report.Components) != 1 {
		t.Fatalf("%s, %v", data, err)
	}
	c := report.Components[0]
	if c.PURL != "pkg:npm/thing@1.0.0" || len(c.Hashes) != 1 || c.References[0].URL != p.URL+"/thing/-/thing-1.0.0.tgz" || c.Properties[0].Value != "allowed" {
		t.Errorf("%+v", c)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	for script, want := range map[string]int{"exit 3": 3, "kill -9 $$": 128 + 9, "true": 0} {
		if _, code := behind(t, dir, p.Certificate(), "", sh, "-c", script); code != want {
			t.Errorf("%s: %d", script, code)
		}
	}
	if _, code := behind(t, dir, p.Certificate(), "", "no-such-command"); code != notFound {
		t.Errorf("no such command: %d", code)
	}
}

func TestInvariant13ManyAtOnceShareOneDirectory(t *testing.T) {
	p, dir := newPrivateRegistry(t), t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			out, code := behind(t, dir, p.Certificate(), "good", "probe", p.URL+"/thing/-/thing-1.0.0.tgz")
			if code != 0 || !strings.Contains(out, "the bytes of thing") {
				t.Errorf("%d %s", code, out)
			}
		})
	}
	wg.Wait()
	if n := p.count("/thing/-/thing-1.0.0.tgz"); n != 1 {
		t.Errorf("the file was fetched %d times", n)
	}
}

func TestPackageURLs(t *testing.T) {
	for want, s := range map[string]subject{
		"pkg:npm/%40scope/name@1.0.0-a%2Bb":  {format: "npm", namespace: "scope", name: "name", version: "1.0.0-a+b"},
		"pkg:golang/module.example/a@v1.0.0": {format: "go", name: "module.example/a", version: "v1.0.0"},
		"pkg:maven/org.example/a@1":          {format: "maven", namespace: "org.example", name: "a", version: "1"},
		"pkg:gem/a":                          {format: "ruby", name: "a"},
	} {
		if got := s.purl(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

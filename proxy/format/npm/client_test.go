package npm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

// front is as much of an engine as a client needs: one repository, at /npm/main/.
type front struct {
	*formattest.Desk
	base    string
	refused sync.Map // version to reason
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := f.serve(w, r)
	if err != nil {
		Format{}.Explain(w, status(err), err.Error())
	}
}

func (f *front) serve(w http.ResponseWriter, r *http.Request) error {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/npm/main/")
	if !ok {
		return cache.ErrAbsent
	}
	want, err := Format{}.Parse(r, path)
	if err != nil {
		return err
	}
	view := format.View{Name: want.View, Base: f.base}
	switch want.Kind {
	case format.Document:
		l, err := f.Listing(r.Context(), want.Package)
		if err != nil {
			return err
		}
		defer l.Close()
		for i := range l.Versions {
			if reason, ok := f.refused.Load(l.Versions[i].Version); ok {
				l.Versions[i].Refused = reason.(string)
			}
		}
		var b bytes.Buffer
		if err := (Format{}).Encode(&b, l, view); err != nil {
			return err
		}
		w.Header().Set("Content-Type", want.ContentType)
		_, err = b.WriteTo(w)
		return err
	case format.Asset:
		b := f.Bytes(cache.AssetKey{Package: want.Package, Version: want.Version, Asset: want.Asset})
		if b == nil {
			return cache.ErrAbsent
		}
		_, err := w.Write(b)
		return err
	}
	return Format{}.Serve(w, r, want, view, f)
}

// npm is the client, in a home of its own.
type npm struct {
	t      *testing.T
	home   string
	config string
}

func newClient(t *testing.T) (*front, *npm) {
	t.Helper()
	formattest.Client(t, "npm")
	f := &front{Desk: &formattest.Desk{Format: Format{}, Who: &formattest.Identity{User: "ann"}}}
	if _, _, err := f.Who.Issue(t.Context(), format.TokenRequest{}); err != nil { // token-1
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.base = server.URL + "/npm/main/"
	c := &npm{t: t, home: t.TempDir()}
	c.config = filepath.Join(c.home, "npmrc")
	c.write("npmrc", fmt.Sprintf("registry=%s\n%s:_authToken=token-1\nupdate-notifier=false\nfund=false\naudit=false\nfetch-retries=0\ncache=%s\n",
		f.base, strings.TrimPrefix(f.base, "http:"), filepath.Join(c.home, "cache")))
	return f, c
}

func (c *npm) write(file, text string) {
	c.t.Helper()
	path := filepath.Join(c.home, file)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		c.t.Fatal(err)
	}
}

// run runs npm in a directory of the home, and returns all that it says.
func (c *npm) run(dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(c.t.Context(), "npm", args...)
	cmd.Dir = filepath.Join(c.home, dir)
	cmd.Env = append(os.Environ(), "HOME="+c.home, "NPM_CONFIG_USERCONFIG="+c.config, "NO_PROXY=*", "HTTP_PROXY=", "HTTPS_PROXY=", "http_proxy=", "https_proxy=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// says runs npm and checks that it succeeds and says all of the words.
func (c *npm) says(words, dir string, args ...string) {
	c.t.Helper()
	out, err := c.run(dir, args...)
	for word := range strings.SplitSeq(words, "|") {
		if err != nil || !strings.Contains(out, word) {
			c.t.Fatalf("npm %s: %v\n%s\nshould say %s", strings.Join(args, " "), err, out, word)
		}
	}
}

// fails runs npm and checks that it fails and says all of the words.
func (c *npm) fails(words, dir string, args ...string) {
	c.t.Helper()
	out, err := c.run(dir, args...)
	for word := range strings.SplitSeq(words, "|") {
		if err == nil || !strings.Contains(out, word) {
			c.t.Fatalf("npm %s: %v\n%s\nshould fail and say %s", strings.Join(args, " "), err, out, word)
		}
	}
}

func (c *npm) pkg(dir, name, version string) {
	c.write(dir+"/package.json", fmt.Sprintf(`{"name":%q,"version":%q,"description":"words","license":"MIT"}`, name, version))
	c.write(dir+"/index.js", "module.exports = "+fmt.Sprintf("%q", version))
}

func TestRealNPM(t *testing.T) {
	_, c := newClient(t)
	c.pkg("ui", "@acme/ui", "1.0.0")
	c.write("app/package.json", `{"name":"app","version":"1.0.0"}`)
	c.says("PONG", "ui", "ping")
	c.says("ann", "ui", "whoami")
	c.says("+ @acme/ui@1.0.0", "ui", "publish")
	c.write("ui/index.js", "other")
	c.fails("You cannot publish over the previously published versions: 1.0.0.", "ui", "publish")
	c.pkg("ui", "@acme/ui", "1.1.0")
	c.says("+ @acme/ui@1.1.0", "ui", "publish", "--tag", "next")
	c.says("latest: 1.0.0|next: 1.1.0", "ui", "dist-tag", "ls")
	c.says("+latest: @acme/ui@1.1.0", "ui", "dist-tag", "add", "@acme/ui@1.1.0", "latest")
	c.says("-next: @acme/ui@1.1.0", "ui", "dist-tag", "rm", "@acme/ui", "next")
	c.says("added 1 package", "app", "install", "@acme/ui")
	if b, err := os.ReadFile(filepath.Join(c.home, "app/node_modules/@acme/ui/index.js")); err != nil || string(b) != `module.exports = "1.1.0"` {
		t.Errorf("%s %v", b, err)
	}
	lock, err := os.ReadFile(filepath.Join(c.home, "app/package-lock.json"))
	if err != nil || !strings.Contains(string(lock), `/npm/main/@acme/ui/-/ui-1.1.0.tgz"`) {
		t.Errorf("%s %v", lock, err)
	}
	c.says("", "ui", "deprecate", "@acme/ui@1.0.0", "use 1.1")
	c.says("use 1.1", "app", "install", "@acme/ui@1.0.0")
	c.says("ann|words|DEPRECATED", "ui", "view", "@acme/ui@1.0.0", "--prefer-online")
	c.says("+ bob (@acme/ui)", "ui", "owner", "add", "bob", "@acme/ui")
	c.says("ann|bob", "ui", "owner", "ls", "@acme/ui", "--prefer-online")
	c.says("- @acme/ui@1.0.0", "ui", "unpublish", "@acme/ui@1.0.0")
	c.says("1.1.0", "ui", "view", "@acme/ui", "versions", "--prefer-online")
	c.says("- @acme/ui", "ui", "unpublish", "@acme/ui", "--force")
	c.fails("E404", "ui", "view", "@acme/ui", "--prefer-online")
	c.fails("audit is not available", "app", "audit")
	c.says("No matches found", "ui", "search", "ui")
	c.says("", "ui", "token", "list")
	c.says("", "ui", "logout")
}

// TestRealNPMSaysWhyAVersionIsRefused holds that npm reads policyRestrictions: ranges go to what is allowed, and
// who asks for no other version is told the reason.
func TestRealNPMSaysWhyAVersionIsRefused(t *testing.T) {
	f, c := newClient(t)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		c.pkg("ui", "@acme/ui", v)
		c.says("+ @acme/ui@"+v, "ui", "publish")
	}
	f.refused.Store("1.1.0", "younger than 3 days, until 2026-11-26")
	c.write("app/package.json", `{"name":"app","version":"1.0.0"}`)
	c.says("added 1 package", "app", "install", "@acme/ui")
	c.says("1.0.0", "app", "ls", "@acme/ui")
	c.fails("E403|younger than 3 days, until 2026-11-26", "app", "install", "@acme/ui@1.1.0")
	f.refused.Store("1.0.0", "on the deny list")
	c.fails("E403|on the deny list", "app", "install", "@acme/ui", "--prefer-online")
}

func TestRealNPMAudit(t *testing.T) {
	f, c := newClient(t)
	g := formattest.NewRegistry(map[string]string{"left": `{"name":"left","versions":{"1.0.0":{"name":"left","version":"1.0.0"}},"dist-tags":{"latest":"1.0.0"}}`})
	f.Registries = []*formattest.Registry{g} // before the first request
	c.pkg("ui", "@acme/ui", "1.0.0")
	c.says("+ @acme/ui@1.0.0", "ui", "publish")
	c.write("app/package.json", `{"name":"app","version":"1.0.0","dependencies":{"left":"1.0.0","@acme/ui":"1.0.0"}}`)
	c.write("app/package-lock.json", encodeJSON(t, map[string]any{
		"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": map[string]any{
			"":                      map[string]any{"name": "app", "version": "1.0.0", "dependencies": map[string]string{"left": "1.0.0", "@acme/ui": "1.0.0"}},
			"node_modules/left":     map[string]string{"version": "1.0.0", "resolved": f.base + "left/-/left-1.0.0.tgz"},
			"node_modules/@acme/ui": map[string]string{"version": "1.0.0", "resolved": f.base + "@acme/ui/-/ui-1.0.0.tgz"},
		},
	}))
	g.Set("POST "+bulk, formattest.Answer{Body: `{}`})
	c.says("found 0 vulnerabilities", "app", "audit")
	sent := g.Sent()
	var told map[string][]string
	if err := json.Unmarshal([]byte(sent[0].Body), &told); err != nil || len(told) != 1 || len(told["left"]) != 1 {
		t.Errorf("the registry was told %s", sent[0].Body)
	}
	g.Set("POST "+bulk, formattest.Answer{Body: `{"left":[{"id":1,"url":"u","title":"bad","severity":"high","vulnerable_versions":"<2","cwe":[],"cvss":{"score":9,"vectorString":""}}]}`})
	c.fails("1 high severity vulnerability", "app", "audit")
	g.Set("POST "+bulk, formattest.Answer{Status: 500})
	c.fails("public:test is unavailable", "app", "audit")
}

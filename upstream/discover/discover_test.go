//go:build unix

package discover

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// desk is a machine of the test's own: programs in one directory, a home, nothing else but a shell's tools.
type desk struct {
	t         *testing.T
	bin, home string
	environ   []string
}

func newDesk(t *testing.T) *desk {
	root := t.TempDir()
	d := &desk{t: t, bin: filepath.Join(root, "tools", "bin"), home: filepath.Join(root, "home")}
	for _, dir := range []string{d.bin, d.home} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, "cache")) // where tools are asked
	d.environ = []string{"PATH=" + d.bin, "HOME=" + d.home}
	return d
}

// tool puts a shell script in the PATH.
func (d *desk) tool(name, script string) {
	d.file(filepath.Join(d.bin, name), "#!/bin/sh\nPATH=/usr/bin:/bin\n"+script+"\n")
}

func (d *desk) file(path, text string) {
	d.t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.home, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		d.t.Fatal(err)
	}
}

// ask returns "URL source" by connection.
func (d *desk) ask(self ...string) map[string]Address {
	d.t.Helper()
	formats, got := map[string]string{}, map[string]Address{}
	for c := range probes() {
		formats[c] = "some"
	}
	o := Options{Formats: formats, Self: self, Environ: d.environ}
	if err := Tools(d.t.Context(), o, func(a Address) { got[a.Connection] = a }); err != nil {
		d.t.Fatal(err)
	}
	return got
}

func (d *desk) expect(got map[string]Address, want map[string]string) {
	d.t.Helper()
	said := map[string]string{}
	for c, a := range got {
		said[c] = a.URL + " " + a.Source
	}
	if !maps.Equal(said, want) {
		d.t.Errorf("got  %q\nwant %q", said, want)
	}
}

func TestToolsAreAsked(t *testing.T) {
	d := newDesk(t)
	d.tool("npm", `test "$1 $2 $3" = "config get registry" && echo http://npm.registry.example/`)
	d.tool("go", `echo '{"GOPROXY": "http://go.registry.example|direct", "GOSUMDB": "sum.registry.example"}'`)
	d.tool("pip", `echo "global.index-url='http://global.registry.example/simple'"
echo "install.index-url='http://user:hunter2@pip.registry.example/simple'"`)
	d.tool("gem", `echo "*** CURRENT SOURCES ***"; echo; echo http://gem.registry.example/`)
	d.tool("dotnet", `printf 'Registered Sources:\n  1.  corp [Enabled]\n      http://corp.example/v3/index.json\n'
printf '  2.  NuGet Org [Enabled]\n      http://nuget.registry.example/v3/index.json\n'`)
	d.file(".cargo/config.toml", `
[source.crates-io]
replace-with = "mirror" # a comment
[source."mirror"]
registry = "sparse+http://cargo.registry.example/index/"
`)
	d.file(".m2/settings.xml", `<settings xmlns="http://xml.example"><mirrors>
<mirror><mirrorOf>external:http:*</mirrorOf><url>http://blocker.example</url><blocked>true</blocked></mirror>
<mirror><mirrorOf>*,!central</mirrorOf><url>http://others.example</url></mirror>
<mirror><mirrorOf>external:*</mirrorOf><url>${env.MIRROR}/maven2</url></mirror></mirrors></settings>`)
	d.environ = append(d.environ, "MIRROR=http://maven.registry.example")
	got := d.ask()
	d.expect(got, map[string]string{
		"public:npmjs":         "http://npm.registry.example/ npm config get registry",
		"public:go":            "http://go.registry.example go env GOPROXY",
		"public:pypi":          "http://pip.registry.example/simple pip config list (without its credential)",
		"public:ruby-gems-org": "http://gem.registry.example/ gem sources",
		"public:nuget-org":     "http://nuget.registry.example/v3/index.json dotnet nuget list source",
		"public:crates-io":     "http://cargo.registry.example/index/ cargo's config.toml",
		"public:maven-central": "http://maven.registry.example/maven2 Maven's settings.xml",
	})
	if got["public:go"].Extra["sumdb"] != "sum.registry.example" || got["public:go"].Format != "some" {
		t.Errorf("go is %+v", got["public:go"])
	}
}

// TestOwnAddressIsNoAnswer: tools that are set to use us are asked for what they have built in.
func TestOwnAddressIsNoAnswer(t *testing.T) {
	d := newDesk(t)
	d.tool("npm", `case "$*" in *--userconfig=*) test -z "$NPM_CONFIG_REGISTRY" && echo http://npm.registry.example/;; *) echo $NPM_CONFIG_REGISTRY;; esac`)
	d.tool("go", `test "$GOENV" = off && echo '{"GOPROXY": "http://go.registry.example,direct"}' || echo '{"GOPROXY": "http://127.0.0.2:8470/go/main,http://packages.example/go"}'`)
	d.tool("gem", `echo http://[::1]:8470/; echo http://second.registry.example/`)
	d.environ = append(d.environ, "NPM_CONFIG_REGISTRY=http://LOCALHOST:8470/npm/main/")
	d.expect(d.ask("127.0.0.1:8470", "packages.example:80"), map[string]string{
		"public:npmjs":         "http://npm.registry.example/ npm (built in)",
		"public:go":            "http://go.registry.example go env GOPROXY (built in)",
		"public:ruby-gems-org": "http://second.registry.example/ gem sources",
	})
}

// TestWhoWantsNoProxyGetsNone: GOPROXY=direct is an answer.
func TestWhoWantsNoProxyGetsNone(t *testing.T) {
	d := newDesk(t)
	d.tool("go", `echo '{"GOPROXY": "direct"}'`)
	d.file(".cargo/config.toml", "[source.crates-io]\nreplace-with = 'vendored'\n[source.vendored]\ndirectory = 'vendor'\n")
	d.file(filepath.Join(d.bin, "cargo"), "sparse+https://index.registry.example/")
	d.expect(d.ask(), map[string]string{})
}

// TestCheckoutsDoNotRedirect: tools see neither the directory that we were started in nor what npm set for a script.
func TestCheckoutsDoNotRedirect(t *testing.T) {
	checkout := t.TempDir()
	t.Chdir(checkout)
	d := newDesk(t)
	d.file(filepath.Join(checkout, "registry"), "http://attacker.example/")
	d.file(filepath.Join(checkout, "bin", "gem"), "#!/bin/sh\necho http://attacker.example/\n")
	d.tool("npm", `cat registry 2>/dev/null; test -f package.json || exit 1; ls | grep -v package.json && exit 1; echo ${npm_config_registry:-http://npm.registry.example/}`)
	d.environ = append(d.environ, "PATH=bin:"+d.bin, "PWD="+checkout, "npm_command=run-script", "npm_config_registry=http://attacker.example/")
	d.expect(d.ask(), map[string]string{"public:npmjs": "http://npm.registry.example/ npm config get registry"})
}

func TestBuiltIn(t *testing.T) {
	d := newDesk(t)
	binary := strings.Repeat("x", window-10) + "sparse+https://index.\x00 sparse+https://index.registry.example/and more"
	d.file(filepath.Join(d.bin, "cargo"), binary)
	d.tool("pip", "exit 1")
	d.tool("python3", `test "$1" = -I && echo http://pip.registry.example/simple`)
	d.file(filepath.Join(d.bin, "mvn"), "")
	d.file(filepath.Join(d.bin, "gradle"), "")
	lib := filepath.Join(d.bin, "..", "lib")
	d.file(filepath.Join(lib, "maven-model-builder-3.9.jar"), jar(t, "org/apache/maven/model/pom-4.0.0.xml",
		`<project><repositories><repository><id>central</id><url>http://maven.registry.example/</url></repository></repositories></project>`))
	d.file(filepath.Join(lib, "gradle-core-api-9.jar"), jar(t, "org/gradle/ArtifactRepositoryContainer.class",
		class("MAVEN_CENTRAL_URL", "http://other.registry.example/", "GOOGLE_URL", "http://android.registry.example/")))
	d.expect(d.ask(), map[string]string{
		"public:crates-io":           "https://index.registry.example/ cargo (built in)",
		"public:pypi":                "http://pip.registry.example/simple pip of python3 (built in)",
		"public:maven-central":       "http://maven.registry.example/ Maven (built in)",
		"public:maven-googleandroid": "http://android.registry.example/ Gradle (built in)",
	})
}

func TestUV(t *testing.T) {
	d := newDesk(t)
	d.tool("uv", `echo "  --index-url <URL>"; echo "  The index (by default: <http://uv.registry.example/simple>)"`)
	d.expect(d.ask(), map[string]string{"public:pypi": "http://uv.registry.example/simple uv pip install --help (built in)"})
	d.file(".config/uv/uv.toml", "[[index]]\nurl = 'http://a.example/'\n[[index]]\nurl = 'http://set.registry.example/simple'\ndefault = true\n")
	d.expect(d.ask(), map[string]string{"public:pypi": "http://set.registry.example/simple uv"})
	d.environ = append(d.environ, "UV_DEFAULT_INDEX=corp=http://env.registry.example/simple")
	d.expect(d.ask(), map[string]string{"public:pypi": "http://env.registry.example/simple uv"})
}

// TestToolsAreBounded: what floods is cut off; what hangs is killed with its children.
func TestToolsAreBounded(t *testing.T) {
	d := newDesk(t)
	d.tool("gem", `while :; do echo http://flood.registry.example/; done`)
	pids := filepath.Join(d.home, "pids")
	d.tool("npm", `sleep 1000 & echo $! >`+pids+`.new; mv `+pids+`.new `+pids+`; echo http://late.registry.example/; wait`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := newMachine(d.environ)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	if out, err := m.run(ctx, "gem"); err == nil {
		t.Errorf("%d bytes of a flood were taken", len(out))
	}
	var o output
	if n, err := io.Copy(&o, endless{}); !errors.Is(err, errOutput) || n > maxOutput {
		t.Errorf("%d bytes were taken: %v", n, err)
	}
	m.patience = 2 * time.Second // long enough to start
	if out, err := m.run(ctx, "npm"); err == nil || ctx.Err() != nil {
		t.Errorf("a program that hangs said %q, %v", out, ctx.Err())
	}
	b, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	child, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	for alive(child) { // it dies when the kernel comes to it
		select {
		case <-ctx.Done():
			t.Fatalf("the child %d of a killed program still runs", child)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if left, _ := filepath.Glob(filepath.Join(m.dir, "*")); !slices.Equal(left, []string{filepath.Join(m.dir, "package.json")}) {
		t.Errorf("left over: %q", left)
	}
}

// endless is a program that never stops talking.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// alive reports whether a process runs; one that waits to be reaped does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

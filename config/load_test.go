package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestDefault(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", filepath.Join(t.TempDir(), "data"))
	f := Default()
	if f.Listen != "127.0.0.1:8470" || f.Storage.Dir != filepath.Join(os.Getenv("XDG_DATA_HOME"), "entrepot") {
		t.Errorf("listen %q, dir %q", f.Listen, f.Storage.Dir)
	}
	if f.Storage.Memory.Bytes() != 256<<20 || f.Access != nil || f.TLS != nil {
		t.Errorf("defaults are %+v", f)
	}
	if mode, hosts := f.Forward.TunnelMode(); mode != "allow" || hosts != nil {
		t.Errorf("tunnel is %q %q", mode, hosts)
	}
	empty, ds := Parse(nil, "empty.hcl")
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	empty.Body, empty.inputs, empty.src = nil, nil, nil
	if !reflect.DeepEqual(empty, f) {
		t.Errorf("an empty file is %+v, not %+v", empty, f)
	}
}

func TestLoadResolvesAndInherits(t *testing.T) {
	f, ds := Load("testdata/clean.hcl")
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	here, _ := os.Getwd()
	c, d := f.Connection("private:corp"), f.Domain("acme")
	if c == nil || d == nil {
		t.Fatal("blocks are missing")
	}
	if c.Auth.Netrc != filepath.Join(here, "testdata", "netrc") {
		t.Errorf("netrc is %q", c.Auth.Netrc)
	}
	if c.Fresh.Value().Seconds() != 90 || c.Limit != DefaultLimit || f.Storage.Memory.Bytes() != 512<<20 {
		t.Errorf("fresh %v, limit %d, memory %d", c.Fresh.Value(), c.Limit, f.Storage.Memory.Bytes())
	}
	if d.Owner != DefaultOwner || d.Repository("team").Walk != "safe" || d.Repository("corp-store").Walk != "strict" {
		t.Errorf("domain is %+v", d)
	}
	if d.Repository("team").Place() != "testdata/clean.hcl:17" || !d.Repository("team").Sets("walk") || d.Sets("owner") {
		t.Errorf("place %q", d.Repository("team").Place())
	}
	if f.ConnectionFormat("private:corp") != "npm" || f.ConnectionFormat("public:go") != "go" || f.ConnectionFormat("x") != "" {
		t.Error("formats of connections are wrong")
	}
}

func TestFileReadsAndIsAnInput(t *testing.T) {
	f, _ := Load("testdata/functions.hcl")
	if got := f.Access.Tokens[0].Secret.Reveal(); got != "sixteen-characters-and-a-newline" {
		t.Errorf("file() is %q", got)
	}
	if got := f.Connection("public:go").URL; got != "https://registry.example/go" {
		t.Errorf("env() with a default is %q", got)
	}
	var names []string
	for _, p := range f.Inputs() {
		if !filepath.IsAbs(p) {
			t.Errorf("input %q is not absolute", p)
		}
		names = append(names, filepath.Base(p))
	}
	slices.Sort(names[1:])
	if want := []string{"functions.hcl", "functions.secret", "missing-policy.json"}; !slices.Equal(names, want) {
		t.Errorf("inputs are %q, want %q", names, want)
	}
}

func TestLoadOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.hcl")
	f, ds := Load(path)
	if !ds.HasErrors() || f == nil || !slices.Equal(f.Inputs(), []string{path}) {
		t.Errorf("got %v, %v", f, ds)
	}
	big := filepath.Join(t.TempDir(), "big.hcl")
	if err := os.WriteFile(big, []byte(strings.Repeat("#\n", maxFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ds := Load(big); !ds.HasErrors() {
		t.Error("a file of 2 MiB was read")
	}
}

func TestUnaddressed(t *testing.T) {
	src := `
connection "public:pypi" { url = "https://registry.example/" }
domain "acme" {
  repository "npm-store"  { external_connection = "public:npmjs" }
  repository "pypi-store" { external_connection = "public:pypi" }
  repository "go-store"   { external_connection = "public:go" }
}`
	f, ds := Parse([]byte(src), "config.hcl")
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	known := func(name string) bool { return name == "public:go" }
	ds = f.Unaddressed(known, func(name string) string { return "VARIABLE_OF_" + name })
	if len(ds) != 1 || ds[0].Place() != "config.hcl:4" || !strings.Contains(ds.String(), "VARIABLE_OF_public:npmjs") {
		t.Errorf("got %v", ds)
	}
	if ds.Err() == nil || Diagnostics(nil).Err() != nil {
		t.Error("Err is wrong")
	}
}

func TestTunnelMode(t *testing.T) {
	for src, want := range map[string]string{
		`"allow"`: "allow []", `"deny"`: "deny []", `["a.example"]`: "deny [a.example]", `[]`: "deny []",
	} {
		f, _ := Parse([]byte("forward { tunnel = "+src+" }"), "config.hcl")
		mode, hosts := f.Forward.TunnelMode()
		if got := mode + " [" + strings.Join(hosts, " ") + "]"; got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}

// FuzzParse: no input crashes, every diagnostic can be written and has a message, and what has none can be used.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.hcl")
	for _, path := range append(files, "../config.example.hcl") {
		if b, err := os.ReadFile(path); err == nil {
			f.Add(string(b))
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		file, ds := Parse([]byte(src), "fuzz.hcl")
		for _, d := range append(ds, file.Unaddressed(func(string) bool { return false }, func(s string) string { return s })...) {
			if d.Message == "" || d.String() == "" {
				t.Errorf("a diagnostic says nothing: %+v", d)
			}
		}
		file.Forward.TunnelMode()
		if ds.HasErrors() {
			return
		}
		if file.Storage.Memory.Bytes() < minMemory {
			t.Errorf("memory is %d", file.Storage.Memory.Bytes())
		}
		for i := range file.Domains {
			for j := range file.Domains[i].Repositories {
				if n := len(walk(&file.Domains[i], &file.Domains[i].Repositories[j], map[string]bool{})); n > maxWalk {
					t.Errorf("a walk of %d", n)
				}
			}
		}
	})
}

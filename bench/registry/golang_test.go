package registry

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"entrepot/proxy/format/formattest"
)

// goCommand runs the go command in dir, against the registry alone.
func goCommand(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), formattest.Client(t, "go"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-modcacherw -mod=mod", "GOTOOLCHAIN=local", "GOPATH="+t.TempDir(), "GOMODCACHE=",
		"GONOSUMDB=", "GOPRIVATE=", "GONOPROXY=", "GOINSECURE=", "GOWORK=off", "GOENV=off")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestGoCommand(t *testing.T) {
	r := New(Options{})
	r.AddModule("mod.example/Dep", "v1.0.0", map[string]string{"dep.go": "package dep\n\nconst One = 1\n"})
	r.AddModule("mod.example/Dep", "v1.1.0", map[string]string{"dep.go": "package dep\n\nconst One = 2\n"})
	r.AddModule("mod.example/Dep", "v1.2.0-pre", nil)
	r.AddModule("mod.example/Dep", "v0.0.0-20200101000000-0123456789ab", nil)
	r.QueryModule("mod.example/Dep", "main", "v0.0.0-20200101000000-0123456789ab")
	url := r.Start(t).URL + "/go"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module main.example\n\ngo 1.21\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	direct := []string{"GOPROXY=" + url, "GOSUMDB=" + r.SumDBKey() + " " + url + "/sumdb/sumdb.example"}
	proxied := []string{"GOPROXY=" + url, "GOSUMDB=" + r.SumDBKey()}
	for _, c := range []struct {
		env        []string
		args, want string
	}{
		{direct, "get mod.example/Dep@v1.0.0", "added mod.example/Dep v1.0.0"},
		{proxied, "get mod.example/Dep@latest", "upgraded mod.example/Dep v1.0.0 => v1.1.0"},
		{proxied, "list -m -versions mod.example/Dep", "mod.example/Dep v1.0.0 v1.1.0 v1.2.0-pre"},
		{proxied, "list -m mod.example/Dep@main", "mod.example/Dep v0.0.0-20200101000000-0123456789ab"},
	} {
		out, err := goCommand(t, dir, c.env, strings.Fields(c.args)...)
		if err != nil || !strings.Contains(out, c.want) {
			t.Errorf("go %s: %v\n%s", c.args, err, out)
		}
	}
	if r.Requests("/go/sumdb/sumdb.example/supported") == 0 || r.Requests("*/sumdb.example/lookup/*") < 2 || r.Requests("*/tile/*") == 0 {
		t.Error("the checksum database was not asked")
	}

	r.AddModule("mod.example/Dep", "v1.1.0", map[string]string{"dep.go": "package dep\n\nconst One = 3\n"})
	if out, err := goCommand(t, t.TempDir(), proxied, "mod", "download", "mod.example/Dep@v1.1.0"); err == nil || !strings.Contains(out, "SECURITY ERROR") {
		t.Errorf("changed bytes were not noticed: %v\n%s", err, out)
	}
	r.Unlog("mod.example/Dep")
	if out, err := goCommand(t, t.TempDir(), proxied, "mod", "download", "mod.example/Dep@v1.0.0"); err == nil || !strings.Contains(out, "404") {
		t.Errorf("a module unknown to the checksum database: %v\n%s", err, out)
	}
	r.RemoveModule("mod.example/Dep", "")
	if resp, _ := get(t, url+"/mod.example/!dep/@v/list"); resp.StatusCode != 404 {
		t.Errorf("a withdrawn module: %s", resp.Status)
	}
}

package main

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLogin configures every tool, over what a user had written, and once more: what was the user's stays, the token
// changes, and nothing else does.
func TestLogin(t *testing.T) {
	l := newLab(t, `repository "main" {}`)
	home := t.TempDir()
	mine := map[string]string{
		".npmrc":                       "fund=false\nregistry=https://old.example/\n",
		".config/pip/pip.conf":         "[install]\nno-color = true\n[global]\nindex-url=https://old.example/\ntimeout = 5\n",
		".pypirc":                      "[distutils]\nindex-servers =\n    mine\n[mine]\nusername = me\n",
		".cargo/config.toml":           "[net]\nretry = 7\n",
		".config/pypoetry/config.toml": "[virtualenvs]\ncreate = false\n",
		".yarnrc.yml":                  "nodeLinker: node-modules\nnpmAuthToken: old\n",
		".config/go/env":               "GOFLAGS=-mod=mod\n",
		".gemrc":                       "gem: --no-document\n",
	}
	for name, text := range mine {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	first := l.loginAll(home)
	second := l.loginAll(home)
	for path, text := range first {
		if !strings.Contains(text, "ent_…") && !strings.Contains(path, "pypoetry/config") && !strings.Contains(path, "cargo/config") && !strings.Contains(path, "go/env") {
			t.Errorf("%s has no token:\n%s", path, text)
		}
		if !strings.Contains(text, "/d/acme-111122223333/main/") && !strings.Contains(path, "credentials") && !strings.Contains(path, "auth.toml") {
			t.Errorf("%s has no endpoint:\n%s", path, text)
		}
		if second[path] != text {
			t.Errorf("%s differs after the second login:\n%s\nand before:\n%s", path, second[path], text)
		}
	}
	for name, want := range map[string]string{
		".npmrc": "fund=false", ".config/pip/pip.conf": "timeout = 5", ".pypirc": "username = me", ".cargo/config.toml": "retry = 7",
		".config/pypoetry/config.toml": "create = false", ".yarnrc.yml": "nodeLinker", ".config/go/env": "-mod=mod", ".gemrc": "--no-document",
	} {
		if !strings.Contains(first[name], want) || strings.Contains(first[name], "old") {
			t.Errorf("%s:\n%s", name, first[name])
		}
	}
	if err := os.WriteFile(filepath.Join(home, ".m2", "settings.xml"), []byte("<settings/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := l.login(home, "maven"); err == nil || !strings.Contains(out, "left alone") {
		t.Errorf("over a settings.xml of the user's: %v, %s", err, out)
	}
}

func (l *lab) login(home, tool string) (string, error) {
	id, secret := keyOf("reader")
	cmd := exec.Command("entrepot", "login", "--tool", tool, "--repository", "main", "--endpoint", l.p.url)
	cmd.Env = append(os.Environ(), "HOME="+home, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret, "ENTREPOT_TOKEN=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var secretText = regexp.MustCompile(`ent_[0-9A-Za-z]+`)

// loginAll logs every tool in, and returns what is in the home directory then, without the tokens.
func (l *lab) loginAll(home string) map[string]string {
	l.Helper()
	for _, tool := range slices.Sorted(maps.Keys(loginTools)) {
		if out, err := l.login(home, tool); err != nil {
			l.Errorf("%s: %v\n%s", tool, err, out)
		}
	}
	files := map[string]string{}
	err := filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			l.Errorf("%s has mode %v", path, info.Mode())
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(home, path)
		files[filepath.ToSlash(name)] = secretText.ReplaceAllString(string(b), "ent_…")
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	return files
}

package auth

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAdminToken(t *testing.T) {
	m, file := new(memory), filepath.Join(t.TempDir(), "admin-token")
	a := New(m)
	created, err := a.AdminToken(t.Context(), file)
	if !created || err != nil {
		t.Fatal(created, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	b, _ := os.ReadFile(file)
	secret := strings.TrimSpace(string(b))
	if got := who(t, a, bearer(secret), abroad); got != "admin admin" {
		t.Errorf("the token's owner is %s", got)
	}
	if err := a.Revoke(t.Context(), "", secret); err != nil {
		t.Fatal(err)
	}
	if created, err = a.AdminToken(t.Context(), file); created || err != nil {
		t.Errorf("again: %v, %v", created, err)
	}
	if got := who(t, a, bearer(secret), abroad); got != "401" {
		t.Errorf("a revoked token is back: %s", got)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}

func TestAdminTokenFails(t *testing.T) {
	m, dir := new(memory), t.TempDir()
	if _, err := New(m).AdminToken(t.Context(), filepath.Join(dir, "absent", "admin-token")); err == nil {
		t.Error("no error where the file cannot be written")
	}
	m.fail = errors.New("disk full")
	file := filepath.Join(dir, "admin-token")
	if created, err := New(m).AdminToken(t.Context(), file); created || !errors.Is(err, m.fail) {
		t.Errorf("%v, %v", created, err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file without a row")
	}
}

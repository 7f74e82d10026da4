package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"entrepot/proxy/format/formattest"
)

func TestNginxConfig(t *testing.T) {
	dir := t.TempDir()
	text := nginxConfig(nginxSettings{dir: dir, log: filepath.Join(dir, "access.log"), port: 18470, registry: "127.0.0.1:18471"})
	for _, line := range []string{
		"worker_processes 1;", "tcp_nopush off;", "open_file_cache max=", "access.log combined", "listen 127.0.0.1:18470;",
		"server 127.0.0.1:18471;", "sub_filter http://registry/npm/ http://127.0.0.1:18470/npm/main/;",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("there is no %q in it", line)
		}
	}
	if strings.Contains(text, "user ") || strings.Contains(text, "%!") {
		t.Error(text)
	}
	binary := formattest.Client(t, "nginx")
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, "-t", "-c", config, "-p", dir, "-e", filepath.Join(dir, "error.log")).CombinedOutput(); err != nil {
		t.Errorf("nginx refuses it: %s", out)
	}
}

func TestNginxConfigNamesTheWorkersUser(t *testing.T) {
	if text := nginxConfig(nginxSettings{user: "root"}); !strings.HasPrefix(text, "user root;\n") {
		t.Error(text[:40])
	}
}

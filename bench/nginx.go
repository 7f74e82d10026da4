package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// nginxSettings are what nginx's configuration depends on.
type nginxSettings struct {
	dir      string // of cache and temporary files
	log      string // file of the access log
	port     int
	registry string // host and port
	user     string // that the worker runs as, where the master is root; empty: the master's own
}

// nginxConfig makes nginx the best yardstick that it can be: one worker, an open-file cache, the access log buffered as
// ours is, and tcp_nopush off (on, bodies of 64 KB wait for delayed acknowledgements on loopback). Documents are
// rewritten by sub_filter, which needs them uncompressed; nothing else pays for that.
func nginxConfig(s nginxSettings) string {
	var user string
	if s.user != "" {
		user = "user " + s.user + ";\n"
	}
	return user + fmt.Sprintf(`worker_processes 1;
daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
  access_log %[2]s combined buffer=64k flush=1s;
  sendfile on;
  tcp_nopush off;
  keepalive_requests 1000000000;
  open_file_cache max=10000 inactive=10m;
  open_file_cache_valid 10m;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  proxy_cache_path %[1]s/cache levels=1:2 keys_zone=packages:16m max_size=20g inactive=1d use_temp_path=off;
  proxy_cache packages;
  proxy_cache_key $uri;
  proxy_cache_valid 200 1d;
  proxy_cache_lock on;
  proxy_cache_lock_timeout 60s;
  proxy_cache_lock_age 60s;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Accept-Encoding "";
  gzip_types application/json application/vnd.npm.install-v1+json;
  gzip_proxied any;
  upstream registry {
    server %[4]s;
    keepalive 64;
  }
  server {
    listen 127.0.0.1:%[3]d;
    location /npm/%[5]s/ { proxy_pass http://registry/npm/; }
    location /go/%[5]s/ { proxy_pass http://registry/go/; }
    location /cargo/%[5]s/ { proxy_pass http://registry/cargo/; }
    location /cargo/%[5]s/api/v1/crates/ { proxy_pass http://registry/cargo/files/; }
    location ~ ^/generic/%[5]s/[^/]+/([^/]+)/[^/]+/(.+)$ { proxy_pass http://registry/npm/$1/-/$2; }
    location = /npm/%[5]s/%[6]s {
      proxy_pass http://registry/npm/%[6]s;
      sub_filter_types application/json application/vnd.npm.install-v1+json;
      sub_filter_once off;
      sub_filter http://registry/npm/ http://127.0.0.1:%[3]d/npm/%[5]s/;
      gzip on;
    }
  }
}
`, s.dir, s.log, s.port, s.registry, benchRepository, documentPackage)
}

// nginx is nginx as a contender; ok is false where it is not installed.
func nginx(registry string) (c contender, ok bool) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		return c, false
	}
	return contender{"nginx", func(ctx context.Context, dir, log string) (*server, error) {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		settings := nginxSettings{dir: dir, log: log, port: port, registry: strings.TrimPrefix(registry, "http://")}
		if os.Geteuid() == 0 {
			settings.user = "root"
		}
		config := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(config, []byte(nginxConfig(settings)), 0o600); err != nil {
			return nil, err
		}
		stderr, err := os.Create(filepath.Join(dir, "stderr.log"))
		if err != nil {
			return nil, err
		}
		cmd := pinned(ctx, serverCore, binary, "-c", config, "-p", dir, "-e", filepath.Join(dir, "error.log"))
		cmd.Stderr = stderr
		s, err := launch("nginx", cmd, stderr)
		if err != nil {
			return nil, err
		}
		s.addr = fmt.Sprintf("127.0.0.1:%d", port)
		if err := s.accepts(ctx); err != nil {
			s.stop()
			return nil, err
		}
		return s, nil
	}}, true
}

// nginxVersion is how nginx calls itself: "nginx/1.22.1".
func nginxVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "nginx", "-v").CombinedOutput()
	if err != nil {
		return ""
	}
	_, version, _ := strings.Cut(strings.TrimSpace(string(out)), "nginx version: ")
	return version
}

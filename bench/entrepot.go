package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// domain and repository of ours, as in every path that is asked for.
const (
	benchDomain     = "bench"
	benchRepository = "main"
)

// buildEntrepot builds the server that is measured, on every core.
func buildEntrepot(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "entrepot")
	cmd := pinned(ctx, serverCore+","+driverCore, "go", "build", "-o", binary, "entrepot/cmd/entrepot")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

// entrepotConfig is ours: one repository with all formats upstream, read by anybody. What generic paths lead to are
// npm's tarballs.
func entrepotConfig(registry string) string {
	return fmt.Sprintf(`
listen = "127.0.0.1:0"
connection "public:npmjs" {
  url   = "%[1]s/npm/"
  proxy = "none"
}
connection "public:go" {
  url   = "%[1]s/go/"
  sumdb = "off"
  proxy = "none"
}
connection "public:crates-io" {
  url   = "%[1]s/cargo/"
  proxy = "none"
}
connection "private:files" {
  format = "generic"
  url    = "%[1]s/npm/"
  layout = "{package}/-/{asset}"
  proxy  = "none"
}
domain "%[2]s" {
  owner = "111122223333"
  repository "npm-store" { external_connection = "public:npmjs" }
  repository "go-store" { external_connection = "public:go" }
  repository "crates-store" { external_connection = "public:crates-io" }
  repository "file-store" { external_connection = "private:files" }
  repository "%[3]s" { upstreams = ["npm-store", "go-store", "crates-store", "file-store"] }
}
access { anonymous = "read" }
`, registry, benchDomain, benchRepository)
}

// entrepot is ours as a contender, or an earlier build of it.
func entrepot(name, binary, registry string) contender {
	return contender{name, func(ctx context.Context, dir, log string) (*server, error) {
		config := filepath.Join(dir, "config.hcl")
		if err := os.WriteFile(config, []byte(entrepotConfig(registry)), 0o600); err != nil {
			return nil, err
		}
		stderr, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		cmd := pinned(ctx, serverCore, binary, "serve", "--config", config, "--data", filepath.Join(dir, "data"))
		cmd.Stderr = stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return nil, errors.Join(err, stderr.Close())
		}
		s, err := launch(name, cmd, stderr)
		if err != nil {
			return nil, err
		}
		if s.addr, err = readyAddress(stdout); err != nil {
			s.stop()
			return nil, fmt.Errorf("%w; see %s", err, log)
		}
		return s, nil
	}}
}

// readyAddress waits for the line that says where the server listens.
func readyAddress(stdout io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	came := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(stdout).ReadString('\n')
		came <- answer{line, err}
	}()
	select {
	case a := <-came:
		_, addr, ok := strings.Cut(strings.TrimSpace(a.line), " ready on http://")
		if !ok {
			return "", errors.Join(fmt.Errorf("entrepot is not ready: it says %q", a.line), a.err)
		}
		return addr, nil
	case <-time.After(startTimeout):
		return "", errors.New("entrepot is not ready in time")
	}
}

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary the command itself where it is called entrepot, so that tests run the real thing.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"entrepot": main, "probe": probe})
}

// everything tells whether the long tests run in full, as in CI.
func everything() bool { return os.Getenv("ENTREPOT_TEST_ALL") != "" }

// process is a running serve command.
type process struct {
	t      *testing.T // nil in scripts
	cmd    *exec.Cmd
	url    string // ends in "/"
	stderr *output
	exited chan struct{} // closed when it has ended
}

// output gathers what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *output) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *output) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// begin starts a serve command, and returns when its ready line is out.
func begin(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, stderr: &output{}, exited: make(chan struct{})}
	cmd.Stderr = p.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		ready <- line
		io.Copy(io.Discard, r)
		cmd.Wait() // the code is in ProcessState
		close(p.exited)
	}()
	line := ""
	select {
	case line = <-ready:
	case <-time.After(30 * time.Second):
	}
	url, ok := strings.CutPrefix(line, "entrepot ready on ")
	if !ok {
		p.kill()
		return nil, fmt.Errorf("no ready line, but %q and\n%s", line, p.stderr)
	}
	p.url = strings.TrimSpace(url) + "/"
	return p, nil
}

// serving runs entrepot serve with the arguments on a free port, until it is killed or the test ends.
func serving(t *testing.T, args ...string) *process {
	t.Helper()
	p, err := begin(serveCommand(args...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	p.t = t
	return p
}

func serveCommand(args ...string) *exec.Cmd {
	return exec.Command("entrepot", append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	p.cmd.Process.Kill() // it may be gone already
	<-p.exited
}

// client opens a connection for each request. The time-out is a safety net.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: time.Minute}

// fetch gets a path; the error says that the body is not whole.
func (p *process) fetch(path string) (int, []byte, error) {
	resp, err := client.Get(p.url + path)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// serves checks that a path gives certain bytes.
func (p *process) serves(path string, want []byte) {
	p.t.Helper()
	status, got, err := p.fetch(path)
	if err != nil || status != http.StatusOK || !bytes.Equal(got, want) {
		p.t.Errorf("GET %s: %d, %v, %d bytes; want %d", path, status, err, len(got), len(want))
	}
}

// writeConfig writes a configuration of an npm registry behind main.
func writeConfig(t *testing.T, dir, registry string) string {
	t.Helper()
	path := filepath.Join(dir, "entrepot.hcl")
	text := fmt.Sprintf(`
storage {
  dir    = %q
  memory = "64MiB"
}

connection "public:npmjs" {
  url = "%s/npm/"
}

domain "acme" {
  owner = "111122223333"
  repository "npm-store" { external_connection = "public:npmjs" }
  repository "main"      { upstreams = ["npm-store"] }
}

access {
  anonymous = "read"
  token "ci" {
    secret = %q
    policy = "publish"
  }
}
`, filepath.Join(dir, "data"), registry, publisherToken)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const publisherToken = "a-token-of-some-length"

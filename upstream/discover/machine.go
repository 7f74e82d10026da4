package discover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Bounds of one question.
const (
	patience  = 5 * time.Second // the slowest (dotnet, gradle) take 1 to 3 s when cold
	grace     = 500 * time.Millisecond
	maxOutput = 256 << 10
	parallel  = 4 // tools at a time: they are interpreters, and the server is starting beside them
)

// machine is where tools are asked: an empty directory and an environment in which nothing of a checkout remains.
type machine struct {
	dir      string
	env      []string
	slot     chan struct{}
	patience time.Duration
}

// newMachine makes the directory below the user's own, so that no file of another user stands above it (tools look
// upwards), and stops that search with an empty package.json.
func newMachine(environ []string) (*machine, error) {
	if environ == nil {
		environ = os.Environ()
	}
	parent, err := os.UserCacheDir()
	if err == nil {
		err = os.MkdirAll(parent, 0o700)
	}
	var dir string
	if err == nil {
		dir, err = os.MkdirTemp(parent, "entrepot-ask-")
	}
	if err != nil { // no home: a service account
		if dir, err = os.MkdirTemp("", "entrepot-ask-"); err != nil {
			return nil, fmt.Errorf("asking tools: %w", err)
		}
	}
	m := &machine{dir: dir, env: scoped(environ), slot: make(chan struct{}, parallel), patience: patience}
	return m, os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}\n"), 0o600)
}

func (m *machine) close() { _ = os.RemoveAll(m.dir) }

// scoped takes out what npm sets for the scripts of a project, and adds what keeps tools from prompting, from
// changing themselves and from the network.
func scoped(environ []string) []string {
	script := slices.ContainsFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, "npm_command=") })
	var env []string
	for _, kv := range environ {
		if strings.HasPrefix(kv, "PWD=") || script && strings.HasPrefix(kv, "npm_") {
			continue
		}
		env = append(env, kv)
	}
	return append(env, "CI=1", "NO_COLOR=1", "NO_UPDATE_NOTIFIER=1",
		"COREPACK_ENABLE_NETWORK=0", "COREPACK_ENABLE_DOWNLOAD_PROMPT=0", "COREPACK_ENABLE_PROJECT_SPEC=0",
		"GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=",
		"PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1", "RUSTUP_AUTO_INSTALL=0",
		"DOTNET_NOLOGO=1", "DOTNET_CLI_TELEMETRY_OPTOUT=1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1", "DOTNET_CLI_UI_LANGUAGE=en")
}

// getenv returns a variable of the environment that the tools see.
func (m *machine) getenv(name string) string {
	for _, kv := range slices.Backward(m.env) {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			return v
		}
	}
	return ""
}

// home is a path below the user's directory.
func (m *machine) home(path ...string) string {
	base := m.getenv("HOME")
	if base == "" {
		base = m.getenv("USERPROFILE")
	}
	return filepath.Join(append([]string{base}, path...)...)
}

// look finds a program in the PATH that the tools see.
func (m *machine) look(name string) (string, error) {
	for _, dir := range filepath.SplitList(m.getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue // relative to a checkout
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// run returns what a program prints. It has 5 seconds and 256 KiB; then it and its children are killed.
func (m *machine) run(ctx context.Context, name string, args ...string) (string, error) {
	return m.runWith(ctx, nil, name, args...)
}

// runWith is run with a changed environment: NAME=VALUE sets, NAME alone takes out.
func (m *machine) runWith(ctx context.Context, env []string, name string, args ...string) (string, error) {
	path, err := m.look(name)
	if err != nil {
		return "", err
	}
	select {
	case m.slot <- struct{}{}:
		defer func() { <-m.slot }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	var out output
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout = m.dir, append(changed(m.env, env), "PWD="+m.dir), &out
	cmd.WaitDelay = grace // a child in the background may hold the output open
	ownGroup(cmd)
	err = cmd.Run()
	if err != nil && cmd.Process != nil {
		_ = cmd.Cancel() // what it started may still run
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out.buffer.String(), nil
}

func changed(environ, changes []string) []string {
	env := slices.Clone(environ)
	for _, c := range changes {
		name, _, set := strings.Cut(c, "=")
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		if set {
			env = append(env, c)
		}
	}
	return env
}

// output takes a bounded number of bytes. It embeds no buffer: io.Copy would use its ReadFrom, which has no bound.
type output struct{ buffer bytes.Buffer }

var errOutput = errors.New("too much output")

func (o *output) Write(p []byte) (int, error) {
	if o.buffer.Len()+len(p) > maxOutput {
		return 0, errOutput
	}
	return o.buffer.Write(p)
}

//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"entrepot/bench/registry"
)

// TestScripts runs the sessions in testdata/script with the real command. Each has a fake registry of its own, whose
// address is $REGISTRY, and an empty home; its PATH has the command and $WORK/tools.
//
// Beside testscript's own commands there are:
//
//	serve NAME ARG…          starts entrepot serve on a free port; $NAME is its URL, $NAME_address its HOST:PORT
//	signal NAME KILL|TERM|HUP
//	ended NAME CODE          waits for its end
//	said NAME REGEXP         waits until it has said that on stderr
//	code CODE COMMAND…       runs a command that must end with that code
//	get STATUS URL [NAME: VALUE]…
//	until STATUS URL [REGEXP]  gets until it comes so
//	begin URL                begins a download, and reads a first part of it
//	finish                   reads the rest of it
//	registry add NAME VERSION BYTES | down | up | stall BYTES | release
//	subst FILE…              replaces $REGISTRY and $WORK
//	authorized STATUS URL FILE  is get with the token in the file
//	revoke FILE              revokes the token in the file
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			s := &session{registry: registry.New(registry.Options{}), processes: map[string]*process{}}
			l, err := s.registry.Listen("127.0.0.1:0")
			if err != nil {
				return err
			}
			s.listener = l
			env.Defer(s.end)
			env.Values[sessionKey{}] = s
			env.Setenv("REGISTRY", l.URL)
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
			env.Setenv("PATH", filepath.SplitList(os.Getenv("PATH"))[0]+string(filepath.ListSeparator)+filepath.Join(env.WorkDir, "tools"))
			return os.MkdirAll(filepath.Join(env.WorkDir, "home"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": scriptServe, "signal": scriptSignal, "ended": scriptEnded, "said": scriptSaid,
			"get": scriptGet, "until": scriptUntil, "begin": scriptBegin, "finish": scriptFinish, "registry": scriptRegistry,
			"subst": scriptSubst, "authorized": scriptAuthorized, "revoke": scriptRevoke, "code": scriptCode,
		},
	})
}

type sessionKey struct{}

// session is what a script works with.
type session struct {
	registry  *registry.Registry
	listener  *registry.Listener
	processes map[string]*process
	release   func()
	download  *http.Response
	first     int64
}

func (s *session) end() {
	for _, p := range s.processes {
		p.kill()
	}
	s.listener.Down()
}

func sessionOf(ts *testscript.TestScript) *session { return ts.Value(sessionKey{}).(*session) }

func (s *session) process(ts *testscript.TestScript, name string) *process {
	p := s.processes[name]
	if p == nil {
		ts.Fatalf("nothing called %s was started", name)
	}
	return p
}

func want(ts *testscript.TestScript, neg bool, args []string, least int, usage string) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", usage)
	}
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "serve NAME ARG…")
	s := sessionOf(ts)
	path, err := exec.LookPath("entrepot")
	ts.Check(err)
	cmd := exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0"}, args[1:]...)...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "XDG_CACHE_HOME", "REGISTRY", "TMPDIR", "ENTREPOT_PUBLIC_NPMJS_URL"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	p, err := begin(cmd)
	ts.Check(err)
	s.processes[args[0]] = p
	ts.Setenv(args[0], p.url)
	ts.Setenv(args[0]+"_address", strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/"))
	ts.Logf("%s is at %s", args[0], p.url)
}

func scriptSignal(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "signal NAME KILL|TERM|HUP")
	signals := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}
	ts.Check(sessionOf(ts).process(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

func scriptEnded(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "ended NAME CODE")
	p := sessionOf(ts).process(ts, args[0])
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		ts.Fatalf("%s goes on:\n%s", args[0], p.stderr)
	}
	if code := strconv.Itoa(p.cmd.ProcessState.ExitCode()); code != args[1] {
		ts.Fatalf("%s ended with %s:\n%s", args[0], code, p.stderr)
	}
}

func scriptSaid(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "said NAME REGEXP")
	p, re := sessionOf(ts).process(ts, args[0]), regexp.MustCompile(args[1])
	if !within(func() bool { return re.MatchString(p.stderr.String()) }) {
		ts.Fatalf("%s did not say %s, but\n%s", args[0], args[1], p.stderr)
	}
}

// within reports whether something comes true in good time.
func within(happened func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !happened() {
		select {
		case <-tick.C:
		case <-late:
			return false
		}
	}
	return true
}

// fetchAt gets an address.
func fetchAt(ts *testscript.TestScript, url string, headers []string) (int, []byte) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	ts.Check(err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		req.Header.Set(name, strings.TrimSpace(value))
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return resp.StatusCode, b
}

func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "get STATUS URL [NAME: VALUE]…")
	status, body := fetchAt(ts, args[1], args[2:])
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%d %s", status, body)
	}
	ts.Stdout().Write(body)
}

// scriptAuthorized is get with the token in a file.
func scriptAuthorized(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 3, "authorized STATUS URL FILE")
	scriptGet(ts, neg, []string{args[0], args[1], "Authorization: Bearer " + strings.TrimSpace(ts.ReadFile(args[2]))})
}

// scriptCode runs a command that must end with a certain code.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "code CODE COMMAND…")
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), ts.Stdout(), ts.Stderr()
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH")}
	_ = cmd.Run() // the code says how it went
	if code := strconv.Itoa(cmd.ProcessState.ExitCode()); code != args[0] {
		ts.Fatalf("it ended with %s", code)
	}
}

// scriptRevoke revokes the token in a file, by itself.
func scriptRevoke(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "revoke FILE")
	ts.Check(ts.Exec("entrepot", "token", "revoke", "--config", "entrepot.hcl", "--data", "data", strings.TrimSpace(ts.ReadFile(args[0]))))
}

func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 2, "until STATUS URL [REGEXP]")
	re := regexp.MustCompile(strings.Join(args[2:], " "))
	last := ""
	good := within(func() bool {
		status, body := fetchAt(ts, args[1], nil)
		last = fmt.Sprintf("%d %s", status, body)
		return strconv.Itoa(status) == args[0] && re.Match(body)
	})
	if !good {
		ts.Fatalf("in the end it was %s", last)
	}
}

func scriptBegin(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "begin URL")
	s := sessionOf(ts)
	resp, err := client.Get(args[0])
	ts.Check(err)
	s.download = resp
	s.first, err = io.CopyN(io.Discard, resp.Body, 1000)
	ts.Check(err)
}

func scriptFinish(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 0, "finish")
	s := sessionOf(ts)
	defer s.download.Body.Close()
	rest, err := io.Copy(io.Discard, s.download.Body)
	ts.Check(err)
	if s.first+rest != s.download.ContentLength {
		ts.Fatalf("%d bytes of %d", s.first+rest, s.download.ContentLength)
	}
}

func scriptRegistry(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "registry add NAME VERSION BYTES | down | up | stall BYTES | release")
	s := sessionOf(ts)
	number := func(i int) int64 {
		n, err := strconv.ParseInt(args[i], 10, 64)
		ts.Check(err)
		return n
	}
	switch args[0] {
	case "add":
		s.registry.AddNPM(args[1], args[2], registry.NPMVersion{Size: number(3)})
	case "down":
		s.listener.Down()
	case "up":
		ts.Check(s.listener.Up())
	case "stall":
		s.release = s.registry.Fault("*.tgz", registry.Fault{Stall: number(1)})
	case "release":
		s.release()
	default:
		ts.Fatalf("registry %s", args[0])
	}
}

// scriptSubst replaces $REGISTRY and $WORK in files: configurations come with the script, and addresses do not.
func scriptSubst(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, neg, args, 1, "subst FILE…")
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(v string) string {
			if v == "REGISTRY" || v == "WORK" {
				return ts.Getenv(v)
			}
			return "$" + v
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rs/zerolog"

	"entrepot/config"
	"entrepot/proxy/forward"
	"entrepot/proxy/forward/authority"
)

// exitStatus is the error of a command that ended with another code than 0. It has said why itself.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func execute(ctx context.Context, env *environment, args []string) error {
	fs := flags(env, "exec", "[--config FILE] [--data DIR] [--report FILE] -- COMMAND…",
		"Runs a command behind a private proxy that answers package managers from the cache, with the variables set that\n"+
			"lead each tool through it. Exits with the command's code. One line on stderr says at the end what came of it.")
	var s settings
	s.register(env, fs, "config", "data")
	report := fs.String("report", "", "write what was fetched to `FILE` (CycloneDX JSON)")
	verbose := fs.Bool("verbose", false, "log to stderr")
	quiet := fs.Bool("quiet", false, "say nothing at the end")
	if err := parse(env, fs, args, len(args)); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return &usageError{"exec: say what to run: entrepot exec -- COMMAND…", false}
	}
	file, dir, err := s.open()
	if err != nil {
		return err
	}
	inner := &environment{io.Discard, io.Discard, env.getenv}
	level := zerolog.Disabled
	if *verbose {
		inner.stderr, level = env.stderr, zerolog.InfoLevel
	}
	r := &running{settings: s, env: inner, dir: dir, log: zerolog.New(inner.stderr).Level(level).With().Timestamp().Logger()}
	tally := newTally()
	code, err := r.exec(context.WithoutCancel(ctx), file, tally, env, fs.Args())
	if err != nil {
		return err
	}
	if !*quiet {
		fmt.Fprintf(env.stderr, "entrepot: %s\n", tally)
	}
	if *report != "" {
		if err := tally.writeReport(*report); err != nil {
			return err
		}
	}
	if code != 0 {
		return exitStatus(code)
	}
	return nil
}

// exec runs a command behind a proxy of its own.
func (r *running) exec(ctx context.Context, file *config.File, t *tally, env *environment, command []string) (code int, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	r.addr = listener.Addr()
	house, leave, err := r.join(ctx, file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, leave()) }()

	secret := rand.Text()
	proxy := forward.New(r.privateProxy(t.watch(house), secret))
	server := newHTTPServer(proxy, r.log)
	go func() { _ = server.Serve(listener) }() // ends with the listener
	defer func() {
		ending, cancel := context.WithTimeout(ctx, drain)
		defer cancel()
		err = errors.Join(err, server.Shutdown(ending), proxy.Shutdown(ending))
	}()

	ca, err := authority.Open(caDir(r.dir))
	if err != nil {
		return 0, err
	}
	own, err := os.MkdirTemp("", "entrepot-exec-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(own)
	trusted, err := publishTrust(ca, own, env.getenv)
	if err != nil {
		return 0, err
	}
	address := &url.URL{Scheme: "http", User: url.UserPassword("exec", secret), Host: listener.Addr().String()}
	here := registryHere(file)
	return runCommand(command, variables(address, trusted, direct(env.getenv, here), env.getenv))
}

// registryHere reports whether a connection's registry stands on this machine: then tools have to reach it through us.
func registryHere(file *config.File) bool {
	addresses := []string{}
	for _, c := range file.Connections {
		addresses = append(addresses, c.URL)
	}
	for _, e := range os.Environ() {
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, "ENTREPOT_PUBLIC_") && strings.HasSuffix(name, "_URL") {
			addresses = append(addresses, value)
		}
	}
	for _, a := range addresses {
		if u, err := url.Parse(a); err == nil {
			ip, err := netip.ParseAddr(u.Hostname())
			if u.Hostname() == "localhost" || err == nil && ip.IsLoopback() {
				return true
			}
		}
	}
	return false
}

// privateProxy serves the command and nobody else: every host is opened, to see whether it is a registry.
func (r *running) privateProxy(opened http.Handler, secret string) forward.Options {
	o := r.forwardOptions(neverWarm{})
	o.Next, o.Opened = http.NotFoundHandler(), opened
	rules := &forward.Rules{
		Clients: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Tunnel: true, Learn: true,
		Opens: func(forward.Target) bool { return false },
	}
	o.Rules = func() *forward.Rules { return rules }
	o.Authenticate = func(q *http.Request) (any, error) {
		given := http.Request{Header: http.Header{"Authorization": q.Header["Proxy-Authorization"]}}
		_, password, ok := given.BasicAuth()
		if client, err := netip.ParseAddrPort(q.RemoteAddr); err == nil && !ok && sameUser(client, r.addr.(*net.TCPAddr).AddrPort()) {
			return neighbour, nil
		}
		if !ok || subtle.ConstantTimeCompare([]byte(password), []byte(secret)) != 1 {
			return nil, errors.New("this proxy is another command's own")
		}
		return neighbour, nil
	}
	return o
}

// join makes this process the owner of the data directory, or its owner's client: until it can be the owner itself.
func (r *running) join(ctx context.Context, file *config.File) (http.Handler, func() error, error) {
	f := newFollower(r.dir)
	owner, err := own(r.dir)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	serve := func(owner *ownership) (*keeper, error) {
		k, err := r.open(ctx, file, owner)
		if err != nil {
			owner.close()
			return nil, err
		}
		f.take(k.interceptor)
		return k, nil
	}
	leave := func() error {
		cancel()
		return <-done
	}
	if owner != nil {
		k, err := serve(owner)
		if err != nil {
			cancel()
			return nil, nil, err
		}
		go func() { <-ctx.Done(); err := k.close(); owner.close(); done <- err }()
		return f, leave, nil
	}
	go func() {
		owner, err := wait(ctx, r.dir)
		if err != nil {
			done <- nil // ctx ended
			return
		}
		k, err := serve(owner)
		if err != nil {
			done <- err
			return
		}
		<-ctx.Done()
		err = k.close()
		owner.close()
		done <- err
	}()
	return f, leave, nil
}

// The codes of shells for a command that cannot be run.
const (
	notExecutable = 126
	notFound      = 127
	bySignal      = 128 // and its number
)

// runCommand runs a command to its end, passes signals on to it, and returns its exit code.
func runCommand(command []string, vars []variable) (int, error) {
	c := exec.Command(command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = os.Environ()
	for _, v := range vars {
		c.Env = append(c.Env, v.name+"="+v.value)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, passedOn...)
	defer signal.Stop(signals)
	if err := c.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "entrepot: %v\n", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return notFound, nil
		}
		return notExecutable, nil
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				if s != os.Interrupt || !fromTerminal() { // else the terminal has told the command as well
					_ = c.Process.Signal(s)
				}
			case <-done:
				return
			}
		}
	}()
	err := c.Wait()
	close(done)
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &failed):
		return 0, err
	}
	if s, ok := failed.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return bySignal + int(s.Signal()), nil
	}
	return failed.ExitCode(), nil
}

// fromTerminal reports whether an interrupt comes from a terminal, which sends it to all processes in front.
func fromTerminal() bool {
	info, err := os.Stdin.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

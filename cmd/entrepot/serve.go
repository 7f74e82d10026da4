package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"entrepot/config"
	"entrepot/proxy/lane"
)

// The server's time-outs. A head that does not come in readHeader is a client that is stuck or worse; an idle
// connection is kept for longer than any package manager's own pool keeps it; drain is what an orchestrator waits by
// default before it kills.
const (
	readHeader = 10 * time.Second
	idle       = 2 * time.Minute
	drain      = 25 * time.Second
)

// maxHeader bounds a request's header. Tokens are the longest thing in it, and stay below 8 KiB.
const maxHeader = 64 << 10

func serve(ctx context.Context, env *environment, args []string) error {
	fs := flags(env, "serve", "[--config FILE] [--data DIR] [--listen ADDR]",
		"Runs the server. Without a configuration it serves the registries that this machine's tools use, from a\n"+
			"repository main. It prints one line on stdout when it accepts requests. SIGTERM drains, SIGHUP reloads.")
	var s settings
	s.register(env, fs, "config", "data", "listen")
	if err := parse(env, fs, args, 0); err != nil {
		return err
	}
	file, dir, err := s.open()
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(file.Storage.Memory.Bytes())
	run := &running{settings: s, env: env, dir: dir, log: newLogger(env.stderr, file.LogLevel)}
	return run.serve(ctx, file)
}

func newLogger(w interface{ Write([]byte) (int, error) }, level string) zerolog.Logger {
	l, err := zerolog.ParseLevel(level)
	if err != nil || level == "" {
		l = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(l).With().Timestamp().Logger()
}

// running is a serve command at work.
type running struct {
	settings settings
	env      *environment
	dir      string
	log      zerolog.Logger
	tls      *tls.Config // of the port; nil: it speaks plain HTTP
	addr     net.Addr    // of the port
}

// serve listens, and serves as the owner of the data directory or as its owner's client.
func (r *running) serve(ctx context.Context, file *config.File) error {
	listener, err := net.Listen("tcp", file.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	r.addr = listener.Addr()
	if r.tls, err = portTLS(file, r.dir, r.log); err != nil {
		return err
	}
	owner, err := own(r.dir)
	if err != nil {
		return err
	}
	if owner == nil {
		return r.follow(ctx, file, listener)
	}
	defer owner.close()
	k, err := r.open(ctx, file, owner)
	if err != nil {
		return err
	}
	server := newHTTPServer(k.forward, r.log)
	return errors.Join(r.accept(ctx, server, r.inLane(listener, k), listener.Addr(), k.reload), k.close())
}

// follow serves through the owner of the data directory, and takes it over when the owner goes.
func (r *running) follow(ctx context.Context, file *config.File, listener net.Listener) error {
	f := newFollower(r.dir)
	r.log.Info().Str("data", r.dir).Msg("another process owns the data directory; serving through it")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		owner, err := wait(ctx, r.dir)
		if err != nil {
			done <- nil // ctx ended
			return
		}
		defer owner.close()
		k, err := r.open(ctx, file, owner)
		if err != nil {
			cancel()
			done <- err
			return
		}
		r.log.Info().Str("data", r.dir).Msg("the data directory is ours now")
		f.take(k.forward)
		<-ctx.Done()
		done <- k.close()
	}()
	port := listener
	if r.tls != nil {
		c := r.tls.Clone()
		c.NextProtos = []string{"h2", "http/1.1"}
		port = tls.NewListener(listener, c)
	}
	err := r.accept(ctx, newHTTPServer(f, r.log), port, listener.Addr(), nil)
	cancel()
	return errors.Join(err, <-done)
}

func newHTTPServer(h http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeader, IdleTimeout: idle, MaxHeaderBytes: maxHeader,
		ErrorLog: stdLogger(log), ConnState: lane.Hook,
	}
}

// accept serves until ctx ends, then drains.
func (r *running) accept(ctx context.Context, server *http.Server, l net.Listener, addr net.Addr, reload func(string)) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	scheme := "http"
	if r.tls != nil {
		scheme = "https"
	}
	fmt.Fprintf(r.env.stdout, "entrepot ready on %s://%s\n", scheme, addr)
	for {
		select {
		case err := <-failed:
			return err
		case <-hangups:
			if reload != nil {
				reload("SIGHUP")
			}
		case <-ctx.Done():
			r.log.Info().Msg("draining")
			ending, cancel := context.WithTimeout(context.Background(), drain)
			defer cancel()
			if err := server.Shutdown(ending); err != nil {
				return errors.Join(err, server.Close())
			}
			if l, ok := l.(*lane.Listener); ok {
				return l.Drain(ending) // net/http takes a connection for idle while the lane answers on it
			}
			return nil
		}
	}
}

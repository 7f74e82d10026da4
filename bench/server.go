package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// contender is a server that can be measured.
type contender struct {
	name string
	// start runs one with its own directory, its access log going to the file log, until ctx ends or it is stopped.
	start func(ctx context.Context, dir, log string) (*server, error)
}

// server is a contender at work.
type server struct {
	name  string
	addr  string // host and port
	cmd   *exec.Cmd
	ended chan struct{}
	log   *os.File // what it says, given back when it ends
}

// startTimeout is for a server that should take a fraction of a second, on a machine that does other things too.
const startTimeout = 30 * time.Second

// launch starts the process of a server.
func launch(name string, cmd *exec.Cmd, log *os.File) (*server, error) {
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &server{name: name, cmd: cmd, ended: make(chan struct{}), log: log}
	go func() {
		defer close(s.ended)
		_ = cmd.Wait() // how it ends is no result
		log.Close()
	}()
	return s, nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the server and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// accepts waits until the server takes connections.
func (s *server) accepts(ctx context.Context) error {
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			return c.Close()
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%s has ended; see %s", s.name, s.log.Name())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New(s.name + " does not accept connections")
}

// freePort is a port of loopback that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ownership is the right to write to a data directory (invariant 13). The first process takes the lock and listens on
// a socket beside it; every other is its client.
type ownership struct {
	dir    string
	file   *os.File
	socket net.Listener
}

// lockInterval is how often a process that waits for the directory looks whether its owner is gone.
const lockInterval = 100 * time.Millisecond

// own takes the data directory, or returns nil if another process has it.
func own(dir string) (*ownership, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	got, err := tryLock(file)
	if err != nil || !got {
		file.Close()
		return nil, err
	}
	o := &ownership{dir: dir, file: file}
	if err := o.listen(); err != nil {
		file.Close()
		return nil, fmt.Errorf("data directory: socket: %w", err)
	}
	return o, nil
}

// maxSocketPath is what sun_path takes on the systems where it is shortest (macOS: 104 bytes with the final zero).
const maxSocketPath = 100

// listen opens the socket and writes its path into the lock file, since a deep directory has no room for it.
func (o *ownership) listen() error {
	path := filepath.Join(o.dir, "socket")
	if len(path) > maxSocketPath {
		dir, err := os.MkdirTemp("", "entrepot")
		if err != nil {
			return err
		}
		path = filepath.Join(dir, "socket")
	}
	_ = os.Remove(path) // of an owner that was killed
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(path, 0o600), o.file.Truncate(0)); err != nil {
		l.Close()
		return err
	}
	if _, err := o.file.WriteAt([]byte(path+"\n"), 0); err != nil {
		l.Close()
		return err
	}
	o.socket = l
	return nil
}

// close gives the directory back.
func (o *ownership) close() {
	o.socket.Close()
	o.file.Close()
}

// wait takes the data directory as soon as its owner is gone.
func wait(ctx context.Context, dir string) (*ownership, error) {
	tick := time.NewTicker(lockInterval)
	defer tick.Stop()
	for {
		o, err := own(dir)
		if o != nil || err != nil {
			return o, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// toOwner is a transport to the process that owns the data directory, whatever host a request names.
func toOwner(dir string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			path, err := os.ReadFile(filepath.Join(dir, "lock"))
			if err != nil {
				return nil, err
			}
			var d net.Dialer
			return d.DialContext(ctx, "unix", strings.TrimSpace(string(path)))
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}
}

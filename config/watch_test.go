package config

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watched starts Watch on real files and returns a channel that gets a value per change.
func watched(t *testing.T, path string, includes ...string) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	changes, ready, done := make(chan struct{}, 16), make(chan struct{}, 16), make(chan error, 1)
	named := func() []string {
		select {
		case ready <- struct{}{}:
		default:
		}
		return includes
	}
	go func() { done <- Watch(ctx, path, named, func() { changes <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	await(t, ready) // it has asked for its inputs to take their sums,
	await(t, ready) // and asks again when it has: what happens from here on is news
	return changes
}

func await(t *testing.T, c <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case <-c:
	case <-ctx.Done():
		t.Fatal("nothing was noticed")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace does what editors do: a new file under the old name.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchSeesEditors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.hcl")
	write(t, path, "one")
	changes := watched(t, path)
	for _, text := range []string{"two", "three", "four"} {
		replace(t, path, text)
		await(t, changes)
	}
	write(t, path, "in place")
	await(t, changes)
}

func TestWatchSeesIncludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.hcl")
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, path, "one")
	changes := watched(t, path, secret) // it does not exist yet
	write(t, secret, "hunter2")
	await(t, changes)
	replace(t, secret, "hunter3")
	await(t, changes)
}

// TestWatchSeesConfigMaps swaps the symbolic link ..data as the kubelet does.
func TestWatchSeesConfigMaps(t *testing.T) {
	dir := t.TempDir()
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	version := func(name, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "config.hcl"), text)
	}
	version("..1", "one")
	link("..1", "..data")
	link("..data/config.hcl", "config.hcl")
	changes := watched(t, filepath.Join(dir, "config.hcl"))
	for _, v := range []string{"..2", "..3"} {
		version(v, "version "+v)
		link(v, "..data_tmp")
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		await(t, changes)
	}
}

// TestWatchingRests: what says nothing new is no change, several writes are one, and the poll sees what no event told.
func TestWatchingRests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.hcl")
	synctest.Test(t, func(t *testing.T) {
		write(t, path, "one")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events, changes := make(chan struct{}), atomic.Int32{}
		in := newInputs(path, func() []string { return nil })
		go watching(ctx, events, func() {}, in, func() { changes.Add(1) })
		expect := func(what string, want int32) {
			t.Helper()
			synctest.Wait()
			if got := changes.Load(); got != want {
				t.Errorf("%s: %d changes, want %d", what, got, want)
			}
		}
		events <- struct{}{}
		time.Sleep(quiet) // virtual
		expect("the same bytes", 0)

		write(t, path, "two")
		events <- struct{}{}
		time.Sleep(quiet / 2)
		events <- struct{}{}
		time.Sleep(quiet - 1)
		expect("while it is being written", 0)
		time.Sleep(1)
		expect("at rest", 1)

		write(t, path, "three")
		for range int(late/(quiet/2)) + 1 {
			events <- struct{}{}
			time.Sleep(quiet / 2)
		}
		expect("a directory that never rests", 2)

		write(t, path, "four")
		time.Sleep(poll)
		expect("the poll", 3)
	})
}

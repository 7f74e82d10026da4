package config

import (
	"context"
	"crypto/sha256"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How changes are noticed. Directories are watched and not files: a file's watch dies with the first atomic replace.
const (
	quiet = 200 * time.Millisecond // an editor's several writes are one change
	late  = 2 * time.Second        // a directory that never rests does not put a change off for longer
	poll  = time.Minute            // for file systems that tell nothing: NFS, overlays
)

// Watch calls changed after path or one of the files that includes returns (File.Inputs of what was loaded last) has
// other content than before: by an editor's write or replacement, by the swap of a ConfigMap's symbolic link. One call
// runs at a time. It returns when ctx ends; the error says why the system did not watch, so that only the poll worked.
func Watch(ctx context.Context, path string, includes func() []string, changed func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		watching(ctx, nil, func() {}, newInputs(path, includes), changed)
		return err
	}
	defer watcher.Close()
	in := newInputs(path, includes)
	directories := func() { watchDirectories(watcher, in.directories()) }
	watching(ctx, signals(ctx, watcher), directories, in, changed)
	return nil
}

// watching is the loop of Watch.
func watching(ctx context.Context, events <-chan struct{}, directories func(), in *inputs, changed func()) {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	rest := time.NewTimer(poll)
	defer rest.Stop()
	for ctx.Err() == nil {
		directories() // before looking: what changes after that is told by an event
		for ctx.Err() == nil && in.changed() {
			changed()
			in.adopt()
			directories() // the configuration may name other files now
		}
		wait(ctx, events, ticker.C, rest)
	}
}

// wait returns when it is time to look: after events have come to rest, or at the poll.
func wait(ctx context.Context, events <-chan struct{}, poll <-chan time.Time, rest *time.Timer) {
	rest.Stop()
	var first time.Time
	for {
		select {
		case <-events:
			if first.IsZero() {
				first = time.Now()
			}
			rest.Reset(max(0, min(quiet, time.Until(first.Add(late)))))
		case <-rest.C:
			return
		case <-poll:
			return
		case <-ctx.Done():
			return
		}
	}
}

// signals turns everything that a watcher says into a signal, and loses none: one that waits stands for all.
func signals(ctx context.Context, w *fsnotify.Watcher) <-chan struct{} {
	out := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-w.Events:
				if !ok {
					return
				}
			case _, ok := <-w.Errors: // such as an overflow: events were lost
				if !ok {
					return
				}
			}
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	return out
}

// watchDirectories makes w watch those directories and no others. One that does not exist is tried again at the next
// change and at the poll.
func watchDirectories(w *fsnotify.Watcher, want []string) {
	for _, d := range w.WatchList() {
		if !slices.Contains(want, d) {
			_ = w.Remove(d)
		}
	}
	for _, d := range want {
		_ = w.Add(d)
	}
}

// inputs are the files that make a configuration, and what they held when it was last looked.
type inputs struct {
	path     string
	includes func() []string
	sums     map[string][sha256.Size]byte
}

func newInputs(path string, includes func() []string) *inputs {
	in := &inputs{path: absolute(path), includes: includes, sums: map[string][sha256.Size]byte{}}
	in.changed()
	return in
}

// files returns the inputs as they are named now.
func (in *inputs) files() []string { return append([]string{in.path}, in.includes()...) }

// directories returns the directories that hold the inputs, and those that hold what symbolic links lead to.
func (in *inputs) directories() []string {
	set := map[string]bool{}
	for _, f := range in.files() {
		set[filepath.Dir(f)] = true
		if real, err := filepath.EvalSymlinks(f); err == nil {
			set[filepath.Dir(real)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// changed reports whether an input holds something else than before. A file that is named for the first time is no
// change: whatever named it was.
func (in *inputs) changed() bool {
	now, differs := map[string][sha256.Size]byte{}, false
	for _, f := range in.files() {
		now[f] = digest(f)
		before, known := in.sums[f]
		differs = differs || known && before != now[f]
	}
	in.sums = now
	return differs
}

// adopt takes note of files that the configuration has just begun to name.
func (in *inputs) adopt() {
	for _, f := range in.files() {
		if _, known := in.sums[f]; !known {
			in.sums[f] = digest(f)
		}
	}
}

// digest is the sum of a file; zero if it cannot be read.
func digest(path string) [sha256.Size]byte {
	b, err := readFile(path)
	if err != nil {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(b)
}

//go:build unix

package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"entrepot/bench/registry"
	"entrepot/cache/blob"
)

// workers are the clients that download and publish at once.
const workers = 200

// TestInvariant12KillNine kills the server at random moments of concurrent downloads and publishes, again and again
// over the same data. Each next start is clean, what was acknowledged is there, and no client ever ends cleanly with
// wrong bytes.
func TestInvariant12KillNine(t *testing.T) {
	rounds := 3
	if everything() {
		rounds = 20
	}
	dir := t.TempDir()
	c := &crowd{t: t, reg: registry.New(registry.Options{}), public: map[string][]byte{}}
	for i := range 60 {
		name := fmt.Sprint("public-", i)
		size := []int64{2000, 60_000, 300_000, 2 << 20}[i%4]
		c.public["npm/main/"+name+"/-/"+name+"-1.0.0.tgz"] = c.reg.AddNPM(name, "1.0.0", registry.NPMVersion{Size: size, Seed: uint64(i)})
	}
	config := writeConfig(t, dir, c.reg.Start(t).URL)
	for round := range rounds {
		p := serving(t, "--config", config)
		c.clean(p)
		c.check(p, c.fresh)
		c.fresh = nil
		c.work(p, round, 1+rand.Int64N(600))
	}
	p := serving(t, "--config", config)
	c.clean(p)
	c.check(p, c.acknowledged)
	for path, want := range c.public {
		p.serves(path, want)
	}
	p.kill()
	fsck(t, filepath.Join(dir, "data"))
	t.Logf("%d publishes were acknowledged, %d downloads were whole", len(c.acknowledged), c.whole.Load())
}

// crowd is what the clients know.
type crowd struct {
	t      *testing.T
	reg    *registry.Registry
	public map[string][]byte // path to bytes
	whole  atomic.Int64

	mu           sync.Mutex
	acknowledged []*publication
	fresh        []*publication // of the last round
}

// work sends the workers, and kills the server when so many of their requests have ended.
func (c *crowd) work(p *process, round int, ends int64) {
	var done atomic.Int64
	deadly := make(chan struct{})
	once := sync.OnceFunc(func() { close(deadly) })
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := 0; ; i++ {
				var alive bool
				if w%2 == 0 {
					alive = c.publish(p, newPublication(fmt.Sprint("own-", w), fmt.Sprintf("%d.%d.0", round, i), []int64{1000, 100_000}[w/2%2]))
				} else {
					alive = c.download(p)
				}
				if !alive {
					once()
					return
				}
				if done.Add(1) == ends {
					once()
				}
			}
		})
	}
	<-deadly
	p.kill()
	wg.Wait()
}

// publish reports whether the server lives.
func (c *crowd) publish(p *process, r *publication) bool {
	status, err := p.publish(r)
	if status == 0 && err != nil {
		return false
	}
	if status != http.StatusCreated {
		c.t.Errorf("publishing %s %s: %d", r.name, r.version, status)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acknowledged, c.fresh = append(c.acknowledged, r), append(c.fresh, r)
	return true
}

// download gets one of the public packages, and reports whether the server lives.
func (c *crowd) download(p *process) bool {
	for path, want := range c.public { // in random order
		status, got, err := p.fetch(path)
		if err != nil {
			return false
		}
		if status != http.StatusOK || !bytes.Equal(got, want) {
			c.t.Errorf("GET %s ended cleanly: %d with %d bytes, want %d", path, status, len(got), len(want))
		}
		c.whole.Add(1)
		break
	}
	return true
}

// check looks for what was acknowledged: the tarball and its place in the index.
func (c *crowd) check(p *process, made []*publication) {
	documents := map[string][]byte{}
	for _, r := range made {
		p.serves(r.path(), r.tarball)
		if documents[r.name] == nil {
			_, documents[r.name], _ = p.fetch("npm/main/" + r.name)
		}
		if !bytes.Contains(documents[r.name], []byte(`"`+r.version+`":`)) {
			c.t.Errorf("the index of %s lacks %s, whose publish was acknowledged", r.name, r.version)
		}
	}
}

// clean checks that a start had nothing to complain about.
func (c *crowd) clean(p *process) {
	for _, level := range []string{"warn", "error", "fatal", "panic"} {
		if said := p.stderr.String(); strings.Contains(said, `"level":"`+level+`"`) {
			c.t.Errorf("after a kill, the server said\n%s", said)
		}
	}
}

// fsck reads everything that is stored: blobs have the bytes of their names, the index is whole, and every digest in it
// is in the store.
func fsck(t *testing.T, dir string) {
	t.Helper()
	ctx := context.Background()
	disk, err := blob.Open(filepath.Join(dir, "domains", "acme"), blob.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	for info, err := range disk.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		f, err := disk.Open(ctx, info.Digest) // reads and verifies all of it
		if err != nil {
			t.Error(err)
			continue
		}
		f.Close()
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var whole string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&whole); err != nil || whole != "ok" {
		t.Errorf("the index: %s, %v", whole, err)
	}
	rows, err := db.Query("SELECT digest FROM assets WHERE evicted = 0 UNION SELECT digest FROM documents WHERE digest IS NOT NULL")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			t.Fatal(err)
		}
		if f, err := disk.Open(ctx, blob.Digest(b)); err != nil {
			t.Errorf("%x is in the index: %v", b, err)
		} else {
			f.Close()
		}
	}
	if rows.Err() != nil || n == 0 {
		t.Errorf("%d digests in the index, %v", n, rows.Err())
	}
}

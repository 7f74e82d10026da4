//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"entrepot/bench/registry"
)

// TestInvariant13OneOwner starts servers on one data directory at once: one of them owns it, all serve. Then the owner
// is killed, again and again, while clients publish through those that are left. What was acknowledged, by whomever,
// is there in the end.
func TestInvariant13OneOwner(t *testing.T) {
	reg := registry.New(registry.Options{})
	public := reg.AddNPM("public", "1.0.0", registry.NPMVersion{Size: 300_000})
	config := writeConfig(t, t.TempDir(), reg.Start(t).URL)
	const servers = 4
	live := make([]*process, servers)
	var starting sync.WaitGroup
	for i := range servers {
		starting.Go(func() {
			p, err := begin(serveCommand("--config", config))
			if err != nil {
				t.Error(err)
				return
			}
			p.t, live[i] = t, p
			t.Cleanup(p.kill)
		})
	}
	starting.Wait()
	if t.Failed() {
		return
	}
	var mu sync.Mutex
	var acknowledged []*publication
	for round := 0; len(live) > 1; round++ {
		owner := -1
		for i, p := range live {
			p.serves("npm/main/public/-/public-1.0.0.tgz", public)
			if owns(p) {
				if owner >= 0 {
					t.Fatal("the data directory has two owners")
				}
				owner = i
			}
		}
		if owner < 0 {
			t.Fatal("the data directory has no owner")
		}
		enough := make(chan struct{})
		var once sync.Once
		var publishing sync.WaitGroup
		for i, p := range live {
			for w := range 5 {
				publishing.Go(func() {
					for n := range 20 {
						r := newPublication(fmt.Sprintf("own-%d-%d-%d", round, i, w), fmt.Sprintf("1.%d.0", n), 2000)
						status, err := p.publish(r)
						if err != nil {
							return // the owner's own clients
						}
						if status == http.StatusCreated {
							mu.Lock()
							acknowledged = append(acknowledged, r)
							mu.Unlock()
						} else if status != http.StatusServiceUnavailable {
							t.Errorf("publishing %s %s: %d", r.name, r.version, status)
						}
						if n == 3 {
							once.Do(func() { close(enough) })
						}
					}
				})
			}
		}
		<-enough
		live[owner].kill()
		publishing.Wait()
		live = append(live[:owner:owner], live[owner+1:]...)
		if !within(func() bool { return ownersOf(live) == 1 }) {
			t.Fatalf("%d of those that are left own the data directory", ownersOf(live))
		}
	}
	for _, r := range acknowledged {
		live[0].serves(r.path(), r.tarball)
	}
	t.Logf("%d publishes were acknowledged", len(acknowledged))
}

// owns reports whether a process owns its data directory, by its own word.
func owns(p *process) bool {
	said := p.stderr.String()
	return !strings.Contains(said, "another process owns") || strings.Contains(said, "is ours now")
}

func ownersOf(live []*process) int {
	n := 0
	for _, p := range live {
		if owns(p) {
			n++
		}
	}
	return n
}

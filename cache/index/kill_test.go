package index

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"entrepot/cache"
)

// publisher names the index that this process is to publish into until it is killed.
const publisher = "ENTREPOT_TEST_PUBLISHER"

func TestMain(m *testing.M) {
	if path := os.Getenv(publisher); path != "" {
		publishForever(path)
	}
	os.Exit(m.Run())
}

// publishForever publishes from several goroutines, beside others that retain, and prints what was acknowledged.
func publishForever(path string) {
	ctx := context.Background()
	db, err := Open(ctx, path)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	repo, err := db.Repository(ctx, "acme", "r0")
	worker := func(w int, do func(p cache.Package, version string) error) {
		p := cache.Package{Format: "npm", Name: fmt.Sprint("p", w)}
		for i := 0; err == nil; i++ {
			version := fmt.Sprintf("%d.%d.0", os.Getpid(), i)
			if err := do(p, version); err != nil {
				fmt.Println("error:", err)
				os.Exit(1)
			}
			fmt.Println(p.Name, version) // one write: whole lines, whoever prints beside
		}
	}
	for w := range 8 {
		go worker(w, func(p cache.Package, version string) error {
			return db.Edit(ctx, repo, p, true, func(h *cache.Holding) error {
				h.Versions = append(h.Versions, internal("r0", version, version))
				if len(h.Versions) > 50 { // rows that go, beside rows that come
					h.Versions = h.Versions[1:]
				}
				return nil
			})
		})
	}
	for w := 8; w < 11; w++ {
		go worker(w, func(p cache.Package, version string) error {
			return db.Retain(ctx, []cache.RepositoryID{repo}, p, external(version, version))
		})
	}
	select {}
}

// TestInvariant12AcknowledgedPublishesSurviveKill kills a publishing process at random moments, again and again over one
// index. What it acknowledged must be there, with all of its parts, and the file whole.
func TestInvariant12AcknowledgedPublishesSurviveKill(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "index.db")
	for range rounds {
		acknowledged := killOne(t, path, 1+rand.IntN(300))
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		check(t, db.pool)
		repo := repositories(t, db, 1)
		for name, versions := range acknowledged {
			all := holdings(t, db, repo, cache.Package{Format: "npm", Name: name})
			if len(all) != 1 {
				t.Fatalf("%s: %d holdings", name, len(all))
			}
			for _, version := range versions[max(0, len(versions)-40):] { // older ones may have gone
				v := all[0].Version(version)
				if v == nil || len(v.Assets) != 1 || v.Assets[0].Digest != asset("", version).Digest {
					t.Errorf("%s %s was acknowledged; there is %+v", name, version, v)
				}
			}
			for _, v := range all[0].Versions {
				if len(v.Assets) != 1 {
					t.Errorf("%s %s has %d assets", name, v.Version, len(v.Assets))
				}
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
}

// killOne starts a publisher, kills it after so many acknowledgements, and returns all versions that it acknowledged.
func killOne(t *testing.T, path string, after int) map[string][]string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), publisher+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[string][]string)
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		name, version, _ := strings.Cut(lines.Text(), " ")
		if name == "error:" {
			t.Fatal(lines.Text())
		}
		acknowledged[name] = append(acknowledged[name], version)
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	return acknowledged
}

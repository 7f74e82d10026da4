package proxy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"entrepot/bench/registry"
)

// permutations calls do with every order of 0 … n-1.
func permutations(n int, do func(order []int)) {
	order := make([]int, 0, n)
	used := make([]bool, n)
	var extend func()
	extend = func() {
		if len(order) == n {
			do(order)
			return
		}
		for i := range n {
			if !used[i] {
				used[i] = true
				order = append(order, i)
				extend()
				order = order[:len(order)-1]
				used[i] = false
			}
		}
	}
	extend()
}

// confusion is one history of a name that is ours and that somebody else has taken in public, at a higher version.
type confusion struct {
	*site
	name, team string
	ours       *release
	published  bool
}

// events are what may happen, in any order.
var events = []struct {
	name string
	do   func(c *confusion)
}{
	{"publish", func(c *confusion) {
		// What a repository has taken from outside is closed to publishing: this is said, and nothing is mixed.
		if theirs := c.holds(c.team, c.name, "9.9.9"); theirs {
			if got := c.put(c.team, c.ours); got.status != http.StatusForbidden {
				c.t.Errorf("publishing over theirs: %d %s", got.status, got.body)
			}
			return
		}
		c.publish(c.team, c.ours)
		c.published = true
	}},
	{"ask for the index", func(c *confusion) { c.get(documentPath(c.team, c.name)); c.get(documentPath(c.team, c.name)) }},
	{"ask for their tarball", func(c *confusion) { c.get(tarballPath(c.team, c.name, "9.9.9")) }},
	{"ask by a tag", func(c *confusion) { c.get(documentPath(c.team, c.name) + "/latest") }},
	{"connect", func(c *confusion) {
		repos := append([]repo(nil), c.setup.repos...)
		for i := range repos {
			if repos[i].name == c.team {
				repos[i].upstreams = []string{"npmjs-store"}
			}
		}
		c.setup.repos = repos
		c.reconfigure(repos)
	}},
}

// TestDependencyConfusion: in whatever order things happen, a name that was published inside is answered from inside.
// CI tries every order, others each fifth.
func TestDependencyConfusion(t *testing.T) {
	repos := []repo{{name: "npmjs-store", connection: "public:npmjs"}}
	var all [][]int
	seen := 0
	permutations(len(events), func(order []int) {
		if seen++; !everything() && seen%5 > 0 {
			return
		}
		all = append(all, append([]int(nil), order...))
		repos = append(repos, repo{name: fmt.Sprintf("team-%d", len(all))})
	})
	s := start(t, setup{repos: repos})
	for i, order := range all {
		c := &confusion{site: s, name: fmt.Sprintf("@acme/ui-%d", i+1), team: fmt.Sprintf("team-%d", i+1)}
		c.ours = newRelease(c.name, "1.0.0", 1)
		s.registry.AddNPM(c.name, "9.9.9", registry.NPMVersion{Size: 5000, Seed: 2})
		s.registry.AddNPM(c.name, "1.0.0", registry.NPMVersion{Size: 5000, Seed: 3})
		s.registry.TagNPM(c.name, "latest", "9.9.9")
		s.registry.TagNPM(c.name, "theirs", "9.9.9")
		var history []string
		for _, e := range order {
			history = append(history, events[e].name)
			events[e].do(c)
			if c.published && !c.inside() {
				t.Fatalf("after: %s", strings.Join(history, ", "))
			}
		}
	}
}

// inside reports whether the name is answered from inside only.
func (c *confusion) inside() bool {
	good := true
	for _, accept := range []string{"application/json", "application/vnd.npm.install-v1+json"} {
		p := c.packument(documentPath(c.team, c.name), "Accept", accept)
		if len(p.Versions) != 1 || p.Versions["1.0.0"].Dist.Integrity != c.ours.dist["integrity"] ||
			len(p.Tags) != 1 || p.Tags["latest"] != "1.0.0" {
			c.t.Errorf("the index shows %d versions, tags %v", len(p.Versions), p.Tags)
			good = false
		}
	}
	if got := c.get(c.ours.path(c.team)); got.status != http.StatusOK || !bytes.Equal(got.body, c.ours.tarball) {
		c.t.Errorf("our tarball: %d, %d bytes", got.status, len(got.body))
		good = false
	}
	for _, path := range []string{tarballPath(c.team, c.name, "9.9.9"), documentPath(c.team, c.name) + "/9.9.9", documentPath(c.team, c.name) + "/theirs"} {
		if got := c.get(path); got.status != http.StatusNotFound {
			c.t.Errorf("GET %s: %d", path, got.status)
			good = false
		}
	}
	return good
}

// TestConfusionOfVersionNumber: their version of the same number, held already, gives way to ours where ours is
// published elsewhere in the walk; where theirs is held, ours is refused, since clients have theirs in lock files.
func TestConfusionOfVersionNumber(t *testing.T) {
	s := start(t, setup{repos: []repo{
		{name: "npmjs-store", connection: "public:npmjs"},
		{name: "shared", upstreams: []string{"npmjs-store"}},
		{name: "team", upstreams: []string{"npmjs-store", "shared"}},
	}})
	theirs := s.registry.AddNPM("@acme/ui", "1.0.0", registry.NPMVersion{Size: 5000, Seed: 9})
	ours := newRelease("@acme/ui", "1.0.0", 1)
	s.serves(ours.path("team"), theirs)
	s.serves(ours.path("team"), theirs)
	if got := s.put("team", ours); got.status != http.StatusForbidden {
		t.Errorf("publishing over theirs: %d %s", got.status, got.body)
	}
	s.serves(ours.path("team"), theirs)
	s.publish("shared", ours)
	for range 2 {
		s.serves(ours.path("team"), ours.tarball)
		s.serves(ours.path("shared"), ours.tarball)
		if p := s.packument(documentPath("team", "@acme/ui")); p.Versions["1.0.0"].Dist.Integrity != ours.dist["integrity"] {
			t.Error("the index of team shows theirs")
		}
	}
	s.serves(ours.path("npmjs-store"), theirs) // who asks the store itself gets what is in it
}

// TestConfusionBehindUpstreams: it does not matter where in the walk the name is ours, nor in which order upstreams
// are listed, nor that one was added when theirs was held already.
func TestConfusionBehindUpstreams(t *testing.T) {
	base := []repo{{name: "npmjs-store", connection: "public:npmjs"}, {name: "inside"}}
	first := append(base, repo{name: "team", upstreams: []string{"inside", "npmjs-store"}})
	last := append(base, repo{name: "team", upstreams: []string{"npmjs-store", "inside"}})
	later := append(base, repo{name: "team", upstreams: []string{"npmjs-store"}})
	for _, tt := range []struct {
		name         string
		before, then []repo
	}{{"first", first, first}, {"last", last, last}, {"added later", later, last}, {"order changed", last, first}} {
		for _, fetched := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, fetched before: %v", tt.name, fetched), func(t *testing.T) {
				s := start(t, setup{repos: tt.before})
				c := &confusion{site: s, name: "@acme/ui", team: "team", ours: newRelease("@acme/ui", "1.0.0", 1)}
				theirs := s.registry.AddNPM(c.name, "9.9.9", registry.NPMVersion{Size: 5000, Seed: 2})
				s.registry.TagNPM(c.name, "theirs", "9.9.9")
				if fetched {
					s.versions(documentPath("team", c.name), "9.9.9")
					s.serves(tarballPath("team", c.name, "9.9.9"), theirs)
					s.serves(tarballPath("team", c.name, "9.9.9"), theirs)
				}
				s.publish("inside", c.ours)
				s.reconfigure(tt.then)
				if !c.inside() {
					t.Error("the name is not answered from inside")
				}
			})
		}
	}
}

// TestConfusionAfterDisconnection: what a repository retained of ours keeps the name ours, when the repository where it
// was published is no longer in the walk.
func TestConfusionAfterDisconnection(t *testing.T) {
	repos := []repo{
		{name: "npmjs-store", connection: "public:npmjs"}, {name: "inside"},
		{name: "team", upstreams: []string{"inside", "npmjs-store"}},
	}
	s := start(t, setup{repos: repos})
	c := &confusion{site: s, name: "@acme/ui", team: "team", ours: newRelease("@acme/ui", "1.0.0", 1)}
	s.registry.AddNPM(c.name, "9.9.9", registry.NPMVersion{Size: 5000, Seed: 2})
	s.publish("inside", c.ours)
	s.serves(c.ours.path("team"), c.ours.tarball)
	repos[2].upstreams = []string{"npmjs-store"}
	s.reconfigure(repos)
	p := s.packument(documentPath("team", c.name))
	if _, theirs := p.Versions["9.9.9"]; theirs || len(p.Versions) != 1 {
		t.Errorf("the index shows %d versions", len(p.Versions))
	}
	s.serves(c.ours.path("team"), c.ours.tarball)
	s.fails(tarballPath("team", c.name, "9.9.9"), http.StatusNotFound, "absent")
}

// TestConfusionAfterUnpublish: a name that was ours does not become theirs when its last version is withdrawn.
func TestConfusionAfterUnpublish(t *testing.T) {
	s := start(t, setup{})
	s.registry.AddNPM("@acme/ui", "9.9.9", registry.NPMVersion{})
	r := newRelease("@acme/ui", "1.0.0", 1)
	s.publish("main", r)
	if got := s.do(http.MethodDelete, documentPath("main", r.name)+"/-rev/1", nil, "Authorization", "Bearer "+publisher); got.status >= 300 {
		t.Fatalf("unpublish: %d %s", got.status, got.body)
	}
	for range 2 {
		s.fails(documentPath("main", r.name), http.StatusNotFound, "absent")
		s.fails(r.path("main"), http.StatusNotFound, "absent")
		s.fails(tarballPath("main", r.name, "9.9.9"), http.StatusNotFound, "absent")
	}
	s.asked("*", 0)
}

// TestConfusionOfModules: the same holds for Go.
func TestConfusionOfModules(t *testing.T) {
	s := start(t, setup{})
	other := registry.New(registry.Options{})
	other.AddModule("example.test/m", "v1.0.0", map[string]string{"m.go": "package m // ours\n"})
	ours := moduleZip(t, other, "example.test/m", "v1.0.0")
	s.registry.AddModule("example.test/m", "v1.9.0", nil)
	s.ok("go/main/example.test/m/@v/list")
	s.ok("go/main/example.test/m/@latest")
	r := s.do(http.MethodPut, "go/main/example.test/m/@v/v1.0.0.zip", bytes.NewReader(ours), "Authorization", "Bearer "+publisher)
	if r.status >= 300 {
		t.Fatalf("publishing a module: %d %s", r.status, r.body)
	}
	for range 2 {
		if got := string(s.ok("go/main/example.test/m/@v/list")); strings.TrimSpace(got) != "v1.0.0" {
			t.Errorf("the list is %q", got)
		}
		if got := string(s.ok("go/main/example.test/m/@latest")); !strings.Contains(got, "v1.0.0") {
			t.Errorf("the latest is %s", got)
		}
		s.serves("go/main/example.test/m/@v/v1.0.0.zip", ours)
		for _, path := range []string{"v1.9.0.zip", "v1.9.0.mod", "v1.9.0.info"} {
			if got := s.get("go/main/example.test/m/@v/" + path); got.status != http.StatusNotFound {
				t.Errorf("GET %s: %d", path, got.status)
			}
		}
	}
}

// moduleZip gets a module's zip from a registry itself.
func moduleZip(t *testing.T, r *registry.Registry, path, version string) []byte {
	t.Helper()
	resp, err := client.Get(r.Start(t).URL + "/go/" + path + "/@v/" + version + ".zip")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return b.Bytes()
}

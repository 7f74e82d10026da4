package proxy_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"entrepot/bench/registry"
	"entrepot/proxy/policy"
)

// enforce puts rules in force, as a reload does.
func (s *site) enforce(rules ...policy.Rule) {
	s.t.Helper()
	next := s.snapshot(s.server.Site().Authority)
	next.Rules = map[string]*policy.Rules{"test": policy.NewRules(rules)}
	s.server.Swap(next)
}

func cooldown(t *testing.T) policy.Rule {
	t.Helper()
	match, err := policy.ParseSelector("/npm/*")
	if err != nil {
		t.Fatal(err)
	}
	return policy.Rule{Name: "cooldown", Place: "config.hcl:41", Match: []policy.Selector{match}, MinAge: 72 * time.Hour}
}

// young is a registry with an old version of a package, and one of this minute as latest.
func young() *registry.Registry {
	r := registry.New(registry.Options{})
	r.AddNPM("left", "1.0.0", registry.NPMVersion{Published: time.Now().Add(-1000 * time.Hour)})
	r.AddNPM("left", "1.1.0", registry.NPMVersion{Published: time.Now().Add(-time.Minute)})
	return r
}

type ruled struct {
	Tags     map[string]string `json:"dist-tags"`
	Versions map[string]any
	Time     map[string]string
	Policy   struct {
		Message  string
		Versions map[string]any
	} `json:"policyRestrictions"`
}

func (s *site) ruled(path string) (p ruled) {
	s.t.Helper()
	s.must(json.Unmarshal(s.ok(path), &p))
	return p
}

func TestInvariant7AYoungVersionIsHiddenAndRefused(t *testing.T) {
	s := start(t, setup{registry: young()})
	s.enforce(cooldown(t))
	p := s.ruled("npm/main/left")
	if len(p.Versions) != 1 || p.Versions["1.0.0"] == nil || p.Tags["latest"] != "1.0.0" || p.Time["1.1.0"] != "" {
		t.Errorf("the index shows %v, tags %v, times %v", p.Versions, p.Tags, p.Time)
	}
	if p.Policy.Versions["1.1.0"] == nil || !strings.Contains(p.Policy.Message, "cooldown") {
		t.Errorf("npm is not told why: %+v", p.Policy)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := s.do(method, "npm/main/left/-/left-1.1.0.tgz", nil, "Range", "bytes=0-1")
		if r.status != http.StatusForbidden || r.header.Get("X-Entrepot-Error") != "refused" || r.header.Get("X-Entrepot-Rule") != "cooldown (config.hcl:41)" {
			t.Errorf("%s: %d, %v", method, r.status, r.header)
		}
	}
	if n := s.registry.Requests("*left-1.1.0.tgz"); n != 0 {
		t.Errorf("a refused tarball was asked of the registry %d times", n)
	}
	s.ok("npm/main/left/-/left-1.0.0.tgz")
}

// What memory, the store and downstream repositories hold obeys a rule from the moment it is in force, and is there
// again when it goes.
func TestInvariant7RulesHoldForWhatIsStored(t *testing.T) {
	s := start(t, setup{registry: young(), repos: []repo{
		{name: "npmjs-store", connection: "public:npmjs"},
		{name: "shared", upstreams: []string{"npmjs-store"}},
		{name: "main", upstreams: []string{"shared"}},
	}})
	const tarball = "/left/-/left-1.1.0.tgz"
	for range 2 { // the second answer is warm
		s.ok("npm/main" + tarball)
		s.ok("npm/main/left")
	}
	s.enforce(cooldown(t))
	for _, repo := range []string{"main", "shared", "npmjs-store"} {
		if r := s.get("npm/" + repo + tarball); r.status != http.StatusForbidden {
			t.Errorf("%s hands out what the rule refuses: %d", repo, r.status)
		}
		if p := s.ruled("npm/" + repo + "/left"); p.Versions["1.1.0"] != nil {
			t.Errorf("%s lists what the rule refuses", repo)
		}
	}
	s.remote.Down()
	if r := s.get("npm/main" + tarball); r.status != http.StatusForbidden {
		t.Errorf("with the registry down: %d", r.status)
	}
	s.enforce()
	s.ok("npm/main" + tarball)
	if p := s.ruled("npm/main/left"); p.Versions["1.1.0"] == nil || p.Tags["latest"] != "1.1.0" {
		t.Error("the version is not listed again without the rule")
	}
}

func TestARuleThatOnlyObservesRefusesNothing(t *testing.T) {
	s := start(t, setup{registry: young()})
	rule := cooldown(t)
	rule.Observe = true
	s.enforce(rule)
	s.ok("npm/main/left/-/left-1.1.0.tgz")
	if p := s.ruled("npm/main/left"); p.Tags["latest"] != "1.1.0" {
		t.Errorf("latest is %s", p.Tags["latest"])
	}
}

package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"entrepot/cache"
)

// family is a domain's groups, least specific first; the order must not matter.
func family(t *testing.T, reverse bool) *Groups {
	t.Helper()
	set := func(publish, external, internal Setting) [restrictions]Setting {
		return [restrictions]Setting{publish, external, internal}
	}
	allow, block := Setting{Mode: Allow}, Setting{Mode: Block}
	only := func(r ...string) Setting { return Setting{Mode: AllowSpecific, Repositories: r} }
	list := []Group{
		{Pattern: parse(t, "/npm/*"), Place: "config.hcl:10"},
		{Pattern: parse(t, "/npm/acme~"), Settings: set(Setting{}, block, Setting{}), Place: "config.hcl:20"},
		{Pattern: parse(t, "/npm/acme/*"), Settings: set(only("team"), Setting{Mode: Inherit}, Setting{Mode: Inherit})},
		{Pattern: parse(t, "/npm/acme/ui~"), Settings: set(Setting{}, only("store"), only("shared"))},
		{Pattern: parse(t, "/npm/acme/ui-kit$"), Settings: set(allow, allow, allow)},
		{Pattern: parse(t, "/npm//left-pad$"), Settings: set(block, allow, allow)},
		{Pattern: parse(t, "/npm//left_pad$"), Settings: set(allow, allow, allow)},
	}
	if reverse {
		slices.Reverse(list)
	}
	gs, err := NewGroups(list)
	if err != nil {
		t.Fatal(err)
	}
	return gs
}

func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		pkg, group string
		strength   Strength
		effective  string // publish, external, internal
	}{
		{"maven/a/b", "/*", Strong, "ALLOW ALLOW ALLOW"},
		{"npm//react", "/npm/*", Strong, "ALLOW ALLOW ALLOW"},
		{"npm/acme-labs/x", "/npm/acme~", Strong, "ALLOW BLOCK ALLOW"},
		{"npm/acme/x", "/npm/acme/*", Strong, "ALLOW_SPECIFIC_REPOSITORIES[team] BLOCK ALLOW"},
		{"npm/acme/ui", "/npm/acme/ui~", Strong, "ALLOW_SPECIFIC_REPOSITORIES[team] ALLOW_SPECIFIC_REPOSITORIES[store] ALLOW_SPECIFIC_REPOSITORIES[shared]"},
		{"npm/acme/ui-kit", "/npm/acme/ui-kit$", Strong, "ALLOW ALLOW ALLOW"},
		{"npm/acme/ui_kit", "/npm/acme/ui-kit$", Weak, "BLOCK BLOCK BLOCK"},
		{"npm/Acme/x", "/npm/acme/*", Weak, "BLOCK BLOCK BLOCK"},
		{"npm//left-pad", "/npm//left-pad$", Strong, "BLOCK ALLOW ALLOW"},
		{"npm//left_pad", "/npm//left_pad$", Strong, "ALLOW ALLOW ALLOW"}, // of two groups that look alike, its own
		{"npm/acmeinc/x", "/npm/*", Strong, "ALLOW ALLOW ALLOW"},
	} {
		for _, reverse := range []bool{false, true} {
			gs, p := family(t, reverse), pkg(t, tt.pkg)
			group, strength := gs.Of(p)
			var got []string
			for r := range restrictions {
				e := gs.Effective(p, r)
				s := string(e.Mode)
				if e.Repositories != nil {
					s += fmt.Sprint(e.Repositories)
				}
				got = append(got, s)
			}
			if group.String() != tt.group || strength != tt.strength || strings.Join(got, " ") != tt.effective {
				t.Errorf("%s: %s with strength %d, %v", tt.pkg, group, strength, got)
			}
		}
	}
}

func TestAdmits(t *testing.T) {
	gs := family(t, false)
	for _, tt := range []struct {
		pkg        string
		by         Restriction
		repository string
		allow      bool
		rule       string
	}{
		{"npm//react", ByPublish, "any", true, ""},
		{"npm/acme/x", ByPublish, "team", true, ""},
		{"npm/acme/x", ByPublish, "other", false, "package group /npm/acme/*"},
		{"npm/acme/x", ByExternalUpstream, "team", false, "config.hcl:20"}, // inherited, and its own place named
		{"npm/acme/ui", ByExternalUpstream, "store", true, ""},
		{"npm/acme/ui", ByInternalUpstream, "store", false, "package group /npm/acme/ui~"},
		{"npm/acme/UI", ByInternalUpstream, "shared", false, "package group /npm/acme/ui~"}, // weak
	} {
		d := gs.Admits(pkg(t, tt.pkg), tt.by, tt.repository)
		if d.Allow != tt.allow || d.Rule != tt.rule || (d.Reason == "") != d.Allow {
			t.Errorf("%s %s %s: %+v", tt.pkg, tt.by, tt.repository, d)
		}
	}
	var none *Groups
	if d := none.Admits(pkg(t, "npm//X"), ByPublish, "any"); !d.Allow {
		t.Errorf("without groups: %+v", d)
	}
}

func TestNewGroupsRefuses(t *testing.T) {
	for _, list := range [][]Group{
		{{Pattern: parse(t, "/npm/*")}, {Pattern: parse(t, "/npm/*")}},
		{{Settings: [restrictions]Setting{{Mode: "DENY"}}}},
		{{Settings: [restrictions]Setting{{Mode: Block, Repositories: []string{"team"}}}}},
	} {
		if _, err := NewGroups(list); err == nil {
			t.Errorf("%+v is accepted", list)
		}
	}
}

func TestControls(t *testing.T) {
	allowBlock := cache.Controls{Publish: cache.Allow, Upstream: cache.Block}
	blockAllow := cache.Controls{Publish: cache.Block, Upstream: cache.Allow}
	both := cache.Controls{Publish: cache.Allow, Upstream: cache.Allow}
	gs := family(t, false)
	for _, tt := range []struct {
		pkg                 string
		published, ingested cache.Controls
	}{
		{"npm//react", allowBlock, blockAllow},
		{"npm/acme/x", both, both}, // left to the group
		{"npm//left-pad", both, both},
		{"npm/acme/ui-kit", allowBlock, blockAllow},
		{"npm/acme/UI-kit", both, both}, // weak: the group blocks it
	} {
		if p, i := gs.Initial(pkg(t, tt.pkg), true), gs.Initial(pkg(t, tt.pkg), false); p != tt.published || i != tt.ingested {
			t.Errorf("%s: published %v, ingested %v", tt.pkg, p, i)
		}
	}
	for _, tt := range []struct {
		pkg      string
		controls cache.Controls
		by       Restriction
		allow    bool
	}{
		{"npm//react", cache.Controls{}, ByPublish, true},
		{"npm//react", cache.Controls{}, ByExternalUpstream, true},
		{"npm//react", allowBlock, ByPublish, true},
		{"npm//react", allowBlock, ByExternalUpstream, false},
		{"npm//react", allowBlock, ByInternalUpstream, false},
		{"npm//react", blockAllow, ByPublish, false},
		{"npm//react", blockAllow, ByExternalUpstream, true},
		{"npm/acme/x", both, ByExternalUpstream, false}, // BLOCK always wins
		{"npm//left-pad", both, ByPublish, false},
		{"npm/acme/UI-kit", both, ByPublish, false},
	} {
		if d := gs.Arrives(pkg(t, tt.pkg), tt.controls, tt.by, "team"); d.Allow != tt.allow || (d.Rule == "") != d.Allow {
			t.Errorf("%s with %v %s: %+v", tt.pkg, tt.controls, tt.by, d)
		}
	}
}

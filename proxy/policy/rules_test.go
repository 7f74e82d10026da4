package policy_test

import (
	"strings"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/proxy/policy"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func selectors(t *testing.T, list ...string) []policy.Selector {
	t.Helper()
	var out []policy.Selector
	for _, s := range list {
		sel, err := policy.ParseSelector(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sel)
	}
	return out
}

func TestAdmit(t *testing.T) {
	const day = 24 * time.Hour
	rules := policy.NewRules([]policy.Rule{
		{Name: "deny", Place: "c:1", Match: selectors(t, "/npm//evil$", "/npm//lodash$@<4.17.21"), Deny: true},
		{Name: "cooldown", Place: "c:2", Match: selectors(t, "/npm/*"), Except: selectors(t, "/npm/acme/*"), MinAge: 3 * day},
		{Name: "line", Place: "c:3", Match: selectors(t, "/pypi/*"), FreezeAfter: noon.Add(-day)},
		{Name: "watch", Place: "c:4", Match: selectors(t, "/cargo/*"), MinAge: day, Observe: true},
	})
	npm := func(namespace, name string) cache.Package {
		return cache.Package{Format: "npm", Namespace: namespace, Name: name}
	}
	for name, c := range map[string]struct {
		arrival policy.Arrival
		rule    string // empty: admitted
		until   time.Time
	}{
		"old enough":           {policy.Arrival{Package: npm("", "a"), Version: "1.0.0", Published: noon.Add(-3 * day)}, "", time.Time{}},
		"a moment too young":   {policy.Arrival{Package: npm("", "a"), Version: "1.0.0", Published: noon.Add(-3*day + 1)}, "cooldown (c:2)", noon.Add(1)},
		"no time fails closed": {policy.Arrival{Package: npm("", "a"), Version: "1.0.0"}, "cooldown (c:2)", time.Time{}},
		"excepted":             {policy.Arrival{Package: npm("acme", "a"), Version: "1.0.0", Published: noon}, "", time.Time{}},
		"published inside":     {policy.Arrival{Package: npm("", "a"), Version: "1.0.0", Published: noon, Internal: true}, "", time.Time{}},
		"denied":               {policy.Arrival{Package: npm("", "evil"), Version: "9.0.0", Published: noon.Add(-9 * day)}, "deny (c:1)", time.Time{}},
		"denied inside too":    {policy.Arrival{Package: npm("", "evil"), Version: "9.0.0", Published: noon, Internal: true}, "deny (c:1)", time.Time{}},
		"in a denied range":    {policy.Arrival{Package: npm("", "lodash"), Version: "4.17.20", Published: noon.Add(-9 * day)}, "deny (c:1)", time.Time{}},
		"above that range":     {policy.Arrival{Package: npm("", "lodash"), Version: "4.17.21", Published: noon.Add(-9 * day)}, "", time.Time{}},
		"before the line":      {policy.Arrival{Package: cache.Package{Format: "pypi", Name: "a"}, Version: "1", Published: noon.Add(-day)}, "", time.Time{}},
		"after the line":       {policy.Arrival{Package: cache.Package{Format: "pypi", Name: "a"}, Version: "1", Published: noon.Add(-day + 1)}, "line (c:3)", time.Time{}},
		"observed only":        {policy.Arrival{Package: cache.Package{Format: "cargo", Name: "a"}, Version: "1.0.0", Published: noon}, "", time.Time{}},
	} {
		d, observed := rules.Admit(&c.arrival, noon)
		if d.Allow != (c.rule == "") || d.Rule != c.rule || !d.Until.Equal(c.until) {
			t.Errorf("%s: %+v, want rule %q until %v", name, d, c.rule, c.until)
		}
		if (observed != nil) != (name == "observed only") {
			t.Errorf("%s: observed by %v", name, observed)
		}
		if !d.Allow && d.Reason == "" {
			t.Errorf("%s: refused without a reason", name)
		}
	}
}

func TestTouchAndFingerprint(t *testing.T) {
	named := []policy.Rule{{Name: "a", Match: selectors(t, "/npm//evil$"), Deny: true}}
	rules := policy.NewRules(named)
	if !rules.Touch(cache.Package{Format: "npm", Name: "evil"}) || rules.Touch(cache.Package{Format: "npm", Name: "good"}) {
		t.Error("a rule that names a package touches it alone")
	}
	named[0].Deny = false
	if policy.NewRules(named).Fingerprint() == rules.Fingerprint() {
		t.Error("rules that decide otherwise have the same fingerprint")
	}
	var none *policy.Rules
	if d, _ := none.Admit(&policy.Arrival{}, noon); !d.Allow || none.Touch(cache.Package{}) {
		t.Error("no rules refuse something")
	}
}

func TestParseSelectorRefuses(t *testing.T) {
	for _, s := range []string{"", "npm", "/npm//a$@>>1", "/generic/x/*@1.0", "/*@1"} {
		if _, err := policy.ParseSelector(s); err == nil || !strings.Contains(err.Error(), "pattern") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func BenchmarkAdmit(b *testing.B) {
	rules := make([]policy.Rule, 10000)
	for i := range rules {
		s, err := policy.ParseSelector("/npm//package-" + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + "$")
		if err != nil {
			b.Fatal(err)
		}
		rules[i] = policy.Rule{Name: "deny", Match: []policy.Selector{s}, Deny: true}
	}
	wide, _ := policy.ParseSelector("/npm/*")
	rules = append(rules, policy.Rule{Name: "cooldown", Match: []policy.Selector{wide}, MinAge: time.Hour})
	set := policy.NewRules(rules)
	a := &policy.Arrival{Package: cache.Package{Format: "npm", Name: "lodash"}, Version: "4.17.21", Published: noon.Add(-time.Hour)}
	b.ReportAllocs()
	for b.Loop() {
		if d, _ := set.Admit(a, noon); !d.Allow {
			b.Fatal(d)
		}
	}
}

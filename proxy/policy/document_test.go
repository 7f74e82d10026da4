package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"entrepot/cache"
	"entrepot/proxy/auth"
)

func document(t *testing.T, text string) *Document {
	t.Helper()
	d, err := ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const (
	onlyNamed = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":["222222222222","arn:aws:iam::333333333333:root"]},"Action":"codeartifact:ReadFromRepository","Resource":"*"},
		{"Sid":"publishers","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:user/ci"},"Action":["codeartifact:Publish*"],
		 "Resource":"arn:aws:codeartifact:*:111111111111:package/acme/team/npm/acme/*"}]}`
	adminsConnect = `{"Statement":{"Sid":"registries","Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/root-of-all"},
		"Action":"codeartifact:AssociateExternalConnection","Resource":"*"}}`
)

// who makes a principal.
func who(name, account string, l auth.Level) *auth.Principal {
	return &auth.Principal{Name: name, Account: account, Level: l}
}

func TestAuthorize(t *testing.T) {
	set := NewSet("us-east-1", map[string]*Bounds{"acme": {
		Owner: "111111111111", Domain: document(t, onlyNamed),
		Repositories: map[string]*Document{"store": document(t, adminsConnect), "night": document(t,
			`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`)},
	}})
	ui := cache.Package{Format: "npm", Namespace: "acme", Name: "ui"}
	read, publish, connect := "ReadFromRepository", "PublishPackageVersion", "AssociateExternalConnection"
	for _, c := range []struct {
		p          *auth.Principal
		action     string
		repository string
		pkg        cache.Package
		want       bool
		rule       string
	}{
		{who("dev", "", auth.ReadLevel), read, "team", cache.Package{}, true, ""},
		{who("dev", "111111111111", auth.ReadLevel), read, "team", cache.Package{}, true, ""},
		{who("dev", "", auth.None), read, "team", cache.Package{}, false, ""},
		{who("ci", "222222222222", auth.ReadLevel), read, "team", cache.Package{}, true, ""},
		{who("ci", "333333333333", auth.ReadLevel), read, "team", cache.Package{}, true, ""},
		{who("ci", "444444444444", auth.AdminLevel), read, "team", cache.Package{}, false, "policy of domain acme"},
		{who("ci", "222222222222", auth.None), read, "team", cache.Package{}, false, ""},
		{who("ci", "222222222222", auth.PublishLevel), publish, "team", ui, true, ""},
		{who("ci", "222222222222", auth.PublishLevel), publish, "team", cache.Package{Format: "npm", Name: "ui"}, false, ""},
		{who("ci", "333333333333", auth.PublishLevel), publish, "team", ui, false, ""},
		{who("boss", "", auth.AdminLevel), connect, "store", cache.Package{}, false, "policy of repository store, registries"},
		{who("root-of-all", "", auth.AdminLevel), connect, "store", cache.Package{}, true, ""},
		{who("root-of-all", "", auth.PublishLevel), connect, "store", cache.Package{}, false, ""},
		{who("boss", "", auth.AdminLevel), read, "night", cache.Package{}, false, ""},
	} {
		d := set.Authorize(&Request{Principal: c.p, Action: c.action, Remote: netip.MustParseAddr("192.0.2.1"),
			Resource: Resource{Domain: "acme", Repository: c.repository, Package: c.pkg}})
		if d.Allow != c.want || !strings.HasPrefix(d.Rule, c.rule) {
			t.Errorf("%s of %s, %s in %s: %+v", c.p.Name, c.p.Account, c.action, c.repository, d)
		}
	}
}

// TestPolicyOnTheDataPlane shows that what package managers do follows the same documents.
func TestPolicyOnTheDataPlane(t *testing.T) {
	set := NewSet("", map[string]*Bounds{"acme": {Owner: "111111111111", Domain: document(t, onlyNamed)}})
	for account, want := range map[string]bool{"": true, "222222222222": true, "444444444444": false} {
		q := Query{Principal: who("ci", account, auth.AdminLevel), Action: Read, Domain: "acme", Repository: "team"}
		if d := set.Decide(&q); d.Allow != want {
			t.Errorf("account %q: %+v", account, d)
		}
	}
}

// TestOwnedLeavesThePolicyOut: nobody can lock himself out of his own domain's policy.
func TestOwnedLeavesThePolicyOut(t *testing.T) {
	set := NewSet("", map[string]*Bounds{"acme": {Owner: "111111111111", Domain: document(t,
		`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`)}})
	q := Request{Principal: who("a", "", auth.AdminLevel), Action: "PutDomainPermissionsPolicy", Resource: Resource{Domain: "acme"}}
	if set.Authorize(&q).Allow {
		t.Error("a deny of everything allowed something")
	}
	if q.Owned = true; !set.Authorize(&q).Allow {
		t.Error("the owner is locked out")
	}
	if q.Principal.Account = "222222222222"; set.Authorize(&q).Allow {
		t.Error("another account may change the policy")
	}
}

func TestConditions(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for condition, want := range map[string]bool{
		`{"StringEquals":{"aws:PrincipalAccount":["1","111111111111"]}}`:                              true,
		`{"StringNotEquals":{"aws:PrincipalAccount":["1","111111111111"]}}`:                           false,
		`{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/d?v"}}`:                               true,
		`{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/d?v"}}`:                               false,
		`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`:                                               false,
		`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`:                                       true,
		`{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}`:                                            true,
		`{"Null":{"aws:PrincipalOrgID":true}}`:                                                        true,
		`{"Bool":{"aws:SecureTransport":false}}`:                                                      true,
		`{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}`:                                             true,
		`{"NotIpAddress":{"aws:SourceIp":"192.0.2.7"}}`:                                               false,
		`{"DateLessThan":{"aws:CurrentTime":"2026-11-24"},"DateGreaterThan":{"aws:EpochTime":"100"}}`: true,
		`{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-23T12:00:01Z"}}`:                        false,
		`{"StringEquals":{"aws:username":"dev"},"StringLike":{"aws:PrincipalArn":"arn:aws:iam::9*"}}`: false,
	} {
		set := NewSet("", map[string]*Bounds{"acme": {Owner: "111111111111", Domain: document(t,
			`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"codeartifact:*","Resource":"*","Condition":`+condition+`}]}`)}})
		d := set.Authorize(&Request{Principal: who("dev", "", auth.None), Action: "DescribeDomain", Resource: Resource{Domain: "acme"},
			Remote: netip.MustParseAddr("192.0.2.7"), Time: now})
		if d.Allow != want {
			t.Errorf("%s: %v", condition, d.Allow)
		}
	}
}

func TestBadDocuments(t *testing.T) {
	long := `{"Statement":[{"Sid":"` + strings.Repeat("x", MaxDocument) + `","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
	for _, text := range []string{
		``, `{}`, `[]`, `{"Statement":[]}`, long, `{"Statement":{"Effect":"Maybe","Principal":"*","Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":"me","Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":"me"},"Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"*"},"Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","NotPrincipal":"*","Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:Get","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"Sometimes":{"a":"b"}}}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"a":"b"}}}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Extra":1}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}} {}`,
	} {
		if _, err := ParseDocument([]byte(text)); err == nil {
			t.Errorf("taken: %.120s", text)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*c", "abbc", true}, {"a*c", "abbd", false}, {"a?c", "abc", true},
		{"a?c", "ac", false}, {"*a*b*", "xxaxxbxx", true}, {"**", "x", true}, {"a*", "b", false},
		{strings.Repeat("*a", 50) + "b", strings.Repeat("a", 5000), false},
	} {
		if glob(c.pattern, c.s) != c.want {
			t.Errorf("glob(%q, %.20q) = %v", c.pattern, c.s, !c.want)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(onlyNamed))
	f.Add([]byte(adminsConnect))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ParseDocument(text)
		if err != nil {
			return
		}
		set := NewSet("", map[string]*Bounds{"acme": {Owner: "111111111111", Domain: d}})
		set.Authorize(&Request{Principal: who("dev", "", auth.None), Action: "DescribeDomain", Resource: Resource{Domain: "acme"}})
	})
}

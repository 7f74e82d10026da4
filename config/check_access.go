package config

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Limits of secrets. A token is a random string: 16 characters are 95 bits of base62. The service's own key pairs have
// identifiers of 20 characters; IAM's model allows 16 to 128.
const (
	minToken    = 16
	minPassword = 8
)

var (
	accessKeyID   = regexp.MustCompile(`^\w{16,128}$`)
	principalName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`) // IAM's UserName
)

func (c *checker) access() {
	a := c.f.Access
	if a == nil {
		return
	}
	if a.Anonymous != "" {
		c.word(where(a.Body, a.DefRange, "anonymous"), "anonymous", a.Anonymous, "none", "read")
	}
	seen := map[string]string{}
	ids := map[string]string{}
	for i := range a.Keys {
		k := &a.Keys[i]
		at := inBlock(k.Body, k.DefRange)
		c.principal(seen, "key", k.Name, k.Account, k.Policy, at)
		if !accessKeyID.MatchString(k.AccessKeyID) {
			c.wrong(at("access_key_id"), "", "access_key_id: not 16 to 128 letters and digits")
		} else if first, ok := ids[k.AccessKeyID]; ok {
			c.wrong(at("access_key_id"), "", "access_key_id is that of the key at %s too", first)
		}
		ids[k.AccessKeyID] = k.Place()
		c.secret(at, "secret", k.Secret, minToken)
	}
	for i := range a.Tokens {
		t := &a.Tokens[i]
		at := inBlock(t.Body, t.DefRange)
		c.principal(seen, "token", t.Name, t.Account, t.Policy, at)
		c.secret(at, "secret", t.Secret, minToken)
	}
	for i := range a.Users {
		u := &a.Users[i]
		at := inBlock(u.Body, u.DefRange)
		c.principal(seen, "user", u.Name, u.Account, u.Policy, at)
		c.secret(at, "password", u.Password, minPassword)
	}
}

// principal checks what keys, tokens and users have in common.
func (c *checker) principal(seen map[string]string, kind, name, owner, policy string, at at) {
	if !principalName.MatchString(name) {
		c.wrong(at(""), "", "%s: %q is no name: 1 to 64 letters, digits and _+=,.@-", kind, name)
	}
	if first, ok := seen[kind+name]; ok {
		c.wrong(at(""), "", "%s %q is declared twice, first at %s", kind, name, first)
	} else {
		seen[kind+name] = place(at(""))
	}
	if at("account") != at("") && !account.MatchString(owner) {
		c.wrong(at("account"), "", "account: %q is no account of 12 digits", owner)
	}
	c.permission(at("policy"), policy)
}

// permission checks the policy of a principal: a word or a document.
func (c *checker) permission(r hcl.Range, policy string) {
	if strings.HasPrefix(strings.TrimSpace(policy), "{") {
		c.document(r, "policy", policy)
		return
	}
	c.word(r, "policy", policy, "admin", "publish", "read")
}

func (c *checker) secret(at at, name string, s Secret, least int) {
	if len(s) < least && at(name) != at("") {
		c.wrong(at(name), "", "%s has fewer than %d characters", name, least)
	}
}

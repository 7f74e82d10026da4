package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Authority authenticates requests and issues tokens. It is safe for concurrent use, and outlives configurations.
type Authority struct {
	tokens     Tokens
	directory  atomic.Pointer[directory]
	generation atomic.Uint64
	verified   verified
	failures   limiter
	hashing    chan struct{} // bounds the processors that bcrypt may take

	changing sync.Mutex // held while a token is revoked or its last use is stored, so that neither undoes the other
	uses     uses
}

// maxHashing leaves processors for those who are known already: one comparison takes 60 ms and more.
const maxHashing = 2

// New returns an authority that lets in anonymous readers on loopback, and whoever has a token of the administrator.
func New(t Tokens) *Authority {
	a := &Authority{tokens: t, hashing: make(chan struct{}, maxHashing)}
	d, _ := newDirectory(Access{}) // nothing in it can be wrong
	a.directory.Store(d)
	return a
}

// SetAccess puts another configuration in place of the present one. Who was removed is not let in any more. An error
// names the entry that is wrong, and leaves everything as it is.
func (a *Authority) SetAccess(access Access) error {
	d, err := newDirectory(access)
	if err != nil {
		return err
	}
	a.directory.Store(d)
	a.generation.Add(1)
	return nil
}

// Generation changes whenever a remembered answer of Authenticate might be wrong: when a token is issued or revoked,
// and when the access changes. Whoever remembers reads it before it asks.
func (a *Authority) Generation() *atomic.Uint64 { return &a.generation }

// Authenticate says who sent a request. remote is the client's address, as far as it can be trusted: on loopback a
// client needs no credential to read. The error is a *Failure where the credential is at fault.
func (a *Authority) Authenticate(ctx context.Context, r *http.Request, remote netip.Addr) (*Principal, error) {
	return a.authenticate(ctx, r.Header, "Authorization", remote)
}

// AuthenticateProxy is Authenticate for a request to us as a proxy, whose Authorization is for somebody else.
func (a *Authority) AuthenticateProxy(ctx context.Context, r *http.Request, remote netip.Addr) (*Principal, error) {
	return a.authenticate(ctx, r.Header, "Proxy-Authorization", remote)
}

func (a *Authority) authenticate(ctx context.Context, h http.Header, name string, remote netip.Addr) (*Principal, error) {
	c, ok, err := credentialIn(h, name)
	if err != nil {
		return nil, err // cannot be a guess
	}
	if !ok {
		return a.directory.Load().nobody(remote), nil
	}
	return a.verify(ctx, c, remote)
}

// Login checks a user name with a password or a token.
func (a *Authority) Login(ctx context.Context, user, password string, remote netip.Addr) (*Principal, error) {
	if user == "" || password == "" || len(user)+len(password) > maxCredential {
		return nil, &Failure{Reason: "a user name and a password are needed"}
	}
	p, err := a.verify(ctx, credential{user, password}, remote)
	if err == nil && p.Name != user && !a.isLogin(user, p.Name) {
		return nil, a.wrong(remote) // somebody else's token
	}
	return p, err
}

func (a *Authority) isLogin(user, principal string) bool {
	l := a.directory.Load().logins[user]
	return l != nil && l.p.Name == principal
}

// verify finds whose credential it is. One that was verified before and one that is a token of ours cost too little,
// and are too long, to be guessed: they pass even from an address that failed too often, which may be shared.
func (a *Authority) verify(ctx context.Context, c credential, remote netip.Addr) (*Principal, error) {
	generation := a.generation.Load()
	key := c.key()
	if v := a.verified.get(generation, key); v != nil {
		return a.admit(v, remote)
	}
	if wellFormed(c.secret) {
		v, err := a.issued(ctx, c.secret)
		if err == nil {
			a.verified.put(generation, key, v)
			return a.admit(v, remote)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		// The configuration may have it.
	}
	if wait := a.failures.wait(remote); wait > 0 {
		return nil, &Failure{Reason: "too many wrong credentials from this address", RetryAfter: wait}
	}
	p, err := a.configured(ctx, generation, key, c)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, a.wrong(remote)
	}
	v := &known{p: p}
	a.verified.put(generation, key, v)
	return a.admit(v, remote)
}

func (a *Authority) wrong(remote netip.Addr) error {
	a.failures.fail(remote)
	return &Failure{Reason: "unknown credential"}
}

// admit checks what changes between two uses of a credential: the time, and where it comes from.
func (a *Authority) admit(v *known, remote netip.Addr) (*Principal, error) {
	if !v.p.Expires.IsZero() && !time.Now().Before(v.p.Expires) {
		return nil, &Failure{Reason: "this token has expired"}
	}
	if len(v.p.cidr) > 0 && !contains(v.p.cidr, remote) {
		return nil, &Failure{Reason: "this token may not be used from this address"}
	}
	if v.token != nil {
		a.uses.note(v)
	}
	return v.p, nil
}

// issued looks a token up.
func (a *Authority) issued(ctx context.Context, secret string) (*known, error) {
	t, err := a.tokens.TokenByHash(ctx, sha256.Sum256([]byte(secret)))
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return a.holder(t)
}

// holder is the principal of a stored token, as far as the token lets it go. It is known only as long as it is configured.
func (a *Authority) holder(t Token) (*known, error) {
	of := a.directory.Load().principals[t.Principal]
	if of == nil {
		return nil, fmt.Errorf("token of %q, who is not configured any more: %w", t.Principal, fs.ErrNotExist)
	}
	p := *of
	p.TokenID, p.Domain, p.ReadOnly, p.Expires = t.ID, t.Domain, t.ReadOnly, t.Expires
	p.Packages = strings.HasPrefix(t.ID, shortMark)
	if p.ReadOnly {
		p.Level = min(p.Level, ReadLevel)
	}
	var err error
	if p.cidr, err = parseCIDR(t.CIDR); err != nil {
		return nil, fmt.Errorf("token %s: %w", t.ID, err)
	}
	return &known{p: &p, token: &t}, nil
}

// configured looks for a static token, then for a user with that password; nil if there is neither.
func (a *Authority) configured(ctx context.Context, generation uint64, key [sha256.Size]byte, c credential) (*Principal, error) {
	d := a.directory.Load()
	sum := sha256.Sum256([]byte(c.secret))
	if p := d.static[sum]; p != nil {
		return p, nil
	}
	if c.user == "" {
		return nil, nil
	}
	l := d.logins[c.user]
	if l != nil && l.bcrypt == nil {
		if subtle.ConstantTimeCompare(l.sum[:], sum[:]) == 1 {
			return l.p, nil
		}
		return nil, nil
	}
	against := l
	if against == nil {
		against = d.slow // as long as for a user that exists
	}
	if against == nil {
		return nil, nil
	}
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if v := a.verified.get(generation, key); v != nil {
		return v.p, nil // by another request that waited with this one
	}
	if bcrypt.CompareHashAndPassword(against.bcrypt, []byte(c.secret)) != nil || l == nil {
		return nil, nil
	}
	return l.p, nil
}

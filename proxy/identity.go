package proxy

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"

	"entrepot/cache"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
)

// identity is who a client is, as formats see it.
type identity struct {
	authority *auth.Authority
	logins    *auth.Logins
	principal *auth.Principal
	domain    string
	remote    netip.Addr
}

// Name implements format.Identity.
func (i *identity) Name() string { return i.principal.Name }

// Login implements format.Identity.
func (i *identity) Login(ctx context.Context, user, password string) (string, error) {
	p, err := i.authority.Login(ctx, user, password, i.remote)
	if err != nil {
		return "", err
	}
	secret, _, err := i.authority.Issue(ctx, p, auth.Request{Note: "login", Domain: i.domain})
	return secret, err
}

// Issue implements format.Identity.
func (i *identity) Issue(ctx context.Context, t format.TokenRequest) (string, format.TokenInfo, error) {
	secret, token, err := i.authority.Issue(ctx, i.principal, auth.Request{
		Note: t.Note, Domain: i.domain, ReadOnly: t.ReadOnly, CIDR: t.CIDR, Life: t.Life,
	})
	return secret, info(token), err
}

// Tokens implements format.Identity.
func (i *identity) Tokens(ctx context.Context) ([]format.TokenInfo, error) {
	if i.principal.Name == "" {
		return nil, nil
	}
	tokens, err := i.authority.List(ctx, i.principal.Name)
	out := make([]format.TokenInfo, len(tokens))
	for n, t := range tokens {
		out[n] = info(t)
	}
	return out, err
}

// Revoke implements format.Identity.
func (i *identity) Revoke(ctx context.Context, idOrToken string) error {
	if i.principal.Name == "" {
		return cache.ErrAbsent
	}
	err := i.authority.Revoke(ctx, i.principal.Name, idOrToken)
	if errors.Is(err, fs.ErrNotExist) {
		return cache.ErrAbsent
	}
	return err
}

// Begin implements npm.WebLogin: it starts a login that a person completes in a browser.
func (i *identity) Begin(context.Context) (id, poll string, err error) { return i.logins.Begin() }

// Poll implements npm.WebLogin.
func (i *identity) Poll(_ context.Context, poll string) (token string, done bool, err error) {
	token, done, err = i.logins.Poll(poll)
	if errors.Is(err, fs.ErrNotExist) {
		err = cache.ErrAbsent
	}
	return token, done, err
}

func info(t auth.Token) format.TokenInfo {
	return format.TokenInfo{
		ID: t.ID, Prefix: t.Prefix, Note: t.Note, ReadOnly: t.ReadOnly, CIDR: t.CIDR, Created: t.Created, Expires: t.Expires,
	}
}

package auth

import (
	"context"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// Authority authenticates requests and issues tokens. It is safe for concurrent use, and outlives configurations.
type Authority struct {
	tokens     Tokens
	generation atomic.Uint64
}

// New returns an authority without access for anybody but anonymous readers on loopback and issued tokens.
func New(t Tokens) *Authority { return &Authority{tokens: t} }

// SetAccess puts another configuration in place of the present one. Who was removed stops being let in at once.
func (a *Authority) SetAccess(access Access) error { panic("TODO") }

// Generation changes whenever a remembered answer to Authenticate might be wrong: when a token is issued or revoked,
// and when the access changes.
func (a *Authority) Generation() *atomic.Uint64 { return &a.generation }

// Authenticate says who sent a request from the given address. Its error is a *Failure where the credential is at fault.
func (a *Authority) Authenticate(ctx context.Context, r *http.Request, remote netip.Addr) (*Principal, error) {
	panic("TODO")
}

// Login checks a user name and a password.
func (a *Authority) Login(ctx context.Context, user, password string, remote netip.Addr) (*Principal, error) {
	panic("TODO")
}

// Request asks for a token.
type Request struct {
	Note     string
	Domain   string // the only domain that it is for; empty: all
	ReadOnly bool
	CIDR     []string      // where it may be used from; empty: anywhere
	Life     time.Duration // 0: no end
}

// Issue makes a token for a principal. It may do no more than the token that the principal came with.
func (a *Authority) Issue(ctx context.Context, p *Principal, q Request) (secret string, t Token, err error) {
	panic("TODO")
}

// IssueTo makes a token for a principal that somebody else names: an administrator, or the command line.
func (a *Authority) IssueTo(ctx context.Context, name string, q Request) (secret string, t Token, err error) {
	panic("TODO")
}

// List returns a principal's tokens, the oldest first; with an empty name, everybody's.
func (a *Authority) List(ctx context.Context, principal string) ([]Token, error) { panic("TODO") }

// Revoke ends a token: by its ID, or by itself. principal is whose it has to be; empty: anybody's. fs.ErrNotExist if there is none.
func (a *Authority) Revoke(ctx context.Context, principal, idOrToken string) error { panic("TODO") }

// AdminToken makes sure that the file holds the administrator's first token, and returns whether it made one.
func (a *Authority) AdminToken(ctx context.Context, file string) (created bool, err error) {
	panic("TODO")
}

// Flush stores when tokens were last used.
func (a *Authority) Flush(ctx context.Context) error { panic("TODO") }

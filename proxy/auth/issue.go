package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrInvalid reports a token that cannot be asked for so.
var ErrInvalid = errors.New("invalid request for a token")

// Limits of what is stored for a token, and of the tokens of one principal.
const (
	maxNote   = 256 // bytes
	maxCIDR   = 32  // ranges
	maxTokens = 1000
)

// Request asks for a token.
type Request struct {
	Note     string // at most 256 bytes
	Domain   string // the only domain that it is for; empty: all
	ReadOnly bool
	CIDR     []string      // where it may be used from, addresses or ranges, at most 32; empty: anywhere
	Life     time.Duration // 0: no end
	// AccessKey asks for a key pair that signs requests as AWS's do, in place of a token: the token's ID is the access
	// key's, and what is returned as the secret is the secret access key.
	AccessKey bool
}

// Issue makes a token for a principal. It can do no more, no longer and nowhere else than the token that the principal
// came with. The secret is not kept. Errors are ErrInvalid, or a *Failure for an anonymous principal.
func (a *Authority) Issue(ctx context.Context, p *Principal, q Request) (secret string, t Token, err error) {
	if p.Anonymous || p.Name == "" {
		return "", Token{}, &Failure{Reason: "a token needs somebody whose it is"}
	}
	if p.Domain != "" && q.Domain != "" && q.Domain != p.Domain {
		return "", Token{}, fmt.Errorf("%w: the present token is for domain %s only", ErrInvalid, p.Domain)
	}
	if q.Domain == "" {
		q.Domain = p.Domain
	}
	q.ReadOnly = q.ReadOnly || p.ReadOnly
	ranges, err := parseCIDR(q.CIDR)
	if err != nil {
		return "", Token{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(ranges) == 0 {
		ranges = p.cidr
	}
	for _, r := range ranges {
		if len(p.cidr) > 0 && !covers(p.cidr, r) {
			return "", Token{}, fmt.Errorf("%w: the present token may not be used from all of %s", ErrInvalid, r)
		}
	}
	return a.issue(ctx, p.Name, q, ranges, p.Expires)
}

// IssueTo makes a token for the principal of that name, for a caller that may do so: an administrator, or the command
// line. The error is fs.ErrNotExist if nobody has that name.
func (a *Authority) IssueTo(ctx context.Context, name string, q Request) (secret string, t Token, err error) {
	p := a.directory.Load().principals[name]
	if p == nil {
		return "", Token{}, fmt.Errorf("principal %q: %w", name, fs.ErrNotExist)
	}
	return a.Issue(ctx, p, q)
}

func (a *Authority) issue(ctx context.Context, name string, q Request, ranges []netip.Prefix, end time.Time) (string, Token, error) {
	if len(q.Note) > maxNote || !utf8.ValidString(q.Note) || len(ranges) > maxCIDR || q.Life < 0 {
		return "", Token{}, fmt.Errorf("%w: a note of %d bytes and %d ranges at most, and no negative life", ErrInvalid, maxNote, maxCIDR)
	}
	have, err := a.tokens.TokensOf(ctx, name)
	if err != nil {
		return "", Token{}, fmt.Errorf("tokens of %s: %w", name, err)
	}
	if len(have) >= maxTokens {
		return "", Token{}, fmt.Errorf("%w: %s has %d tokens, and no more are kept", ErrInvalid, name, len(have))
	}
	secret, now := NewToken(), time.Now()
	t := Token{
		ID: newID(), Hash: sha256.Sum256([]byte(secret)), Prefix: secret[:prefixLen],
		Principal: name, Domain: q.Domain, Note: q.Note, ReadOnly: q.ReadOnly, Created: now, Expires: end,
	}
	if q.AccessKey {
		t.ID, secret = accessKeyMark+randomText(16), accessKeySecret(t)
	}
	for _, r := range ranges {
		t.CIDR = append(t.CIDR, r.String())
	}
	if at := now.Add(q.Life); q.Life > 0 && (end.IsZero() || at.Before(end)) {
		t.Expires = at
	}
	if err := a.tokens.PutToken(ctx, t); err != nil {
		return "", Token{}, fmt.Errorf("token of %s: %w", name, err)
	}
	a.generation.Add(1)
	return secret, t, nil
}

// List returns a principal's tokens, the oldest first; with an empty name, everybody's.
func (a *Authority) List(ctx context.Context, principal string) ([]Token, error) {
	return a.tokens.TokensOf(ctx, principal)
}

// Revoke ends a token, named by its ID or by itself, at once. principal is whose it must be; empty: anybody's. The
// error is fs.ErrNotExist if there is none.
func (a *Authority) Revoke(ctx context.Context, principal, idOrToken string) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	t, err := a.find(ctx, principal, idOrToken)
	if err != nil {
		return err
	}
	if err := a.tokens.DeleteToken(ctx, t.ID); err != nil {
		return fmt.Errorf("token %s: %w", t.ID, err)
	}
	a.generation.Add(1)
	return nil
}

func (a *Authority) find(ctx context.Context, principal, idOrToken string) (Token, error) {
	if wellFormed(idOrToken) {
		t, err := a.tokens.TokenByHash(ctx, sha256.Sum256([]byte(idOrToken)))
		if err != nil {
			return Token{}, fmt.Errorf("token: %w", err)
		}
		if principal == "" || t.Principal == principal {
			return t, nil
		}
		return Token{}, fmt.Errorf("token: %w", fs.ErrNotExist)
	}
	list, err := a.tokens.TokensOf(ctx, principal)
	if err != nil {
		return Token{}, fmt.Errorf("tokens of %s: %w", principal, err)
	}
	for _, t := range list {
		if t.ID == idOrToken {
			return t, nil
		}
	}
	return Token{}, fmt.Errorf("token: %w", fs.ErrNotExist)
}

// parseCIDR reads ranges and single addresses.
func parseCIDR(list []string) ([]netip.Prefix, error) {
	var ranges []netip.Prefix
	for _, s := range list {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
			ip = ip.Unmap()
			ranges = append(ranges, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is no address and no range of addresses", strings.ToValidUTF8(s, "?"))
		}
		ranges = append(ranges, p.Masked())
	}
	return ranges, nil
}

func contains(ranges []netip.Prefix, ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, r := range ranges {
		if r.Contains(ip) {
			return true
		}
	}
	return false
}

// covers reports whether one of ranges has all of r.
func covers(ranges []netip.Prefix, r netip.Prefix) bool {
	for _, wide := range ranges {
		if wide.Bits() <= r.Bits() && wide.Contains(r.Addr()) {
			return true
		}
	}
	return false
}

package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// shortMark begins the IDs of such tokens: they stand in files of package managers, and are good for no more than that.
const shortMark = "packages-"

// IssueShort makes a token for one domain that ends by itself, for a principal that proved who it is. There is no limit
// to their number, since a fleet of builds asks for one each: they are forgotten when they have ended. Nothing that is
// remembered changes: nobody has seen this token before.
func (a *Authority) IssueShort(ctx context.Context, p *Principal, domain string, life time.Duration) (secret string, t Token, err error) {
	if p.Anonymous || p.Name == "" {
		return "", Token{}, &Failure{Reason: "a token needs somebody whose it is"}
	}
	if p.Domain != "" && p.Domain != domain || life <= 0 {
		return "", Token{}, fmt.Errorf("%w: for another domain than the present token, or without life", ErrInvalid)
	}
	secret, now := NewToken(), time.Now()
	t = Token{
		ID: shortMark + newID(), Hash: sha256.Sum256([]byte(secret)), Prefix: secret[:prefixLen], Principal: p.Name, Domain: domain,
		Note: "authorization token", ReadOnly: p.ReadOnly, Created: now, Expires: now.Add(life),
	}
	if !p.Expires.IsZero() && p.Expires.Before(t.Expires) {
		t.Expires = p.Expires
	}
	for _, r := range p.cidr {
		t.CIDR = append(t.CIDR, r.String())
	}
	if err := a.tokens.PutToken(ctx, t); err != nil {
		return "", Token{}, fmt.Errorf("token of %s: %w", p.Name, err)
	}
	return secret, t, nil
}

package formattest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Identity is a client in memory: a format.Identity. Users holds every user's password.
type Identity struct {
	User  string
	Users map[string]string

	mu     sync.Mutex
	tokens []format.TokenInfo
}

var _ format.Identity = (*Identity)(nil)

// Name returns User.
func (i *Identity) Name() string { return i.User }

// Login makes a token for a user of Users; a wrong password is *cache.Refused with Login set.
func (i *Identity) Login(_ context.Context, user, password string) (string, error) {
	if want, ok := i.Users[user]; !ok || want != password {
		return "", &cache.Refused{Rule: "access", Reason: "wrong user name or password", Login: true}
	}
	return "token-of-" + user, nil
}

// Issue makes a token whose text is "token-" and its number.
func (i *Identity) Issue(_ context.Context, t format.TokenRequest) (string, format.TokenInfo, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	info := format.TokenInfo{
		ID: fmt.Sprintf("id-%d", len(i.tokens)+1), Prefix: "token-", Note: t.Note, ReadOnly: t.ReadOnly, CIDR: t.CIDR,
		Created: Published,
	}
	if t.Life > 0 {
		info.Expires = info.Created.Add(t.Life.Round(time.Second))
	}
	i.tokens = append(i.tokens, info)
	return fmt.Sprintf("token-%d", len(i.tokens)), info, nil
}

// Tokens lists the tokens that Issue made.
func (i *Identity) Tokens(context.Context) ([]format.TokenInfo, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]format.TokenInfo(nil), i.tokens...), nil
}

// Revoke ends a token by its ID, or by its text.
func (i *Identity) Revoke(_ context.Context, idOrToken string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, t := range i.tokens {
		if t.ID == idOrToken || "token-"+t.ID[len("id-"):] == idOrToken {
			i.tokens = append(i.tokens[:n], i.tokens[n+1:]...)
			return nil
		}
	}
	return cache.ErrAbsent
}

package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// maxVerified bounds the credentials that are remembered, at about 500 bytes each.
const maxVerified = 4096

// known is a verified credential.
type known struct {
	p     *Principal
	token *Token       // the row, if the credential is an issued token
	noted atomic.Int64 // Unix time of the last use that was noted
}

// verified remembers credentials that were good, so that a request costs neither a look-up nor a bcrypt. All are
// forgotten when the generation changes, so none outlives its revocation.
type verified struct {
	mu         sync.RWMutex
	generation uint64
	m          map[[sha256.Size]byte]*known
}

func (v *verified) get(generation uint64, key [sha256.Size]byte) *known {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.generation != generation {
		return nil
	}
	return v.m[key]
}

// put remembers what was looked up under a generation that was read before.
func (v *verified) put(generation uint64, key [sha256.Size]byte, k *known) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if generation < v.generation {
		return // what was looked up may have been revoked since
	}
	if generation > v.generation || len(v.m) >= maxVerified || v.m == nil {
		v.generation, v.m = generation, make(map[[sha256.Size]byte]*known)
	}
	v.m[key] = k
}

// useGrain is how exactly Token.Used is known: a hit writes nothing to disk, and a row is written once an hour at most.
const useGrain = time.Hour

// uses are last uses that are not stored yet.
type uses struct {
	mu sync.Mutex
	m  map[[sha256.Size]byte]time.Time // by the token's hash
}

func (u *uses) note(k *known) {
	now := time.Now()
	last := k.noted.Load()
	if now.Sub(k.token.Used) < useGrain || now.Unix()-last < int64(useGrain/time.Second) || !k.noted.CompareAndSwap(last, now.Unix()) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m == nil {
		u.m = make(map[[sha256.Size]byte]time.Time)
	}
	if len(u.m) < maxVerified {
		u.m[k.token.Hash] = now
	}
}

func (u *uses) take() map[[sha256.Size]byte]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := u.m
	u.m = nil
	return m
}

// Flush stores when tokens were last used. The engine calls it every minute or so, and at the end.
func (a *Authority) Flush(ctx context.Context) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	for hash, used := range a.uses.take() {
		t, err := a.tokens.TokenByHash(ctx, hash)
		if errors.Is(err, fs.ErrNotExist) {
			continue // revoked since
		}
		if err == nil {
			t.Used = used
			err = a.tokens.PutToken(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("last use of tokens: %w", err)
		}
	}
	return nil
}

package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"strings"
	"time"
)

// Token is an issued token as it is stored: never the token itself.
type Token struct {
	ID        string            // names it in lists and for revoking
	Hash      [sha256.Size]byte // SHA-256 of the token
	Prefix    string            // its first characters, for people to know it by
	Principal string            // whose it is
	Domain    string            // the only domain that it is for; empty: all
	Note      string            // what it is for, in its owner's words
	ReadOnly  bool
	CIDR      []string // where it may be used from; empty: anywhere
	Created   time.Time
	Expires   time.Time // zero: it does not end
	Used      time.Time // at most an hour old; zero: never
}

// Tokens keeps issued tokens. The index implements it.
type Tokens interface {
	// PutToken stores a token, in place of one with the same ID.
	PutToken(ctx context.Context, t Token) error
	// TokenByHash returns the token with that hash, or an error that is fs.ErrNotExist.
	TokenByHash(ctx context.Context, hash [sha256.Size]byte) (Token, error)
	// TokensOf lists a principal's tokens, the oldest first; with an empty name, everybody's.
	TokensOf(ctx context.Context, principal string) ([]Token, error)
	// DeleteToken removes a token; fs.ErrNotExist if there is none with that ID.
	DeleteToken(ctx context.Context, id string) error
}

// A token is "ent_", 30 random characters and the CRC-32 (IEEE) of all before it in 6, all of them base62. The 178
// random bits are beyond guessing; the sum tells a mistyped token, and what secret scanners find, from a real one
// without a look-up.
const (
	tokenMark   = "ent_"
	tokenRandom = 30
	tokenSum    = 6
	tokenLen    = len(tokenMark) + tokenRandom + tokenSum
	prefixLen   = len(tokenMark) + 6 // what Token.Prefix shows: 36 of the 178 bits

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewToken returns a fresh token.
func NewToken() string { return string(appendSum([]byte(tokenMark + randomText(tokenRandom)))) }

// newID returns a name for a token: 71 bits, so that two never meet.
func newID() string { return randomText(12) }

// randomText returns n random base62 characters, 5.95 bits each.
func randomText(n int) string {
	b := make([]byte, 0, n)
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // never fails (Go 1.24)
		for _, r := range random {
			if len(b) == n {
				return string(b)
			}
			if r < 4*62 { // the rest of a byte would favour the first characters
				b = append(b, base62[r%62])
			}
		}
	}
}

func appendSum(b []byte) []byte {
	sum := crc32.ChecksumIEEE(b)
	var digits [tokenSum]byte // 62^6 > 2^32
	for i := range digits {
		digits[len(digits)-1-i] = base62[sum%62]
		sum /= 62
	}
	return append(b, digits[:]...)
}

// looksIssued reports whether s has the mark of our tokens, right or wrong.
func looksIssued(s string) bool { return strings.HasPrefix(s, tokenMark) }

// wellFormed reports whether s is a token of ours by its form and its sum.
func wellFormed(s string) bool {
	if len(s) != tokenLen || !looksIssued(s) {
		return false
	}
	body := s[:tokenLen-tokenSum]
	for i := len(tokenMark); i < len(body); i++ {
		if strings.IndexByte(base62, body[i]) < 0 {
			return false
		}
	}
	return string(appendSum([]byte(body))) == s
}

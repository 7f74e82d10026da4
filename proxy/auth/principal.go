// Package auth says who is asking.
//
// An Authority reads what a request proves (Bearer, Basic, a raw token, an API key), finds the principal it belongs to
// among those that the configuration names and the tokens that were issued, and issues, lists and revokes tokens. What
// a principal may do to a repository is proxy/policy's business.
//
// It guarantees that
//
//   - a token is stored as its SHA-256 only, and compared without a hint of how near a guess came;
//   - a revoked token stops at once: Generation changes, and whatever was remembered under the old one is dead;
//   - guessing is slow: an address that failed too often is refused for a while, in bounded memory, and no address is
//     counted for coming without a credential;
//   - a credential that is wrong is refused, and never treated as none.
package auth

import (
	"net/netip"
	"time"
)

// Level is what a principal may do at most; each includes those below it.
type Level uint8

// The levels.
const (
	None Level = iota
	ReadLevel
	PublishLevel
	AdminLevel
)

var levelNames = [...]string{"none", "read", "publish", "admin"}

func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "none"
}

// ParseLevel reads a level as configuration writes it.
func ParseLevel(s string) (Level, bool) {
	for i, name := range levelNames {
		if s == name {
			return Level(i), true
		}
	}
	return None, false
}

// Principal is who asks. It is immutable, and shared between requests.
type Principal struct {
	Name      string // empty: anonymous
	Account   string // 12 digits; empty: the domain owner's
	Anonymous bool
	Level     Level     // already lowered by ReadOnly
	TokenID   string    // of the issued token it came with; empty: another credential
	Domain    string    // the only domain that the token is for; empty: all
	ReadOnly  bool      // the token only reads
	Packages  bool      // the token is for package managers: it manages nothing
	Expires   time.Time // when the token ends; zero: it does not

	cidr []netip.Prefix // where its token may be used from; empty: anywhere
}

// Administrator is the name of the principal that every authority knows: the one of the first token. A configuration
// that names a principal so takes its place.
const Administrator = "admin"

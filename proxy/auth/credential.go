package auth

import (
	"crypto/sha256"
	"net/http"
	"strings"
)

// maxCredential bounds what is looked at: the longest that clients send are JWTs of 2 to 3 KiB.
const maxCredential = 8 << 10

// credential is what a request brought.
type credential struct {
	user   string // of Basic
	secret string // password or token
}

// key names the credential among those that were verified.
func (c credential) key() [sha256.Size]byte {
	user := sha256.Sum256([]byte(c.user)) // so that no separator can be in it
	return sha256.Sum256(append(user[:], c.secret...))
}

// credentialIn reads a request's credential: the named header (Authorization, Proxy-Authorization) as Basic, Bearer or
// a raw token, as cargo sends it; else NuGet's API key. ok is false if there is none; an empty one is none, too, for
// that is what clients make of an unset variable.
func credentialIn(h http.Header, name string) (c credential, ok bool, err error) {
	values := h.Values(name)
	if len(values) == 0 && name == "Authorization" {
		values = h.Values("X-Nuget-Apikey")
		if len(values) == 1 {
			return tokenCredential(values[0])
		}
	}
	switch {
	case len(values) == 0:
		return credential{}, false, nil
	case len(values) > 1:
		return credential{}, false, &Failure{Reason: "more than one credential"}
	}
	value := strings.TrimSpace(values[0])
	scheme, rest, spaced := strings.Cut(value, " ")
	switch strings.ToLower(scheme) {
	case "basic":
		return basicCredential(value)
	case "bearer", "token":
		return tokenCredential(rest)
	case "aws4-hmac-sha256":
		return credential{}, false, &Failure{Reason: "signed requests are not accepted: send a token"}
	}
	if spaced {
		return credential{}, false, &Failure{Reason: "the authorization scheme is not one of Basic and Bearer"}
	}
	return tokenCredential(value)
}

func tokenCredential(s string) (credential, bool, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxCredential {
		return credential{}, false, &Failure{Reason: "the credential is too long"}
	}
	return credential{secret: s}, s != "", nil
}

func basicCredential(header string) (credential, bool, error) {
	if len(header) > maxCredential {
		return credential{}, false, &Failure{Reason: "the credential is too long"}
	}
	if strings.EqualFold(header, "basic") {
		return credential{}, false, nil
	}
	user, password, ok := (&http.Request{Header: http.Header{"Authorization": {header}}}).BasicAuth()
	if !ok {
		return credential{}, false, &Failure{Reason: "the Basic credential is malformed"}
	}
	if password == "" { // tools that know only a user take the token there
		user, password = "", user
	}
	return credential{user, password}, password != "", nil
}

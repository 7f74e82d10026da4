package connection

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

// Auth is a credential of a connection. Its String names the kind and hides the secret.
type Auth interface {
	// Authorize adds the credential to a request that goes to the connection's own registry.
	Authorize(r *http.Request) error
	String() string
}

// Bearer is a token in an Authorization header (RFC 6750).
type Bearer string

// Authorize implements Auth.
func (b Bearer) Authorize(r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+string(b))
	return nil
}

func (Bearer) String() string { return "bearer …" }

// GoString hides the secret from %#v.
func (b Bearer) GoString() string { return b.String() }

// Basic is a user and a password (RFC 7617).
type Basic struct{ User, Password string }

// Authorize implements Auth.
func (b Basic) Authorize(r *http.Request) error {
	r.SetBasicAuth(b.User, b.Password)
	return nil
}

func (b Basic) String() string { return "basic " + b.User + ":…" }

// GoString hides the secret from %#v.
func (b Basic) GoString() string { return b.String() }

// Header is a header of any name ("X-JFrog-Art-Api", or a raw Authorization).
type Header struct{ Name, Value string }

// Authorize implements Auth.
func (h Header) Authorize(r *http.Request) error {
	r.Header.Set(h.Name, h.Value)
	return nil
}

func (h Header) String() string { return "header " + h.Name + ": …" }

// GoString hides the secret from %#v.
func (h Header) GoString() string { return h.String() }

// maxNetrc bounds a netrc file; real ones have a few lines.
const maxNetrc = 1 << 20

// Netrc finds a host in a netrc file (the one that curl and the go command read). The first entry for the host counts,
// else "default". The error is fs.ErrNotExist if there is neither.
func Netrc(r io.Reader, host string) (Auth, error) {
	words := bufio.NewScanner(io.LimitReader(r, maxNetrc))
	var found, fallback, now *Basic
	skipMacro := false
	for words.Scan() { // by line, since a macro ends at an empty one
		fields := strings.Fields(words.Text())
		if skipMacro = skipMacro && len(fields) > 0; skipMacro {
			continue
		}
		for len(fields) > 0 && !strings.HasPrefix(fields[0], "#") {
			key, value := fields[0], ""
			fields = fields[1:]
			if key == "default" {
				now = &Basic{}
				fallback = first(fallback, now)
				continue
			}
			if len(fields) > 0 {
				value, fields = fields[0], fields[1:]
			}
			switch key {
			case "machine":
				now = &Basic{}
				if strings.EqualFold(value, host) {
					found = first(found, now)
				}
			case "login":
				set(now, func(b *Basic) { b.User = value })
			case "password":
				set(now, func(b *Basic) { b.Password = value })
			case "macdef":
				skipMacro, fields = true, nil
			}
		}
	}
	if err := words.Err(); err != nil {
		return nil, fmt.Errorf("netrc: %w", err)
	}
	if found = first(found, fallback); found == nil {
		return nil, fmt.Errorf("netrc: host %s: %w", host, fs.ErrNotExist)
	}
	return *found, nil
}

func first(a, b *Basic) *Basic {
	if a != nil {
		return a
	}
	return b
}

func set(b *Basic, f func(*Basic)) {
	if b != nil {
		f(b)
	}
}

// clientCredentials are the headers by which a request proves who it is from. They do not follow a redirect to
// another origin.
var clientCredentials = []string{"Authorization", "Cookie", "X-Nuget-Apikey", "X-Api-Key"}

// authorize adds the connection's credential to a request that goes to its own origin and path, unless the request
// has one: what a client's own credential obtains must not depend on ours.
func (c *Connection) authorize(r *http.Request) error {
	if c.o.Auth == nil || !c.ours(r.URL) {
		return nil
	}
	for _, h := range clientCredentials {
		if r.Header.Get(h) != "" {
			return nil
		}
	}
	return c.o.Auth.Authorize(r)
}

// ours reports whether u is where the connection's credential may go.
func (c *Connection) ours(u *url.URL) bool {
	return sameOrigin(u, c.base) && within(u, c.o.AuthPath)
}

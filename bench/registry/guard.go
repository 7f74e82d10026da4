package registry

import (
	"net/http"
	"strings"
)

// Credential is what a registry asks for: a bearer token, or a user with a password.
type Credential struct {
	Bearer         string
	User, Password string
	Status         int // of the refusal; 0: 401. Some registries hide what one may not see behind 404
}

type guard struct {
	pattern string
	c       Credential
}

// Require asks for a credential where the path fits the pattern; "" is everywhere. Where several fit, one is enough.
func (r *Registry) Require(pattern string, c Credential) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guards = append(r.guards, guard{pattern, c})
}

// Open lets everybody in again.
func (r *Registry) Open() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guards = nil
}

// admits reports whether a request has what the guards ask for; if not, it has answered it.
func (r *Registry) admits(w http.ResponseWriter, req *http.Request) bool {
	r.mu.Lock()
	guards := r.guards
	r.mu.Unlock()
	var refusal *Credential
	for i := range guards {
		if !matches(guards[i].pattern, req.Method, req.URL.EscapedPath()) {
			continue
		}
		if guards[i].c.opens(req) {
			return true
		}
		refusal = &guards[i].c
	}
	if refusal == nil {
		return true
	}
	status := refusal.Status
	if status == 0 {
		status = http.StatusUnauthorized
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		if refusal.Bearer != "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="registry"`)
		}
	}
	http.Error(w, "credentials required", status)
	return false
}

func (c *Credential) opens(r *http.Request) bool {
	if c.Bearer != "" {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return strings.EqualFold(scheme, "bearer") && token == c.Bearer
	}
	user, password, ok := r.BasicAuth()
	return ok && user == c.User && password == c.Password
}

package proxy

import (
	_ "embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/auth"
)

//go:embed login.html
var loginHTML string

var loginPage = template.Must(template.New("login").Parse(loginHTML))

// login is the page where a person completes a web login that a client has begun: with a user name and a password, or
// with a token as the password.
func (s *Server) login(w http.ResponseWriter, r *http.Request, c *call) error {
	id := strings.TrimPrefix(r.URL.Path, "/login/")
	if !s.o.Logins.Pending(id) {
		return &cache.Invalid{Status: http.StatusNotFound, Reason: "this login is over, or never began"}
	}
	var message string
	if r.Method == http.MethodPost {
		done, err := s.complete(w, r, c, id)
		if err != nil {
			return err
		}
		if done {
			return showLogin(w, http.StatusOK, map[string]any{"Done": true})
		}
		message = "That name and password do not match."
	}
	return showLogin(w, http.StatusOK, map[string]any{"Message": message})
}

// complete gives the waiting client a token of the person who signed in.
func (s *Server) complete(w http.ResponseWriter, r *http.Request, c *call, id string) (bool, error) {
	if http.NewCrossOriginProtection().Check(r) != nil {
		return false, &cache.Refused{Rule: "login", Reason: "the form was sent from another site"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		return false, cache.Invalidf("the form cannot be read: %v", err)
	}
	a := c.site.Authority
	p, err := a.Login(r.Context(), r.PostForm.Get("user"), r.PostForm.Get("password"), c.remote.Addr())
	var failure *auth.Failure
	if errors.As(err, &failure) && failure.RetryAfter == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	secret, _, err := a.Issue(r.Context(), p, auth.Request{Note: "web login"})
	if err != nil {
		return false, err
	}
	if err := s.o.Logins.Complete(id, secret); errors.Is(err, fs.ErrNotExist) {
		return false, &cache.Invalid{Status: http.StatusNotFound, Reason: "this login is over"}
	}
	return true, nil
}

func showLogin(w http.ResponseWriter, status int, data map[string]any) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return loginPage.Execute(w, data)
}

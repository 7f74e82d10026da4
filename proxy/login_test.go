package proxy_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"entrepot/proxy/auth"
)

// npm's web login: the client begins and asks; a person signs in on the page that it opens; the client gets a token.
func TestWebLogin(t *testing.T) {
	s := start(t, setup{access: auth.Access{Users: []auth.User{{Name: "ann", Password: "correct horse", Level: auth.PublishLevel}}}})
	begun := s.do(http.MethodPost, "npm/main/-/v1/login", strings.NewReader(`{"hostname":"laptop"}`), "Content-Type", "application/json")
	var login struct{ LoginURL, DoneURL string }
	if err := json.Unmarshal(begun.body, &login); err != nil || begun.status != http.StatusOK {
		t.Fatalf("%d %s", begun.status, begun.body)
	}
	page, done := strings.TrimPrefix(login.LoginURL, s.url), strings.TrimPrefix(login.DoneURL, s.url)
	if id := strings.TrimPrefix(page, "login/"); strings.Contains(done, id) {
		t.Error("who sees the page's address can ask for the token")
	}
	if r := s.get(done); r.status != http.StatusAccepted || r.header.Get("Retry-After") == "" {
		t.Errorf("before the person has signed in: %d", r.status)
	}
	sign := func(password string) reply {
		form := url.Values{"user": {"ann"}, "password": {password}}
		return s.do(http.MethodPost, page, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	}
	if r := sign("wrong"); r.status != http.StatusOK || !strings.Contains(string(r.body), "do not match") {
		t.Errorf("a wrong password: %d %s", r.status, r.body)
	}
	if r := sign("correct horse"); r.status != http.StatusOK || !strings.Contains(string(r.body), "You are signed in") {
		t.Errorf("the right password: %d %s", r.status, r.body)
	}
	r := s.get(done)
	var given struct{ Token string }
	if err := json.Unmarshal(r.body, &given); err != nil || given.Token == "" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if who := s.ok("npm/main/-/whoami", "Authorization", "Bearer "+given.Token); !strings.Contains(string(who), `"ann"`) {
		t.Errorf("whoami: %s", who)
	}
	if r := s.get(done); r.status != http.StatusNotFound {
		t.Errorf("the token is given twice: %d", r.status)
	}
}

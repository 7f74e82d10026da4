package npm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// WebLogin is what a format.Identity may offer besides: npm login by a page in the browser. Without it npm asks for a
// name and a password.
type WebLogin interface {
	// Begin starts a login: the person goes to /login/ID of the server, and the client asks with poll, which nobody else
	// knows.
	Begin(ctx context.Context) (id, poll string, err error)
	// Poll returns the token once the person has agreed. cache.ErrAbsent if there is no such login, or no longer.
	Poll(ctx context.Context, poll string) (token string, done bool, err error)
}

// loginRetry is how many seconds npm waits before it asks again whether a login is done.
const loginRetry = "1"

func beginLogin(w http.ResponseWriter, r *http.Request, v format.View, d format.Desk) error {
	web, ok := d.Identity().(WebLogin)
	if !ok {
		// Any 4xx makes npm go on with name and password.
		return fmt.Errorf("there is no login by browser: %w", cache.ErrAbsent)
	}
	base, err := url.Parse(v.Base)
	if err != nil {
		return err
	}
	id, poll, err := web.Begin(r.Context())
	if err != nil {
		return err
	}
	page := url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/login/" + id}
	writeJSON(w, http.StatusOK, map[string]string{
		"loginUrl": page.String(), "doneUrl": v.Base + "-/v1/done?sessionId=" + url.QueryEscape(poll),
	})
	return nil
}

func pollLogin(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	web, ok := d.Identity().(WebLogin)
	poll := r.URL.Query().Get("sessionId")
	if !ok || poll == "" {
		return fmt.Errorf("there is no such login: %w", cache.ErrAbsent)
	}
	token, done, err := web.Poll(r.Context(), poll)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	if !done {
		w.Header().Set("Retry-After", loginRetry)
		writeJSON(w, http.StatusAccepted, struct{}{})
		return nil
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": token})
	return nil
}

// couchUser is what stands before a user's name in the addresses of CouchDB, from which npm has them.
const couchUser = "org.couchdb.user:"

// userLogin is npm login and adduser with name and password.
func userLogin(w http.ResponseWriter, r *http.Request, word string, d format.Desk) error {
	name, ok := strings.CutPrefix(word, couchUser)
	body, err := readBody(r, 64<<10)
	if err != nil {
		return err
	}
	var login struct{ Name, Password string }
	if err := json.Unmarshal(body, &login); err != nil {
		return cache.Invalidf("the body is not valid: %v", err)
	}
	if !ok || login.Name != name || login.Password == "" {
		return cache.Invalidf("a login needs the name of the address and a password")
	}
	token, err := d.Identity().Login(r.Context(), name, login.Password)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusCreated, map[string]any{"ok": true, "id": couchUser + name, "rev": "1-0", "token": token})
	return nil
}

// user answers who a name belongs to, for npm owner. It says nothing about whether there is such a user.
func user(w http.ResponseWriter, word string) error {
	name, ok := strings.CutPrefix(word, couchUser)
	if !ok || name == "" {
		return cache.ErrAbsent
	}
	writeJSON(w, http.StatusOK, map[string]any{"_id": word, "name": name, "email": "", "type": "user", "roles": []string{}})
	return nil
}

func whoami(w http.ResponseWriter, d format.Desk) error {
	name, err := principal(d)
	if err == nil {
		writeJSON(w, http.StatusOK, map[string]string{"username": name})
	}
	return err
}

func profile(w http.ResponseWriter, d format.Desk) error {
	name, err := principal(d)
	if err == nil {
		writeJSON(w, http.StatusOK, map[string]any{
			"name": name, "email": "", "email_verified": false, "tfa": false, "fullname": "", "cidr_whitelist": nil,
		})
	}
	return err
}

// principal is the client's name; 401 if it has none.
func principal(d format.Desk) (string, error) {
	name := d.Identity().Name()
	if name == "" {
		return "", &cache.Refused{Rule: "access", Reason: "you are not logged in", Login: true}
	}
	return name, nil
}

// lastSegment is the last word of the request's address.
func lastSegment(r *http.Request) string { return path.Base(r.URL.Path) }

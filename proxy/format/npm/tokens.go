package npm

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// token is a token as npm lists it.
type token struct {
	Token    string   `json:"token"` // its first characters, or all of them when it is new
	Key      string   `json:"key"`
	Name     string   `json:"name,omitempty"`
	CIDR     []string `json:"cidr_whitelist"`
	ReadOnly bool     `json:"readonly"`
	Created  string   `json:"created"`
	Updated  string   `json:"updated"`
	Expires  string   `json:"expires,omitempty"`
}

func tokenOf(t format.TokenInfo, text string) token {
	created := t.Created.UTC().Format(timeLayout)
	out := token{Token: text, Key: t.ID, Name: t.Note, CIDR: t.CIDR, ReadOnly: t.ReadOnly, Created: created, Updated: created}
	if !t.Expires.IsZero() {
		out.Expires = t.Expires.UTC().Format(timeLayout)
	}
	return out
}

func listTokens(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	if _, err := principal(d); err != nil {
		return err
	}
	infos, err := d.Identity().Tokens(r.Context())
	if err != nil {
		return err
	}
	tokens := make([]token, 0, len(infos))
	for _, t := range infos {
		tokens = append(tokens, tokenOf(t, t.Prefix))
	}
	writeJSON(w, http.StatusOK, map[string]any{"objects": tokens, "total": len(tokens), "urls": struct{}{}})
	return nil
}

// newToken makes a token for the client itself. npm sends a password too, which is not looked at: the client has
// proved who it is by what it sent with the request.
func newToken(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	if _, err := principal(d); err != nil {
		return err
	}
	body, err := readBody(r, 64<<10)
	if err != nil {
		return err
	}
	var ask struct {
		ReadOnly    bool     `json:"readonly"`
		CIDR        []string `json:"cidr_whitelist"`
		Name        string   `json:"name"`
		Description string   `json:"token_description"`
		Expires     int      `json:"expires"` // days
	}
	if err := json.Unmarshal(body, &ask); err != nil {
		return cache.Invalidf("the body is not valid: %v", err)
	}
	for _, c := range ask.CIDR {
		if _, err := netip.ParsePrefix(c); err != nil {
			return cache.Invalidf("%.100q is no CIDR range", c)
		}
	}
	const maxDays = 365 * 100
	if ask.Expires < 0 || ask.Expires > maxDays || len(ask.CIDR) > 100 || len(ask.Name)+len(ask.Description) > 1000 {
		return cache.Invalidf("a token lives at most %d days, and has at most 100 ranges and a note of 1000 characters", maxDays)
	}
	note := ask.Name
	if note == "" {
		note = ask.Description
	}
	text, info, err := d.Identity().Issue(r.Context(), format.TokenRequest{
		Note: note, ReadOnly: ask.ReadOnly, CIDR: ask.CIDR, Life: time.Duration(ask.Expires) * 24 * time.Hour,
	})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusCreated, tokenOf(info, text))
	return nil
}

// endToken revokes a token of the client: by its key (npm token revoke), or by itself (npm logout).
func endToken(w http.ResponseWriter, r *http.Request, idOrToken string, d format.Desk) error {
	if _, err := principal(d); err != nil {
		return err
	}
	if err := d.Identity().Revoke(r.Context(), idOrToken); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
	return nil
}

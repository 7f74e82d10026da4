package npm

import (
	"net/http"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// route is an endpoint of the registry as a whole, below "-/".
type route struct {
	method, path string // a segment of * takes any word
	view         string
	action       format.Action
}

// routes are the endpoints whose words are no package. A word under * comes to Serve as View "VIEW:WORD", except for
// "logout", whose word is a secret that no log should show.
var routes = []route{
	{http.MethodGet, "ping", "ping", format.Read},
	{http.MethodGet, "whoami", "whoami", format.Read},
	{http.MethodGet, "v1/search", "search", format.Read},
	{http.MethodPost, "v1/login", "login", format.Login},
	{http.MethodGet, "v1/done", "done", format.Login},
	{http.MethodGet, "npm/v1/keys", "keys", format.Read},
	{http.MethodGet, "npm/v1/user", "profile", format.Read},
	{http.MethodGet, "npm/v1/tokens", "tokens", format.Read},
	{http.MethodPost, "npm/v1/tokens", "new-token", format.Read},
	{http.MethodDelete, "npm/v1/tokens/token/*", "end-token", format.Read},
	{http.MethodDelete, "user/token/*", "logout", format.Read},
	{http.MethodPut, "user/*", "user-login", format.Login},
	{http.MethodGet, "user/*", "user", format.Read},
	{http.MethodPut, "user/*/-rev/*", "user-login", format.Login},
	{http.MethodPost, "npm/v1/security/advisories/bulk", "audit-bulk", format.Read},
	{http.MethodPost, "npm/v1/security/audits/quick", "audit-quick", format.Read},
	{http.MethodPost, "npm/v1/security/audits", "audit-full", format.Read},
}

func parseService(r *http.Request, segments []string) (format.Want, error) {
	switch {
	case segments[0] == "package" && len(segments) > 1:
		return parsePackageService(r, segments[1:])
	case len(segments) > 3 && strings.Join(segments[:3], "/") == "npm/v1/attestations":
		return parseAttestations(r, segments[3:])
	}
	var methods []string
	for _, t := range routes {
		word, ok := t.match(segments)
		if !ok {
			continue
		}
		if allow(r, t.method) != nil {
			methods = append(methods, t.method)
			continue
		}
		w := format.Want{Kind: format.Service, Action: t.action, View: t.view}
		if word != "" && t.view != "logout" {
			w.View += ":" + word
		}
		return w, nil
	}
	if methods != nil {
		return format.Want{}, allow(r, methods...)
	}
	return format.Want{}, cache.ErrAbsent
}

// match returns the first word that stands for a *.
func (t route) match(segments []string) (word string, ok bool) {
	i := 0
	for part := range strings.SplitSeq(t.path, "/") {
		if i == len(segments) || part != "*" && part != segments[i] {
			return "", false
		}
		if part == "*" && word == "" {
			word = segments[i]
		}
		i++
	}
	return word, i == len(segments)
}

// parsePackageService reads -/package/PACKAGE/….
func parsePackageService(r *http.Request, segments []string) (format.Want, error) {
	p, rest, err := cutPackage(segments)
	if err != nil {
		return format.Want{}, err
	}
	w := format.Want{Kind: format.Service, Package: p}
	switch {
	case len(rest) == 1 && rest[0] == "dist-tags":
		w.View = "dist-tags"
		return w, allow(r, http.MethodGet)
	case len(rest) == 2 && rest[0] == "dist-tags":
		if err := parseTag(rest[1]); err != nil {
			return format.Want{}, err
		}
		w.View, w.Action = "set-tag:"+rest[1], format.Publish
		if r.Method == http.MethodDelete {
			w.View = "remove-tag:" + rest[1]
		}
		return w, allow(r, http.MethodPut, http.MethodPost, http.MethodDelete)
	case len(rest) == 1 && (rest[0] == "visibility" || rest[0] == "collaborators"):
		w.View = rest[0]
		return w, allow(r, http.MethodGet)
	case len(rest) == 1 && rest[0] == "access":
		w.View, w.Action = "access", format.Admin
		return w, allow(r, http.MethodPost)
	}
	return format.Want{}, cache.ErrAbsent
}

// parseAttestations reads -/npm/v1/attestations/PACKAGE@VERSION. They are a file of the version, so that they come
// from where the tarball comes from, under the same rules.
func parseAttestations(r *http.Request, segments []string) (format.Want, error) {
	name := strings.Join(segments, "/")
	at := strings.LastIndexByte(name, '@')
	if at <= 0 || !servable(name[at+1:]) {
		return format.Want{}, cache.Invalidf("%.100q is no PACKAGE@VERSION", name)
	}
	p, err := parseName(name[:at])
	if err != nil {
		return format.Want{}, err
	}
	return format.Want{
		Kind: format.Asset, Package: p, Version: name[at+1:], Asset: Attestations, ContentType: jsonType,
	}, allow(r, http.MethodGet)
}

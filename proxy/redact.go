package proxy

import (
	"bytes"
	"net/url"
)

// hidden stands for what logs must not show.
const hidden = "REDACTED"

// shownQuery are the parameters of package managers' protocols whose values may be logged. All others are hidden: a
// token has had too many names (token, access_token, sessionId, X-Amz-Signature …) to list those.
var shownQuery = map[string]bool{
	"text": true, "q": true, "from": true, "size": true, "skip": true, "take": true, "page": true, "per_page": true, "perPage": true,
	"prerelease": true, "semVerLevel": true, "packageType": true, "quality": true, "popularity": true, "maintenance": true,
	"write": true, "go-get": true, "format": true, "repository": true, "domain": true,
}

// secretAfter are the paths whose next segment is a secret: npm's log-out and token list name the token itself, and who
// knows the address of a web login can complete it.
var secretAfter = [][]byte{[]byte("/-/user/token/"), []byte("/-/npm/v1/tokens/token/"), []byte("/login/")}

// tokenPrefix is what our own tokens begin with, wherever they stand.
var tokenPrefix = []byte("ent_")

// redactTarget takes out of a request target what must not be logged: userinfo, secrets in the path, and the values of
// parameters. It returns t itself if there is nothing, and never changes it.
func redactTarget(t []byte) []byte {
	path, query, hasQuery := bytes.Cut(t, []byte("?"))
	clean := redactPath(redactUser(path))
	if !hasQuery {
		return clean
	}
	out := append(bytes.Clone(clean), '?')
	for i, parameter := range bytes.Split(query, []byte("&")) {
		if i > 0 {
			out = append(out, '&')
		}
		key, value, assigned := bytes.Cut(parameter, []byte("="))
		switch {
		case assigned && shownQuery[string(key)] && !bytes.Contains(value, tokenPrefix):
			out = append(out, parameter...)
		case assigned:
			out = append(append(append(out, redactPath(key)...), '='), hidden...)
		case len(parameter) > 0: // a bare one may be all secret
			out = append(out, hidden...)
		}
	}
	return out
}

// redactUser hides the userinfo of an absolute form. In a path of ours an "@" belongs to a scope or a version.
func redactUser(t []byte) []byte {
	if len(t) == 0 || t[0] == '/' {
		return t
	}
	start := 0
	if i := bytes.Index(t, []byte("://")); i >= 0 {
		start = i + len("://")
	}
	end := len(t)
	if i := bytes.IndexByte(t[start:], '/'); i >= 0 {
		end = start + i
	}
	at := bytes.LastIndexByte(t[start:end], '@')
	if at < 0 {
		return t
	}
	return bytes.Join([][]byte{t[:start], []byte(hidden), t[start+at:]}, nil)
}

// redactPath hides secret segments of a path.
func redactPath(path []byte) []byte {
	for _, before := range secretAfter {
		if i := bytes.Index(path, before); i >= 0 {
			path = hideSegment(path, i+len(before))
		}
	}
	for from := 0; ; from += len(hidden) {
		i := bytes.Index(path[from:], tokenPrefix)
		if i < 0 {
			return path
		}
		from += i
		path = hideSegment(path, from)
	}
}

// hideSegment hides what stands between at and the next slash.
func hideSegment(path []byte, at int) []byte {
	rest := path[at:]
	if i := bytes.IndexByte(rest, '/'); i >= 0 {
		rest = rest[i:]
	} else {
		rest = nil
	}
	return bytes.Join([][]byte{path[:at], []byte(hidden), rest}, nil)
}

// redact is redactTarget for a parsed URL, as a path and a query.
func redact(u *url.URL) string {
	t := u.EscapedPath()
	if u.RawQuery != "" {
		t += "?" + u.RawQuery
	}
	return string(redactTarget([]byte(t)))
}

package npm

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// Serve answers what is neither a packument nor a file of a version.
func (f Format) Serve(w http.ResponseWriter, r *http.Request, want format.Want, v format.View, d format.Desk) error {
	view, word, _ := strings.Cut(want.View, ":")
	switch view {
	case "ping":
		writeJSON(w, http.StatusOK, struct{}{})
		return nil
	case "whoami":
		return whoami(w, d)
	case "profile":
		return profile(w, d)
	case "login":
		return beginLogin(w, r, v, d)
	case "done":
		return pollLogin(w, r, d)
	case "user":
		return user(w, word)
	case "user-login":
		return userLogin(w, r, word, d)
	case "tokens":
		return listTokens(w, r, d)
	case "new-token":
		return newToken(w, r, d)
	case "end-token":
		return endToken(w, r, word, d)
	case "logout":
		return endToken(w, r, lastSegment(r), d)
	case "search":
		return search(w, r, d)
	case "keys":
		return keys(w, r, d)
	case "audit-bulk":
		return auditBulk(w, r, d)
	case "audit-quick", "audit-full":
		return auditTree(w, r, view, d)
	}
	return servePackage(w, r, want.Package, view, word, want, d)
}

// servePackage answers what is about one package.
func servePackage(w http.ResponseWriter, r *http.Request, p cache.Package, view, word string, want format.Want, d format.Desk) error {
	switch view {
	case "publish", "update":
		return put(w, r, p, word, d)
	case "unpublish":
		return unpublish(r.Context(), w, p, "", word, d)
	case "unpublish-version":
		return unpublish(r.Context(), w, p, want.Version, word, d)
	case "dist-tags":
		return withListing(r, p, d, func(l *cache.Listing) error {
			writeJSON(w, http.StatusOK, visibleTags(l))
			return nil
		})
	case "set-tag":
		return setTag(w, r, p, word, d)
	case "remove-tag":
		return removeTag(w, r, p, word, d)
	case "visibility":
		return withListing(r, p, d, func(l *cache.Listing) error {
			writeJSON(w, http.StatusOK, map[string]bool{"public": !internal(l)})
			return nil
		})
	case "collaborators":
		return withListing(r, p, d, func(l *cache.Listing) error { return collaborators(w, l) })
	case "access":
		return &cache.Invalid{Status: http.StatusForbidden, Reason: "who may read and publish is the repository's policy, not the package's"}
	}
	return fmt.Errorf("npm has no service %q: %w", view, cache.ErrAbsent)
}

func withListing(r *http.Request, p cache.Package, d format.Desk, fn func(*cache.Listing) error) error {
	l, err := d.Listing(r.Context(), p)
	if err != nil {
		return err
	}
	defer l.Close()
	return fn(l)
}

// internal reports whether any version was published into the domain: then the name is not the public's.
func internal(l *cache.Listing) bool {
	for i := range l.Versions {
		if l.Versions[i].Origin.Internal() {
			return true
		}
	}
	return false
}

// collaborators are the maintainers, in the form of npm access.
func collaborators(w http.ResponseWriter, l *cache.Listing) error {
	names := make(map[string]string)
	if l.Head.Len > 0 {
		s := jsonrange.New(l.Head.Reader())
		err := s.Object(func(key []byte) error {
			if string(key) != "maintainers" || s.Kind() != jsonrange.Array {
				return nil
			}
			return s.Array(func() error {
				if s.Kind() != jsonrange.Object {
					return nil
				}
				return s.Object(func(key []byte) error {
					if string(key) != "name" || s.Kind() != jsonrange.String {
						return nil
					}
					name, err := s.Text(maxName)
					names[name] = "read-write"
					return err
				})
			})
		})
		if err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, names)
	return nil
}

// keys answers with the keys that the registry signs its packages with. Signatures pass through us unchanged.
func keys(w http.ResponseWriter, r *http.Request, d format.Desk) error {
	getters, err := d.Getters(r.Context(), cache.Package{Format: "npm"})
	if err != nil {
		return err
	}
	if len(getters) == 0 {
		return fmt.Errorf("no registry behind this repository signs packages: %w", cache.ErrAbsent)
	}
	doc, err := getters[0].Get(r.Context(), format.Query{Path: "-/npm/v1/keys", Accept: jsonType, Max: 1 << 20})
	if err != nil {
		return err
	}
	defer doc.Close()
	b, err := io.ReadAll(doc.Reader())
	if err != nil {
		return err
	}
	if err := jsonrange.Bytes(b).End(); err != nil {
		return &cache.Unavailable{Connection: getters[0].Connection(), Err: fmt.Errorf("its keys: %w", err)}
	}
	writeRaw(w, b)
	return nil
}

// writeRaw answers with JSON that stands already.
func writeRaw(w http.ResponseWriter, b []byte) {
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b)
}

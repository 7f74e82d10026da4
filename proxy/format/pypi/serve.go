package pypi

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Serve answers what is neither a project's document nor a file.
func (f Format) Serve(w http.ResponseWriter, r *http.Request, want format.Want, v format.View, d format.Desk) error {
	view, word, _ := strings.Cut(want.View, ":")
	switch view {
	case serveRoot:
		return root(w, v)
	case serveRedirect:
		return sendTo(w, r, v.Base+word)
	case serveProjects:
		return projects(w, r, want, word, d)
	case serveLegacy:
		return legacy(w, r, want, v, d)
	case serveUpload:
		return receive(w, r, d)
	case serveYank, serveUnyank:
		return yank(w, r, want, d)
	}
	return fmt.Errorf("pypi has no service %q: %w", view, cache.ErrAbsent)
}

// root says what stands here.
func root(w http.ResponseWriter, v format.View) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "The Python package index is at "+v.Base+"simple/\nUploads go to "+v.Base+"\n")
	return err
}

// sendTo redirects to the spelling that counts. It does not change, but the rest of the query goes along.
func sendTo(w http.ResponseWriter, r *http.Request, target string) error {
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "public, max-age=86400")
	w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

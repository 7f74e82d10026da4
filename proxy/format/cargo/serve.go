package cargo

import (
	"fmt"
	"io"
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Serve answers what is neither the index nor a file of a version.
func (Format) Serve(w http.ResponseWriter, r *http.Request, want format.Want, v format.View, d format.Desk) error {
	switch want.View {
	case viewConfig:
		return serveConfig(w, v)
	case viewNativeConfig:
		return passConfig(w, r, d)
	case viewPublish:
		return publish(w, r, d)
	case viewYank:
		return yank(w, r, want, d, cache.Unlisted)
	case viewUnyank:
		return yank(w, r, want, d, cache.Published)
	case viewOwners:
		return owners(w, r, want.Package, d)
	case viewSearch:
		return search(w, r, d)
	case viewMe:
		return me(w)
	}
	return fmt.Errorf("cargo has no service %q: %w", want.View, cache.ErrAbsent)
}

// yank makes a version Unlisted, or Published again. Resolvers pass over what is yanked, but lockfiles that name it go
// on working, so it stays served. What came from a registry is not ours to yank.
func yank(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk, status cache.Status) error {
	err := d.Edit(r.Context(), want.Package, func(h *cache.Holding) error {
		v := h.Version(want.Version)
		switch {
		case v == nil:
			return fmt.Errorf("this repository holds no version %s: %w", want.Version, cache.ErrAbsent)
		case !v.Origin.Internal():
			return &cache.Invalid{Status: http.StatusForbidden, Reason: fmt.Sprintf(
				"%s %s cannot be yanked here: it came from %s", want.Package.Name, want.Version, v.Origin.Connection)}
		case !v.Status.Served():
			return cache.Invalidf("%s %s is %s", want.Package.Name, want.Version, v.Status)
		}
		v.Status = status
		return nil
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
	return nil
}

// me is the page that "cargo login" sends people to.
func me(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, `A token for cargo is made where this server runs, with

    entrepot token create --user NAME

and given to cargo with

    cargo login --registry NAME

where that NAME is what .cargo/config.toml calls this registry.
`)
	return err
}

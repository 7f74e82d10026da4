package npm

import (
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Serve answers what is neither a packument nor a file of a version.
func (f Format) Serve(w http.ResponseWriter, r *http.Request, want format.Want, v format.View, d format.Desk) error {
	switch want.View {
	case "ping":
		writeJSON(w, http.StatusOK, struct{}{})
		return nil
	}
	return cache.ErrAbsent
}

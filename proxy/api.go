package proxy

import (
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/codeartifact"
)

// api answers what is asked of the control plane. Its errors have a form of their own.
func (s *Server) api(w http.ResponseWriter, r *http.Request, c *call) error {
	if c.site.API == nil {
		return cache.ErrAbsent
	}
	_ = c.site.API.Serve(w, r, codeartifact.Client{Remote: c.remote.Addr(), Origin: c.site.origin(r), Secure: r.TLS != nil})
	return nil
}

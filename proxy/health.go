package proxy

import (
	"encoding/json"
	"net/http"

	"entrepot/cache"
)

// Check is one thing that readiness depends on.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	// Advisory: it is shown, but the server takes requests without it: a registry that is down does not make a cache
	// unready, and a broken configuration leaves the old one in force.
	Advisory bool `json:"advisory,omitempty"`
}

// health says that the process lives.
func (s *Server) health(w http.ResponseWriter, _ *http.Request, _ *call) error {
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready says whether requests should be sent here.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request, _ *call) error {
	var checks []Check
	if s.o.Ready != nil {
		checks = s.o.Ready()
	}
	status, word := http.StatusOK, "ready"
	for _, c := range checks {
		if !c.OK && !c.Advisory {
			status, word = http.StatusServiceUnavailable, "not ready"
		}
	}
	return writeJSON(w, status, map[string]any{"status": word, "checks": checks})
}

// metrics shows what Prometheus scrapes, to loopback and to anybody who is somebody.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request, c *call) error {
	p, err := c.site.Authority.Authenticate(r.Context(), r, c.remote.Addr())
	if err != nil {
		return err
	}
	if p.Anonymous && !c.remote.Addr().Unmap().IsLoopback() {
		return &cache.Refused{Rule: "access", Reason: "metrics are for loopback or a principal", Login: true}
	}
	s.o.Metrics.ServeHTTP(w, r)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

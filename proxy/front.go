package proxy

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

//go:embed front.html
var frontHTML string

var frontPage = template.Must(template.New("front").Parse(frontHTML))

// endpoint is one repository in one format, as the front page shows it.
type endpoint struct{ Format, Repository, URL string }

// front shows what runs here and how to point each tool at it.
func (s *Server) front(w http.ResponseWriter, r *http.Request, c *call) error {
	var formats []string
	for name := range c.site.Formats {
		formats = append(formats, name)
	}
	slices.Sort(formats)
	show := c.site.Default.Repository("main")
	if repos := c.site.Default.Repositories(); show == nil && len(repos) > 0 {
		show = repos[len(repos)-1]
	}
	var endpoints []endpoint
	for _, f := range formats {
		if show != nil {
			endpoints = append(endpoints, endpoint{f, show.Name, c.site.origin(r) + "/" + f + "/" + show.Name + "/"})
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "no-store")
	return frontPage.Execute(w, map[string]any{"Version": s.o.Version, "Endpoints": endpoints, "Origin": c.site.origin(r)})
}

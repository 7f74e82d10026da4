package proxy

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"entrepot/proxy/forward"
	"entrepot/upstream"
)

// registry finds the connection whose registry the request is for: the one with the longest path, if there are several.
func (c *call) registry(r *http.Request) {
	path := r.URL.EscapedPath()
	for _, e := range c.site.registries()[c.visit.To.Authority()] {
		if e.tls != c.visit.To.TLS || !strings.HasPrefix(path, e.path) {
			continue
		}
		c.domain, c.conn, c.format = e.conn.Domain, e.conn, c.site.Formats[e.conn.Format]
		c.path, c.base = path[len(e.path):], c.visit.To.Origin()+e.path
		return
	}
}

// Opens reports whether a registry is known at the target, whatever it speaks there.
func (s *Site) Opens(t forward.Target) bool { return len(s.registries()[t.Authority()]) > 0 }

// place is a registry's address.
type place struct {
	tls  bool
	path string // begins and ends with a slash
	conn *upstream.Connection
}

// registries are the connections by host and port, those with the longest paths first.
func (s *Site) registries() map[string][]place { return s.places.get(s) }

type places struct {
	once sync.Once
	all  map[string][]place
}

func (p *places) get(s *Site) map[string][]place {
	p.once.Do(func() {
		p.all = map[string][]place{}
		for _, d := range s.Domains {
			for _, r := range d.Repositories() {
				if c := r.Connection(); c != nil && s.Formats[c.Format] != nil {
					p.add(c)
				}
			}
		}
	})
	return p.all
}

func (p *places) add(c *upstream.Connection) {
	base, err := c.Resolve(".")
	if err != nil || strings.HasSuffix(base.Hostname(), ".invalid") {
		return
	}
	t, err := forward.ParseOrigin(base.Scheme + "://" + base.Host)
	if err != nil {
		return
	}
	e := place{tls: t.TLS, path: base.EscapedPath(), conn: c}
	list := append(slices.Clone(p.all[t.Authority()]), e)
	for i := len(list) - 1; i > 0 && len(list[i].path) > len(list[i-1].path); i-- {
		list[i], list[i-1] = list[i-1], list[i]
	}
	p.all[t.Authority()] = list
}

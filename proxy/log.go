package proxy

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"time"

	"entrepot/proxy/lane"
)

// entry is what the access log and the metrics say of a call, whether net/http or the lane answers it.
type entry struct {
	domain, repository, format, pkg, version, principal string
	counters                                            *Counters
}

// entry describes the call as far as it came.
func (c *call) entry(m *Metrics) entry {
	var e entry
	if c.domain != nil {
		e.domain = c.domain.Name
	}
	if c.repo != nil {
		e.repository = c.repo.Name
	}
	if c.format != nil {
		e.format = c.format.Name()
	}
	if p := c.want.Package; p.Namespace != "" {
		e.pkg = p.Namespace + "/" + p.Name
	} else {
		e.pkg = p.Name
	}
	e.version = c.want.Version
	if c.principal != nil {
		e.principal = c.principal.Name
	}
	e.counters = m.Counters(Scope{Domain: e.domain, Repository: e.repository, Format: e.format})
	return e
}

func (e *entry) line() Line {
	return Line{
		Domain: e.domain, Repository: e.repository, Format: e.format, Package: e.pkg, Version: e.version, Principal: e.principal,
	}
}

// logWarm counts and logs an answer of the lane.
func (s *Server) logWarm(r *lane.Request, k *kept, status int, sent int64, took time.Duration) {
	k.entry.counters.Count("hit", sent, took)
	line := k.entry.line()
	line.Method, line.Host, line.Target, line.UserAgent = r.Method, r.Host, r.Target, r.UserAgent
	line.Client, line.Status, line.Bytes, line.Took, line.Result = r.Remote.Addr(), status, sent, took, "hit"
	s.o.Access.Log(&line)
}

// logDone counts and logs a request that net/http served. What went wrong on our side also goes to the operator's log,
// under an id that the access log shares.
func (s *Server) logDone(r *http.Request, c *call, w *response, p problem, err error, took time.Duration) {
	e := c.entry(s.o.Metrics)
	line := e.line()
	line.Method, line.Host, line.Target, line.UserAgent = r.Method, []byte(r.Host), []byte(r.RequestURI), []byte(r.UserAgent())
	line.Client, line.Status, line.Bytes, line.Took, line.Result = c.remote.Addr(), w.status, w.sent, took, c.result
	if line.Status == 0 {
		line.Status = http.StatusOK // net/http's own, where a handler wrote nothing
	}
	e.counters.Count(c.result, w.sent, took)
	if err != nil {
		s.o.Metrics.Failed(Scope{Domain: e.domain, Repository: e.repository, Format: e.format}, p.kind)
		line.Error = err.Error()
		if p.kind == "internal" {
			line.Request = rand.Text()[:12]
			s.o.Log.Error().Err(err).Str("request", line.Request).Int("status", p.status).Str("path", redact(r.URL)).Msg("a request failed")
		}
	}
	s.o.Access.Log(&line)
}

// Rejected counts and logs a request that could not be read, and so was answered below the server.
func (s *Server) Rejected(remote netip.AddrPort, status int, reason string) {
	s.o.Metrics.Failed(Scope{}, "invalid")
	s.o.Access.Log(&Line{Method: "-", Target: []byte("-"), Client: remote.Addr(), Status: status, Error: reason})
}

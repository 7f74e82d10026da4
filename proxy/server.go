package proxy

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"entrepot/cache"
	"entrepot/proxy/auth"
	"entrepot/proxy/lane"
	"entrepot/proxy/policy"
)

// Options are what a Server is made of.
type Options struct {
	Rows    Rows
	Answers *cache.Answers // of finished answers, and of what else memory holds
	Log     zerolog.Logger
	Access  *AccessLog
	Metrics *Metrics
	Logins  *auth.Logins
	Ready   func() []Check // what readiness depends on
	Version string
}

// Server answers requests from the current Site. It is an http.Handler, and the lane's Answerer.
type Server struct {
	o      Options
	site   atomic.Pointer[Site]
	engine *engine
}

// NewServer returns a server of the site.
func NewServer(site *Site, o Options) *Server {
	s := &Server{o: o}
	s.site.Store(site)
	s.engine = &engine{
		rows: o.Rows, trails: newTrails(o.Answers), verdicts: newVerdicts(o.Answers), logins: o.Logins, metrics: o.Metrics, log: o.Log,
		warm: newWarm(&s.site, o.Answers, o.Metrics, s.logWarm),
	}
	return s
}

// Swap puts a new configuration in force for the requests that come from now on. Those under way keep theirs.
func (s *Server) Swap(site *Site) { s.site.Store(site) }

// Site returns the current configuration.
func (s *Server) Site() *Site { return s.site.Load() }

// Warm returns the answers that the lane may give.
func (s *Server) Warm() lane.Answerer { return s.engine.warm }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && s.engine.warm.serve(w, r, nil) {
		return
	}
	c := &call{site: s.site.Load(), secure: r.TLS != nil} // I6: the one Site that this request sees
	c.remote = c.site.client(r)
	s.handle(w, r, c, s.serve)
}

// handle serves a call, answers with the error if that fails, and writes both down.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, c *call, serve func(http.ResponseWriter, *http.Request, *call) error) {
	began := time.Now()
	out := &response{ResponseWriter: w}
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			s.o.Log.Error().Interface("panic", p).Bytes("stack", debug.Stack()).Str("path", redact(r.URL)).Msg("a request failed")
			s.logDone(r, c, out, problem{status: http.StatusInternalServerError, kind: "internal"}, nil, time.Since(began))
			panic(http.ErrAbortHandler)
		} else if p != nil {
			panic(p)
		}
	}()
	err := serve(out, r, c)
	var p problem
	if err != nil {
		drain(out, r)
		p = s.fail(out, r, c, err)
	}
	s.logDone(r, c, out, p, err, time.Since(began))
	if p.kind == "aborted" {
		panic(http.ErrAbortHandler) // I4: close the connection, so that the client sees an unfinished body
	}
}

// serve finds out what is asked, by whom, and whether it may be done; then it does it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c *call) error {
	c.speak(r.URL.EscapedPath())
	if !c.site.called(r.Host) {
		return &cache.Invalid{Status: http.StatusMisdirectedRequest, Reason: "this server does not go by the name " + quote(r.Host) + "; see the setting hosts"}
	}
	if looped(r, c.site.Via) {
		return &cache.Invalid{Status: http.StatusLoopDetected, Reason: "the request came round in a loop: a connection's address leads back here"}
	}
	if h := s.own(r.URL.Path); h != nil {
		return h(w, r, c)
	}
	if err := s.locate(r, c); err != nil {
		return err
	}
	want, err := c.format.Parse(r, c.path)
	if err != nil {
		return err
	}
	c.want = want
	if c.principal, err = c.site.Authority.Authenticate(r.Context(), r, c.remote.Addr()); err != nil {
		return err
	}
	if err := c.allowed(); err != nil {
		return err
	}
	return s.engine.dispatch(w, r, c)
}

// discoveryWait is how long a request waits for its registry's address to be found. The tools of a machine answer
// within a second; each has five.
const discoveryWait = 10 * time.Second

// locate finds the repository that a request is for. While registries' addresses are still looked for, what has none
// yet waits for the end of the search, and then begins anew with the Site that came of it.
func (s *Server) locate(r *http.Request, c *call) error {
	err := c.route(r)
	var invalid *cache.Invalid
	wrong := errors.As(err, &invalid) && invalid.Status != http.StatusNotFound // whatever is found
	if c.site.Discovering == nil || wrong || err == nil && c.connected() {
		return err
	}
	late := time.NewTimer(discoveryWait)
	defer late.Stop()
	select {
	case <-c.site.Discovering:
	case <-late.C:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	*c = call{site: s.site.Load(), remote: c.remote, secure: c.secure}
	return c.route(r)
}

// allowed asks the policy (invariant 7: before the first byte).
func (c *call) allowed() error {
	d := c.site.Policy.Decide(&policy.Query{
		Principal: c.principal, Action: policy.Action(c.want.Action), Domain: c.domain.Name, Repository: c.repo.Name,
		Package: c.want.Package, Version: c.want.Version, Remote: c.remote.Addr(), Secure: c.secure, Time: time.Now(),
	})
	if d.Allow {
		return nil
	}
	return &cache.Refused{Rule: d.Rule, Reason: d.Reason, Until: d.Until, Login: d.Login}
}

// looped reports whether a request has passed through this server before (RFC 9110 §7.6.3).
func looped(r *http.Request, via string) bool {
	return via != "" && strings.Contains(strings.Join(r.Header.Values("Via"), ","), via)
}

type ownHandler func(http.ResponseWriter, *http.Request, *call) error

// own returns the handler of a path that belongs to the server itself.
func (s *Server) own(path string) ownHandler {
	switch {
	case path == "/":
		return s.front
	case path == "/healthz":
		return s.health
	case path == "/readyz":
		return s.ready
	case path == "/metrics":
		return s.metrics
	case strings.HasPrefix(path, "/login/"):
		return s.login
	case strings.HasPrefix(path, "/v1/"):
		return s.api
	}
	return nil
}

// response remembers what was sent, for the log. It keeps net/http's abilities through Unwrap.
type response struct {
	http.ResponseWriter
	status int
	sent   int64
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	return n, err
}

func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

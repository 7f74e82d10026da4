package proxy_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"entrepot/bench/registry"
	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/proxy"
	"entrepot/proxy/auth"
	"entrepot/proxy/format"
	"entrepot/proxy/format/golang"
	"entrepot/proxy/format/npm"
	"entrepot/proxy/lane"
	"entrepot/upstream"
	"entrepot/upstream/connection"
)

// publisher is the token of a principal that may publish.
const publisher = "publisher-token"

// repo is a repository of a test's domain.
type repo struct {
	name            string
	connection      string // "public:npmjs", "public:go", or a name of setup.connections
	upstreams       []string
	strict, farTags bool
}

// setup is a server in a test. The zero value has npmjs-store and go-store, each connected, and main, which has both
// upstream, in front of an empty fake registry.
type setup struct {
	dir         string // of the data; empty: a new one
	registry    *registry.Registry
	repos       []repo
	connections map[string]string // to their addresses; those not named here have the fake registry's
	access      auth.Access       // beside the publisher
	fresh       time.Duration     // of documents; 0: the defaults
	absent      time.Duration     // of absences; 0: the default
	once        func(context.Context) context.Context
	auth        connection.Auth // what connections show to the registry
	formats     []format.Format // beside npm and go
	maxSize     int64           // of the store; 0: no bound
}

// site is a running server, wired as the command wires it: the lane, net/http, the engine, the stores.
type site struct {
	t        *testing.T
	dir      string
	registry *registry.Registry
	remote   *registry.Listener // the registry's address
	index    *index.DB
	disk     *blob.Disk
	domain   *upstream.Domain
	server   *proxy.Server
	url      string // ends in "/"
	log      *lines
	setup    setup

	http   *http.Server
	memory *blob.Memory
	conns  []*connection.Connection
	closed bool
}

var mainRepos = []repo{
	{name: "npmjs-store", connection: "public:npmjs"},
	{name: "go-store", connection: "public:go"},
	{name: "main", upstreams: []string{"npmjs-store", "go-store"}},
}

// start starts a server until the test ends.
func start(t *testing.T, o setup) *site {
	t.Helper()
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	if o.registry == nil {
		o.registry = registry.New(registry.Options{})
	}
	if o.repos == nil {
		o.repos = mainRepos
	}
	s := &site{t: t, dir: o.dir, registry: o.registry, remote: o.registry.Start(t), setup: o}
	s.open()
	return s
}

// open opens the data directory and listens.
func (s *site) open() {
	s.t.Helper()
	s.closed = false
	var err error
	s.index, err = index.Open(s.t.Context(), filepath.Join(s.dir, "index.db"))
	s.must(err)
	s.disk, err = blob.Open(filepath.Join(s.dir, "blobs"), blob.DiskOptions{MaxSize: s.setup.maxSize})
	s.must(err)
	s.memory, err = blob.NewMemory(s.disk, 8<<20, 0)
	s.must(err)
	once := s.setup.once
	if once == nil {
		once = connection.WithoutRetry
	}
	s.domain = s.declare(s.setup.repos, &upstream.Stores{
		Blobs: s.memory, Index: s.index, Changes: cache.NewChanges(),
		Documents: cache.NewDocuments(cache.DocumentsOptions{
			Domain: "test", Store: s.memory, Index: s.index, Once: once, Fresh: s.setup.fresh, FreshAbsent: s.setup.absent,
		}),
		Fills: cache.NewFills(cache.FillsOptions{Store: s.memory}),
	})
	s.listen()
	s.t.Cleanup(s.close)
}

// declare makes the domain with its repositories.
func (s *site) declare(repos []repo, stores *upstream.Stores) *upstream.Domain {
	s.t.Helper()
	d := upstream.NewDomain("test", "000000000000", stores)
	for _, r := range repos {
		id, err := s.index.Repository(s.t.Context(), "test", r.name)
		s.must(err)
		o := upstream.Options{Upstreams: r.upstreams, Strict: r.strict, FarTags: r.farTags}
		if r.connection != "" {
			o.Connection = s.connect(r.connection)
		}
		_, err = d.Add(r.name, id, o)
		s.must(err)
	}
	return d
}

func (s *site) connect(name string) *upstream.Connection {
	s.t.Helper()
	kind, base := "npm", s.remote.URL+"/npm/"
	switch {
	case name == "public:go":
		kind, base = "go", s.remote.URL+"/go/"
	case name == "public:pypi":
		kind, base = "pypi", s.remote.URL+"/pypi/simple/"
	case name == "public:crates-io":
		kind, base = "cargo", s.remote.URL+"/cargo/"
	case name == "private:files":
		kind = "generic"
	case strings.HasPrefix(name, "public:maven-"):
		kind, base = "maven", s.remote.URL+"/maven/"
	}
	if other := s.setup.connections[name]; other != "" {
		base = other
	}
	u, err := url.Parse(base)
	s.must(err)
	c, err := connection.New(connection.Options{Name: name, URL: u, RetryCap: time.Millisecond, Auth: s.setup.auth, Via: "entrepot-test"})
	s.must(err)
	s.conns = append(s.conns, c)
	return &upstream.Connection{Name: name, Format: kind, Client: c}
}

// reconfigure puts other repositories in force, as a reload does.
func (s *site) reconfigure(repos []repo) {
	s.t.Helper()
	s.domain = s.declare(repos, s.domain.Stores)
	s.server.Swap(s.snapshot(s.server.Site().Authority))
}

func (s *site) snapshot(authority *auth.Authority) *proxy.Site {
	modules, err := golang.New(golang.Options{})
	s.must(err)
	formats := map[string]format.Format{"npm": npm.Format{}, "go": modules}
	for _, f := range s.setup.formats {
		formats[f.Name()] = f
	}
	return &proxy.Site{
		Domains: map[string]*upstream.Domain{"test": s.domain}, Default: s.domain, Formats: formats,
		Authority: authority, Via: "entrepot-test",
	}
}

func (s *site) listen() {
	s.t.Helper()
	authority := auth.New(s.index)
	access := s.setup.access
	access.Tokens = append(slices.Clip(access.Tokens),
		auth.StaticToken{Name: "publisher", Token: publisher, Level: auth.PublishLevel})
	s.must(authority.SetAccess(access))
	s.log = &lines{c: make(chan string, 1<<12)}
	accessLog := proxy.NewAccessLog(s.log)
	s.must(accessLog.Close()) // from now on it writes at once
	s.server = proxy.NewServer(s.snapshot(authority), proxy.Options{
		Rows: s.index, Answers: cache.NewAnswers(8 << 20), Log: zerolog.New(testWriter{s.t}), Access: accessLog,
		Logins: auth.NewLogins(), Version: "test",
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.url = "http://" + l.Addr().String() + "/"
	s.http = &http.Server{Handler: s.server, ConnState: lane.Hook, ReadHeaderTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	go s.http.Serve(lane.Listen(l, lane.Options{
		Answerer: s.server.Warm(), Rejected: s.server.Rejected, IdleTimeout: time.Minute, HeaderTimeout: time.Minute, WriteTimeout: time.Minute,
	}))
}

// close ends the server as the command does. What is stored stays.
func (s *site) close() {
	if s.closed {
		return
	}
	s.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	stores := s.domain.Stores
	err := errors.Join(stores.Fills.Close(), stores.Documents.Close(), s.memory.Close(), s.disk.Close(), s.index.Close())
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
	if err != nil {
		s.t.Error(err)
	}
}

// restart closes the server and opens it again over the same data.
func (s *site) restart() {
	s.t.Helper()
	s.close()
	s.open()
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// testWriter passes the operator's log to the test's output.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

// lines are those of the access log that nobody has looked at yet, as far as there is room.
type lines struct{ c chan string }

func (l *lines) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		select {
		case l.c <- line:
		default:
		}
	}
	return len(p), nil
}

// next waits for a line of the access log.
func (l *lines) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case line := <-l.c:
		out := map[string]any{}
		if err := json.Unmarshal([]byte(line), &out); err != nil {
			t.Fatalf("%v in the line %s", err, line)
		}
		return out
	case <-time.After(time.Minute):
		t.Fatal("no line came in the access log")
		return nil
	}
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body: the connection broke
}

// client makes connections of its own for each request, and follows no redirect. The time-out is a safety net.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       time.Minute,
}

// request makes a request; headers come in pairs of name and value.
func (s *site) request(method, path string, body io.Reader, headers ...string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	s.must(err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// do sends a request, and reads the answer.
func (s *site) do(method, path string, body io.Reader, headers ...string) reply {
	s.t.Helper()
	resp, err := client.Do(s.request(method, path, body, headers...))
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b, err}
}

// get is do of a GET.
func (s *site) get(path string, headers ...string) reply {
	s.t.Helper()
	return s.do(http.MethodGet, path, nil, headers...)
}

// ok gets what must be there.
func (s *site) ok(path string, headers ...string) []byte {
	s.t.Helper()
	r := s.get(path, headers...)
	if r.err != nil || r.status != http.StatusOK {
		s.t.Fatalf("GET %s: %d, %v, %.300q", path, r.status, r.err, r.body)
	}
	return r.body
}

// fails gets what must be refused with a status and a kind of error.
func (s *site) fails(path string, status int, kind string, headers ...string) reply {
	s.t.Helper()
	r := s.get(path, headers...)
	if r.err != nil || r.status != status || r.header.Get("X-Entrepot-Error") != kind {
		s.t.Errorf("GET %s: %d %q, %v, %.300q; want %d %q", path, r.status, r.header.Get("X-Entrepot-Error"), r.err, r.body, status, kind)
	}
	return r
}

// serves checks that a path gives certain bytes.
func (s *site) serves(path string, want []byte) {
	s.t.Helper()
	if got := s.ok(path); !bytes.Equal(got, want) {
		s.t.Errorf("GET %s: %d bytes that are not the %d wanted", path, len(got), len(want))
	}
}

// asked checks how many requests that fit a pattern have reached the registry.
func (s *site) asked(pattern string, want int) {
	s.t.Helper()
	if got := s.registry.Requests(pattern); got != want {
		s.t.Errorf("the registry got %d requests for %q, want %d", got, pattern, want)
	}
}

// packument is what tests look at in an npm index.
type packument struct {
	Name     string                     `json:"name"`
	Tags     map[string]string          `json:"dist-tags"`
	Versions map[string]packumentDetail `json:"versions"`
}

type packumentDetail struct {
	Deprecated any `json:"deprecated"`
	Dist       struct {
		Tarball, Integrity string
	}
}

func (s *site) packument(path string, headers ...string) packument {
	s.t.Helper()
	var p packument
	s.must(json.Unmarshal(s.ok(path, headers...), &p))
	return p
}

// versions checks which versions an npm index shows.
func (s *site) versions(path string, want ...string) {
	s.t.Helper()
	p := s.packument(path)
	for _, v := range want {
		if _, ok := p.Versions[v]; !ok {
			s.t.Errorf("%s lacks version %s", path, v)
		}
	}
	if len(p.Versions) != len(want) {
		s.t.Errorf("%s shows %d versions, want %v", path, len(p.Versions), want)
	}
}

// diskUse is what the store takes on the disk, in bytes.
func (s *site) diskUse() int64 {
	s.t.Helper()
	var n int64
	s.must(filepath.WalkDir(filepath.Join(s.dir, "blobs"), func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		i, err := e.Info()
		if err == nil {
			n += i.Size()
		}
		return err
	}))
	return n
}

// blobs lists the stored digests.
func (s *site) blobs() map[blob.Digest]int64 {
	s.t.Helper()
	out := map[blob.Digest]int64{}
	for info, err := range s.disk.All(s.t.Context()) {
		s.must(err)
		out[info.Digest] = info.Size
	}
	return out
}

// rows counts the rows of every table of the index.
func (s *site) rows() map[string]int {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "index.db")+"?mode=ro")
	s.must(err)
	defer db.Close()
	names, err := db.QueryContext(s.t.Context(), "SELECT name FROM sqlite_master WHERE type = 'table'")
	s.must(err)
	defer names.Close()
	out := map[string]int{}
	for names.Next() {
		var name string
		s.must(names.Scan(&name))
		out[name] = 0
	}
	s.must(names.Err())
	for name := range out {
		var n int
		s.must(db.QueryRowContext(s.t.Context(), `SELECT count(*) FROM "`+name+`"`).Scan(&n))
		out[name] = n
	}
	return out
}

// holds reports whether a repository has a row for a version of an npm package, by itself.
func (s *site) holds(repository, name, version string) bool {
	s.t.Helper()
	p := cache.Package{Format: "npm", Name: name}
	if scope, bare, ok := strings.Cut(strings.TrimPrefix(name, "@"), "/"); ok {
		p.Namespace, p.Name = scope, bare
	}
	r := s.domain.Repository(repository)
	found, err := s.index.Find(s.t.Context(), []cache.RepositoryID{r.ID}, cache.AssetKey{Package: p, Version: version})
	s.must(err)
	return len(found) > 0
}

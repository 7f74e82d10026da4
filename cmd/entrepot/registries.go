package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"entrepot/cache"
	"entrepot/config"
	"entrepot/proxy/forward"
	"entrepot/upstream"
	"entrepot/upstream/connection"
)

// registries are the connections that the traffic itself brought: hosts that showed themselves to be registries, and what
// clients' own credentials obtain. It implements proxy.Registries.
type registries struct {
	house *house
	key   []byte // of the scopes

	mu     sync.Mutex // guards what follows
	learnt map[string]*learnt
	files  map[string]bool               // origins where registries say that their files are
	ids    map[string]cache.RepositoryID // of both kinds, by domain and connection
}

// maxLearnt bounds the hosts that are learnt, and maxIDs what is remembered of their repositories.
const (
	maxLearnt = 1000
	maxIDs    = 10_000
)

func newRegistries(h *house) (*registries, error) {
	key, err := scopeKey(filepath.Join(h.dir, "scope.key"))
	if err != nil {
		return nil, err
	}
	return &registries{
		house: h, key: key, learnt: map[string]*learnt{}, files: readOrigins(h.dir), ids: map[string]cache.RepositoryID{},
	}, nil
}

// scopeKey reads the key that makes scopes of credentials, or makes it: who reads the index alone learns nothing about
// them.
func scopeKey(path string) ([]byte, error) {
	const size = 32
	key, err := os.ReadFile(path)
	if err == nil && len(key) == size {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key = make([]byte, size)
	_, _ = rand.Read(key) // never fails
	return key, os.WriteFile(path, key, 0o600)
}

// Learn implements proxy.Registries. A far client's registry is a connection of its own, which reaches no private address.
func (s *registries) Learn(ctx context.Context, d *upstream.Domain, to forward.Target, path, format string, near bool) (*upstream.Connection, error) {
	name := "private:" + to.Scheme() + "/" + to.Host() + strings.TrimSuffix(path, "/") // a slash is in no name that is configured
	if !near {
		name += "/far"
	}
	client, err := s.client(name, to.Origin()+path, format, near)
	if err != nil {
		return nil, err
	}
	return s.connection(ctx, d, name, client, format)
}

func (s *registries) connection(ctx context.Context, d *upstream.Domain, name string, client upstream.Client, format string) (*upstream.Connection, error) {
	id, err := s.repository(ctx, d, name)
	if err != nil {
		return nil, err
	}
	return &upstream.Connection{Name: name, Format: format, Client: client, Domain: d, Repository: id}, nil
}

// Learnt implements proxy.Registries.
func (s *registries) Learnt(ctx context.Context, d *upstream.Domain, format string) []*upstream.Connection {
	found := map[string]*connection.Connection{}
	s.mu.Lock()
	for name, l := range s.learnt {
		if l.format == format {
			found[name] = l.Connection
		}
	}
	s.mu.Unlock()
	var out []*upstream.Connection
	for name, client := range found {
		if c, err := s.connection(ctx, d, name, client, format); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// learnt is a host that showed itself to be a registry.
type learnt struct {
	*connection.Connection
	format string
}

func (s *registries) client(name, address, format string, near bool) (*connection.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.learnt[name]; c != nil {
		return c.Connection, nil
	}
	if len(s.learnt) >= maxLearnt {
		return nil, fmt.Errorf("%d registries are learnt already", maxLearnt)
	}
	settings := config.Connection{Name: name}
	c, err := s.house.dialGuarded(settings, address, !near)
	if err != nil {
		return nil, err
	}
	s.learnt[name] = &learnt{c, format}
	s.house.log.Info().Str("connection", name).Str("url", address).Str("source", "seen in the traffic").Msg("registry")
	return c, nil
}

// repository is where a connection that nobody declared keeps what it brings.
func (s *registries) repository(ctx context.Context, d *upstream.Domain, connection string) (cache.RepositoryID, error) {
	k := d.Name + " " + connection
	s.mu.Lock()
	id, ok := s.ids[k]
	s.mu.Unlock()
	if ok {
		return id, nil
	}
	id, err := s.house.index.Repository(ctx, d.Name, "/"+connection)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ids) >= maxIDs {
		clear(s.ids)
	}
	s.ids[k] = id
	return id, nil
}

// Private implements proxy.Registries.
func (s *registries) Private(ctx context.Context, c *upstream.Connection, to forward.Target, credential http.Header) (*upstream.Connection, error) {
	scope := s.scope(to, credential)
	name := upstream.PrivateName(c.Name, scope)
	id, err := s.repository(ctx, c.Domain, name)
	if err != nil {
		return nil, err
	}
	return c.Private(scope, id, &privateClient{c.Client, name, to, credential}), nil
}

// scope stands for a credential at a host: HMAC(host, credential) (invariant 11).
func (s *registries) scope(to forward.Target, credential http.Header) string {
	h := hmac.New(sha256.New, s.key)
	fmt.Fprintf(h, "%q\n", to.Origin())
	for _, name := range slices.Sorted(maps.Keys(credential)) {
		fmt.Fprintf(h, "%q %q\n", name, credential[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (s *registries) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.learnt {
		c.Close()
	}
}

// privateClient sends a client's own credential, to the host that the client itself addressed and to no other.
type privateClient struct {
	upstream.Client
	name       string
	to         forward.Target
	credential http.Header
}

// Name implements cache.Source.
func (p *privateClient) Name() string { return p.name }

// RoundTrip implements http.RoundTripper. A redirect to another host loses the credential on the way.
func (p *privateClient) RoundTrip(r *http.Request) (*http.Response, error) {
	u, err := p.Resolve(r.URL.String())
	if err != nil {
		return nil, err
	}
	if t, err := forward.ParseOrigin(u.Scheme + "://" + u.Host); err != nil || t != p.to {
		return p.Client.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	maps.Copy(r.Header, p.credential)
	return p.Client.RoundTrip(r)
}

// Resume implements upstream.Client. A broken body begins anew: to continue it would need the credential too.
func (p *privateClient) Resume(context.Context, string, string, int64) (io.ReadCloser, error) {
	return nil, errors.New("not continued")
}

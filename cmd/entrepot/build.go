package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/cache/index"
	"entrepot/config"
	"entrepot/proxy"
	"entrepot/proxy/auth"
	"entrepot/proxy/codeartifact"
	"entrepot/proxy/policy"
	"entrepot/upstream"
	"entrepot/upstream/connection"
)

// house is everything that outlives a configuration: what is stored, who was let in, which registries are talked to.
// It belongs to the process that owns the data directory.
type house struct {
	dir       string
	log       zerolog.Logger
	index     *index.DB
	authority *auth.Authority
	addresses *addresses
	via       string
	answers   *cache.Answers
	memory    int64 // budget of the memory tier
	// discovering is closed when the tools of the machine have been asked; nil: they are not.
	discovering chan struct{}

	metrics *proxy.Metrics

	// made is what was made through the API, and change how that is edited. Both belong to the keeper and its lock.
	made   *codeartifact.State
	change func(context.Context, func(*codeartifact.API, *codeartifact.State) error) (*codeartifact.API, error)

	mu          sync.Mutex // guards what follows
	domains     map[string]*stores
	connections map[string]*line
}

// stores are what one domain keeps.
type stores struct {
	*upstream.Stores
	disk   *blob.Disk
	memory *blob.Memory
}

// openHouse opens what the data directory keeps.
func openHouse(ctx context.Context, dir string, memory int64, log zerolog.Logger) (*house, error) {
	db, err := index.Open(ctx, filepath.Join(dir, "index.db"))
	if err != nil {
		return nil, err
	}
	h := &house{
		dir: dir, log: log, index: db, authority: auth.New(db), addresses: newAddresses(),
		via: "entrepot-" + newPseudonym(), memory: memory / 2, answers: cache.NewAnswers(memory / 4),
		domains: map[string]*stores{}, connections: map[string]*line{},
	}
	h.metrics = h.newMetrics()
	return h, nil
}

// close ends what runs and writes down what is not written yet. Requests have ended before.
func (h *house) close(ctx context.Context) error {
	var errs []error
	for _, s := range h.domains {
		errs = append(errs, s.Fills.Close(), s.Documents.Close(), s.memory.Close(), s.disk.Close())
	}
	for _, c := range h.connections {
		c.Close()
	}
	return errors.Join(append(errs, h.authority.Flush(ctx), h.index.Close())...)
}

// site makes a Site of a configuration. Nothing of the present one changes if it fails.
func (h *house) site(ctx context.Context, file *config.File) (*proxy.Site, error) {
	site := &proxy.Site{
		Domains: map[string]*upstream.Domain{}, Rules: map[string]*policy.Rules{}, Inside: map[string]string{}, Hosts: hosts(file), Authority: h.authority, Via: h.via,
		Discovering: h.discovering,
	}
	if file.PublicURL != "" {
		u, err := url.Parse(file.PublicURL)
		if err != nil {
			return nil, err
		}
		site.PublicURL = u
	}
	var err error
	if site.Formats, err = h.formats(file); err != nil {
		return nil, err
	}
	if site.Trusted, err = prefixes(file.TrustedProxies); err != nil {
		return nil, err
	}
	domains := file.Domains
	if len(domains) == 0 {
		if domains, err = zeroDomains(h.addresses.list()); err != nil {
			return nil, err
		}
	}
	declared := domains
	domains = overlay(declared, h.made)
	for i := range domains {
		d, err := h.domain(ctx, file, &domains[i])
		if err != nil {
			return nil, err
		}
		site.Domains[d.Name] = d
		if site.Rules[d.Name], err = rules(&domains[i]); err != nil {
			return nil, err
		}
		site.Inside[d.Name] = domains[i].DefaultRepository
		if i == 0 {
			site.Default = d
		}
	}
	return site, h.control(ctx, file, site, declared, domains)
}

// hosts are the names that clients may use: what is configured, and the address we listen on.
func hosts(file *config.File) []string {
	names := slices.Clone(file.Hosts)
	if host, _, ok := strings.Cut(file.Listen, ":"); ok && host != "" && len(names) > 0 {
		names = append(names, host)
	}
	return names
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			addr, err := netip.ParseAddr(s)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a range", s)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// domain makes a domain over what it keeps.
func (h *house) domain(ctx context.Context, file *config.File, d *config.Domain) (*upstream.Domain, error) {
	kept, err := h.keep(file, d.Name)
	if err != nil {
		return nil, err
	}
	out := upstream.NewDomain(d.Name, d.Owner, kept.Stores)
	for _, r := range upstreamsFirst(d.Repositories) {
		id, err := h.index.Repository(ctx, d.Name, r.Name)
		if err != nil {
			return nil, err
		}
		o := upstream.Options{
			Upstreams: r.Upstreams,
			Strict:    or(r.Walk, d.Walk) == "strict",
			FarTags:   or(r.NpmTags, d.NpmTags) == "upstream",
		}
		if r.ExternalConnection != "" {
			if o.Connection, err = h.connection(file, r.ExternalConnection); err != nil {
				return nil, fmt.Errorf("repository %q: %w", r.Name, err)
			}
		}
		if _, err := out.Add(r.Name, id, o); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// upstreamsFirst orders repositories so that each comes after its upstreams. The configuration was checked for cycles.
func upstreamsFirst(repos []config.Repository) []config.Repository {
	var out []config.Repository
	done := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		i := slices.IndexFunc(repos, func(r config.Repository) bool { return r.Name == name })
		if i < 0 || done[name] {
			return
		}
		done[name] = true
		for _, up := range repos[i].Upstreams {
			visit(up)
		}
		out = append(out, repos[i])
	}
	for _, r := range repos {
		visit(r.Name)
	}
	return out
}

// keep opens a domain's stores, once.
func (h *house) keep(file *config.File, name string) (*stores, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.domains[name]; s != nil {
		return s, nil
	}
	disk, err := blob.Open(filepath.Join(h.dir, "domains", name), blob.DiskOptions{MaxSize: file.Storage.MaxSize.Bytes()})
	if err != nil {
		return nil, err
	}
	memory, err := blob.NewMemory(h.metrics.TimedStore(disk), h.memory/2, 0)
	if err != nil {
		return nil, err
	}
	s := &stores{disk: disk, memory: memory, Stores: &upstream.Stores{
		Blobs: memory, Index: h.metrics.TimedIndex(h.index), Changes: cache.NewChanges(),
		Documents: cache.NewDocuments(cache.DocumentsOptions{Domain: name, Store: memory, Index: h.index, Once: connection.WithoutRetry}),
		Fills:     cache.NewFills(cache.FillsOptions{Store: memory}),
	}}
	h.domains[name] = s
	return s, nil
}

// newPseudonym is a name for this process in Via headers, random so that two servers on one machine differ.
func newPseudonym() string { return strings.ToLower(rand.Text()[:12]) }

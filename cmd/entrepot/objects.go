package main

import (
	"context"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/config"
	"entrepot/proxy"
	"entrepot/proxy/codeartifact"
	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// overlay lays what was made through the API over what the file declares: a declared object keeps what stands in the
// file, and takes from the API what does not.
func overlay(declared []config.Domain, made *codeartifact.State) []config.Domain {
	domains := slices.Clone(declared)
	for name, d := range made.MadeDomains() {
		if !slices.ContainsFunc(domains, func(x config.Domain) bool { return x.Name == name }) {
			domains = append(domains, config.Domain{Name: name, Owner: d.Owner})
		}
	}
	for i := range domains {
		d := &domains[i]
		d.Repositories = slices.Clone(d.Repositories)
		for name, r := range made.Repositories(d.Name) {
			have := d.Repository(name)
			if have == nil && r.Made {
				d.Repositories = append(d.Repositories, config.Repository{Name: name})
				have = &d.Repositories[len(d.Repositories)-1]
			}
			if have != nil {
				overlayRepository(have, r)
			}
		}
		dropUnusable(d)
	}
	return domains
}

func overlayRepository(have *config.Repository, r *codeartifact.RepositoryRecord) {
	declared := func(attribute string) bool { return have.Body != nil && have.Sets(attribute) }
	if r.Description != nil && !declared("description") {
		have.Description = *r.Description
	}
	if r.Linked && !declared("upstreams") && !declared("external_connection") {
		have.Upstreams, have.ExternalConnection = r.Upstreams, r.Connection
	}
}

// dropUnusable takes out of a domain the upstreams that a change of the file has made impossible: those that are gone,
// and those that would lead in a circle. The file's own were checked.
func dropUnusable(d *config.Domain) {
	for i := range d.Repositories {
		r := &d.Repositories[i]
		r.Upstreams = slices.DeleteFunc(slices.Clone(r.Upstreams), func(up string) bool {
			return d.Repository(up) == nil || leadsTo(d, up, r.Name, map[string]bool{})
		})
	}
}

func leadsTo(d *config.Domain, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	r := d.Repository(from)
	if r == nil || seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(r.Upstreams, func(up string) bool { return leadsTo(d, up, to, seen) })
}

// control makes the control plane of a site, and puts package groups and resource policies in force. declared are the
// domains as the file has them, domains what they are together with what was made through the API.
func (h *house) control(ctx context.Context, file *config.File, site *proxy.Site, declared, domains []config.Domain) error {
	views := map[string]*codeartifact.Domain{}
	bounds := map[string]*policy.Bounds{}
	for i := range domains {
		d := &domains[i]
		var inFile *config.Domain
		if j := slices.IndexFunc(declared, func(x config.Domain) bool { return x.Name == d.Name }); j >= 0 {
			inFile = &declared[j]
		}
		view, err := h.view(ctx, site.Domains[d.Name], d, inFile)
		if err != nil {
			return err
		}
		if bounds[d.Name], err = view.Bounds(h.made); err != nil {
			return err
		}
		views[d.Name] = view
		site.Domains[d.Name].Admission = admission(view.Groups)
	}
	owner := "000000000000" // as without a configuration
	if len(domains) > 0 {
		owner = domains[0].Owner
	}
	site.Policy = policy.NewSet(or(file.Region, codeartifact.DefaultRegion), bounds)
	site.API = codeartifact.New(codeartifact.Options{
		Region: file.Region, Domains: views, Owner: owner, Authority: h.authority, Policy: site.Policy, Formats: site.Formats,
		Index: h.index, State: h.made, Change: h.change, Drop: h.index.DropRepository,
		Connection: func(name string) (string, bool) {
			format := file.ConnectionFormat(name)
			return format, format != ""
		},
		Size: func(domain string) int64 { return h.disks()[domain].Blobs },
		Log: func(err error, operation string) {
			h.log.Error().Err(err).Str("operation", operation).Msg("an operation of the API failed")
		},
	})
	return nil
}

// view is a domain as the API shows it.
func (h *house) view(ctx context.Context, d *upstream.Domain, all, inFile *config.Domain) (*codeartifact.Domain, error) {
	created, err := h.index.RepositoryCreated(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	out := codeartifact.Domain{Domain: d, Repositories: map[string]*codeartifact.Repository{}}
	if inFile != nil {
		out.Declaration = codeartifact.Declaration{Place: inFile.Place(), Sets: setsOf(inFile, "policy")}
		out.Policy = inFile.Policy
	}
	for _, r := range all.Repositories {
		repo := d.Repository(r.Name)
		view := &codeartifact.Repository{
			Repository: repo, Description: r.Description, Administrator: h.made.Administrator(d.Name, r.Name), Created: created[repo.ID],
		}
		if inFile != nil && inFile.Repository(r.Name) != nil {
			view.Declaration = codeartifact.Declaration{Place: r.Place(), Sets: setsOf(&r, "description", "upstreams", "external_connection", "policy")}
			view.Policy = r.Policy
		}
		out.Repositories[r.Name] = view
	}
	groups, err := declaredGroups(inFile)
	if err != nil {
		return nil, err
	}
	return codeartifact.NewDomain(out, groups, h.made)
}

// setsOf says which of the attributes stand in a block of the file.
func setsOf(block interface{ Sets(string) bool }, attributes ...string) map[string]bool {
	out := map[string]bool{}
	for _, a := range attributes {
		out[a] = block.Sets(a)
	}
	return out
}

// declaredGroups are the package groups of the file.
func declaredGroups(d *config.Domain) ([]codeartifact.DeclaredGroup, error) {
	if d == nil {
		return nil, nil
	}
	var out []codeartifact.DeclaredGroup
	for i := range d.PackageGroups {
		g := &d.PackageGroups[i]
		pattern, err := policy.ParsePattern(g.Pattern)
		if err != nil {
			return nil, err
		}
		settings, sets := map[string]policy.Setting{}, map[string]bool{"description": g.Description != "", "contact": g.Contact != ""}
		for name, s := range map[string]policy.Setting{
			"PUBLISH":           {Mode: policy.Mode(g.Publish), Repositories: g.PublishRepositories},
			"EXTERNAL_UPSTREAM": {Mode: policy.Mode(g.ExternalUpstream), Repositories: g.ExternalUpstreamRepositories},
			"INTERNAL_UPSTREAM": {Mode: policy.Mode(g.InternalUpstream), Repositories: g.InternalUpstreamRepositories},
		} {
			if s.Mode != "" {
				settings[name], sets[strings.ToLower(name)] = s, true
			}
		}
		out = append(out, codeartifact.DeclaredGroup{
			Declaration: codeartifact.Declaration{Place: g.Place(), Sets: sets}, Pattern: pattern,
			Contact: g.Contact, Description: g.Description, Settings: settings,
		})
	}
	return out, nil
}

// admission lets package groups decide what comes into repositories.
func admission(groups *policy.Groups) upstream.Admission {
	return upstream.Admission{
		First: groups.Initial,
		Admits: func(p cache.Package, way upstream.Way, repository string) error {
			d := groups.Admits(p, restrictions[way], repository)
			if d.Allow {
				return nil
			}
			return &cache.Refused{Rule: d.Rule, Reason: d.Reason}
		},
	}
}

var restrictions = [...]policy.Restriction{
	upstream.ByPublish: policy.ByPublish, upstream.FromConnection: policy.ByExternalUpstream, upstream.FromUpstream: policy.ByInternalUpstream,
}

// load reads what was made through the API.
func (h *house) load(ctx context.Context) error {
	objects, err := h.index.Objects(ctx)
	if err != nil {
		return err
	}
	h.made, err = codeartifact.Load(objects)
	return err
}

// change puts an edit of what was made through the API in force: all of it, on the disk, or nothing.
func (k *keeper) change(ctx context.Context, edit func(*codeartifact.API, *codeartifact.State) error) (*codeartifact.API, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.house.made
	next := before.Clone()
	if err := edit(k.server.Site().API, next); err != nil {
		return nil, err
	}
	remove, put, err := next.Changes(before)
	if err != nil {
		return nil, err
	}
	k.house.made = next
	site, err := k.house.site(ctx, k.file)
	if err == nil {
		err = k.house.index.ChangeObjects(ctx, remove, put)
	}
	if err != nil {
		k.house.made = before
		return nil, err
	}
	k.server.Swap(site)
	return site.API, nil
}

package npm

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// update changes notices of deprecation and owners, which npm does by sending the whole packument back. It removes no
// version that the body lacks: bodies come from documents that do not show all there is, and a version is removed by
// the DELETE that follows.
func update(w http.ResponseWriter, r *http.Request, p cache.Package, rev string, u *upload, d format.Desk) error {
	elsewhere, err := notices(r.Context(), p, u, d)
	if err != nil {
		return err
	}
	newRev, err := edit(r.Context(), d, p, rev, func(h *cache.Holding, m *members) error {
		for i := range h.Versions {
			if err := deprecate(&h.Versions[i], u, elsewhere); err != nil {
				return err
			}
		}
		for v, notice := range u.deprecated {
			if have, ok := elsewhere[v]; ok && notice != have && h.Version(v) == nil {
				return notHere(p, v, "it is held by another repository")
			}
		}
		if len(u.deprecated) == 0 && len(h.Meta) == 0 {
			return &cache.Invalid{Status: http.StatusForbidden, Reason: fullName(p) + " has only versions from registries, and its owners are there"}
		}
		if u.maintainers != nil {
			m.set("maintainers", u.maintainers)
		}
		return nil
	})
	if errors.Is(err, cache.ErrAbsent) {
		return fmt.Errorf("%s has not been published into this repository: %w", fullName(p), err)
	}
	if err != nil {
		return err
	}
	writeDone(w, http.StatusOK, p, newRev)
	return nil
}

// deprecate gives a version the notice that the upload has for it.
func deprecate(v *cache.Stored, u *upload, elsewhere map[string]string) error {
	notice, ok := u.deprecated[v.Version]
	if !ok {
		return nil
	}
	m, err := readMembers(v.Meta)
	if err != nil {
		return err
	}
	had := m.text("deprecated")
	if !v.Origin.Internal() {
		// The client has read the registry's newest word, we may hold an older one.
		if notice != had && notice != elsewhere[v.Version] {
			return &cache.Invalid{Status: http.StatusForbidden, Reason: fmt.Sprintf("%s came from %s and can only be deprecated there", v.Version, v.Origin.Connection)}
		}
		return nil
	}
	if notice == had {
		return nil
	}
	if m.remove("deprecated"); notice != "" {
		m.set("deprecated", jsonrange.AppendString(nil, notice))
	}
	v.Meta = m.bytes()
	return nil
}

// notices are those that clients see now. They are read only if the upload has any, since the document may be large.
func notices(ctx context.Context, p cache.Package, u *upload, d format.Desk) (map[string]string, error) {
	if len(u.deprecated) == 0 {
		return nil, nil
	}
	l, err := d.Listing(ctx, p)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	seen := make(map[string]string)
	for i := range l.Versions {
		if _, ok := u.deprecated[l.Versions[i].Version]; !ok {
			continue
		}
		notice, err := readDeprecated(jsonrange.New(l.Versions[i].Raw.Reader()))
		if err != nil {
			return nil, err
		}
		seen[l.Versions[i].Version] = notice
	}
	return seen, nil
}

func notHere(p cache.Package, version, why string) error {
	return &cache.Invalid{Status: http.StatusForbidden, Reason: fmt.Sprintf("%s@%s cannot be changed here: %s", fullName(p), version, why)}
}

package maven

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// The plugins of a group are the head of a listing, and the package's own part of what a repository holds: JSON, one
// list.

func encodePlugins(list []plugin) []byte {
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings can be encoded
	}
	return b
}

func readPlugins(b []byte) (list []plugin, err error) {
	if len(b) == 0 {
		return nil, nil
	}
	return list, json.Unmarshal(b, &list)
}

// valid leaves out what no plugin can be called.
func valid(list []plugin) []plugin {
	return slices.DeleteFunc(list, func(p plugin) bool { return !validName(p.Prefix) || !validName(p.ArtifactID) })
}

// pluginsOf merges the plugins of all places by their prefixes, in order; of one prefix the nearest place's counts.
func pluginsOf(l *cache.Listing) ([]plugin, error) {
	var all []plugin
	for _, head := range append([]cache.Fragment{l.Head}, l.Others...) {
		b, err := head.Append(nil)
		if err != nil {
			return nil, err
		}
		list, err := readPlugins(b)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, func(a, b plugin) int { return cmp.Compare(a.Prefix, b.Prefix) })
	return slices.CompactFunc(all, func(a, b plugin) bool { return a.Prefix == b.Prefix }), nil
}

// publishPlugins makes plugins known by their prefixes. They must have been deployed here: clients send all that they
// read before, of the registries too.
func publishPlugins(r *http.Request, want format.Want, d format.Desk, named []plugin) error {
	var ours []plugin
	group := strings.TrimPrefix(want.Package.Namespace+"."+want.Package.Name, ".")
	for _, p := range named {
		held, err := holds(r, d, cache.Package{Format: "maven", Namespace: group, Name: p.ArtifactID})
		if err != nil {
			return err
		}
		if held {
			ours = append(ours, p)
		}
	}
	if len(ours) == 0 {
		return nil
	}
	err := d.Publish(r.Context(), &format.Publication{Package: want.Package, PackageMeta: encodePlugins(ours), Join: joinPlugins})
	if err != nil {
		return fmt.Errorf("plugin prefixes of %s: %w", group, err)
	}
	return nil
}

// holds reports whether a version of an artifact was published into the repository.
func holds(r *http.Request, d format.Desk, p cache.Package) (held bool, err error) {
	err = d.Edit(r.Context(), p, func(h *cache.Holding) error {
		held = slices.ContainsFunc(h.Versions, func(v cache.Stored) bool { return v.Origin.Internal() })
		return errLooked
	})
	if errors.Is(err, errLooked) || errors.Is(err, cache.ErrAbsent) {
		err = nil
	}
	return held, err
}

// joinPlugins puts plugins in place of those of the same prefixes.
func joinPlugins(old, added []byte) ([]byte, error) {
	have, err := readPlugins(old)
	if err != nil {
		return nil, err
	}
	more, err := readPlugins(added)
	if err != nil {
		return nil, err
	}
	have = slices.DeleteFunc(have, func(p plugin) bool {
		return slices.ContainsFunc(more, func(m plugin) bool { return m.Prefix == p.Prefix })
	})
	return encodePlugins(append(have, more...)), nil
}

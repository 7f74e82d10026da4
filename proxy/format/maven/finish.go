package maven

import (
	"net/http"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// finish takes the metadata of an artifact, of a group, or of both. It is believed in one thing: which versions and
// plugins it is about. A version that is named in it is published; one that another client deploys at the same time is
// not, since that client's metadata names it.
func finish(r *http.Request, want format.Want, d format.Desk) error {
	m, err := readMetadata(r.Body)
	if err != nil {
		return cache.Invalidf("%v", err)
	}
	named := append(slices.Clone(m.Versioning.Versions.List), m.Versioning.Latest, m.Versioning.Release, m.Version)
	named = slices.DeleteFunc(named, func(v string) bool { return v == "" })
	switch {
	case len(valid(slices.Clone(m.Plugins.List))) < len(m.Plugins.List):
		return cache.Invalidf("%s has a plugin without a proper prefix or artifact", metadataFile)
	case len(named) == 0 && len(m.Plugins.List) == 0:
		return cache.Invalidf("%s names neither a version nor a plugin", metadataFile)
	case len(named) > 0 && (m.GroupID != want.Package.Namespace || m.ArtifactID != want.Package.Name):
		return cache.Invalidf("%s is of %s:%s, and deployed to %s:%s", metadataFile, m.GroupID, m.ArtifactID, want.Package.Namespace, want.Package.Name)
	}
	if len(named) > 0 {
		if err := publishNamed(r, want, d, named); err != nil {
			return err
		}
	}
	return publishPlugins(r, want, d, m.Plugins.List)
}

// publishNamed publishes the unfinished versions among those named.
func publishNamed(r *http.Request, want format.Want, d format.Desk, named []string) error {
	return d.Edit(r.Context(), want.Package, func(h *cache.Holding) error {
		held := false
		for i := range h.Versions {
			v := &h.Versions[i]
			if !v.Origin.Internal() || !slices.Contains(named, v.Version) {
				continue
			}
			held = true
			if err := settle(v); err != nil {
				return err
			}
		}
		if !held {
			return cache.Invalidf("%s names no version of %s that was deployed here", metadataFile, want.Package.Name)
		}
		return nil
	})
}

// settle publishes a version if it is unfinished. What came with it is there to stay.
func settle(v *cache.Stored) error {
	if v.Status == cache.Unfinished {
		if err := whole(v); err != nil {
			return err
		}
		v.Status = cache.Published
	}
	f, err := readFragment(v.Meta)
	if err != nil || len(f.Fresh) == 0 {
		return err
	}
	f.Fresh = nil
	v.Meta = f.encode()
	return nil
}

// whole reports why an unfinished version cannot be published.
func whole(v *cache.Stored) error {
	f, err := readFragment(v.Meta)
	if err != nil {
		return err
	}
	if len(f.Spoiled) > 0 {
		return cache.Invalidf("version %s is not published: the checksum of %s did not match, and it was not deployed again", v.Version, f.Spoiled[0])
	}
	if len(v.Assets) == 0 {
		return cache.Invalidf("version %s is not published: it has no files", v.Version)
	}
	return nil
}

// finishBuild takes the metadata of a snapshot. Its build is finished, as a version that no index lists, and the
// snapshot itself becomes a version with the same files if no newer build is there.
func finishBuild(r *http.Request, want format.Want, d format.Desk) error {
	m, err := readMetadata(r.Body)
	if err != nil {
		return cache.Invalidf("%v", err)
	}
	s := m.Versioning.Snapshot
	if s == nil || s.Timestamp == "" || s.BuildNumber == "" {
		return cache.Invalidf("%s of %s has no <timestamp> and <buildNumber>", metadataFile, want.Version)
	}
	b, ok := parseBuild(strings.TrimSuffix(want.Version, snapshot) + s.Timestamp + "-" + s.BuildNumber)
	if !ok {
		return cache.Invalidf("%s of %s: %q and %q are no time and number of a build", metadataFile, want.Version, s.Timestamp, s.BuildNumber)
	}
	return d.Edit(r.Context(), want.Package, func(h *cache.Holding) error {
		v := h.Version(b.version())
		if v == nil || !v.Origin.Internal() {
			return cache.Invalidf("%s names build %s, of which nothing was deployed here", metadataFile, b.version())
		}
		if err := whole(v); err != nil {
			return err
		}
		f := fragment{Files: filesOf(want.Package.Name, b, v, m.Versioning.SnapshotVersions.List)}
		if len(f.Files) == 0 {
			return cache.Invalidf("build %s has no files", b.version())
		}
		v.Meta = f.encode()
		if v.Status == cache.Unfinished {
			v.Status = cache.Unlisted
		}
		mirror(h, b, *v)
		return nil
	})
}

// filesOf lists the files that a build has: split as the client's metadata says, else by their names.
func filesOf(artifact string, b build, v *cache.Stored, said []snapshotVersion) []snapshotVersion {
	var files []snapshotVersion
	for _, a := range v.Assets {
		i := slices.IndexFunc(said, func(f snapshotVersion) bool { return fileOf(artifact, b.version(), f) == a.Name })
		var f snapshotVersion
		if i >= 0 {
			f = snapshotVersion{Classifier: said[i].Classifier, Extension: said[i].Extension}
		} else if part, ok := partOf(artifact, b.version(), a.Name); ok {
			f = part
		} else {
			continue
		}
		f.Value, f.Updated = b.version(), b.updated()
		files = append(files, f)
	}
	return files
}

// mirror makes a snapshot's own version that of its build, unless it is that of a newer one.
func mirror(h *cache.Holding, b build, v cache.Stored) {
	v.Version, v.Status = b.snapshot(), cache.Published
	old := h.Version(v.Version)
	if old == nil {
		h.Versions = append(h.Versions, v)
		return
	}
	f, err := readFragment(old.Meta)
	if err == nil && len(f.Files) > 0 {
		if shown, ok := parseBuild(f.Files[0].Value); ok && shown.after(b) {
			return
		}
	}
	if old.Status != cache.Unfinished {
		v.Status = old.Status
	}
	*old = v
}

package npm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"deps.dev/util/semver"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// unpublish removes what was published into the repository: one version, or all with version "". What came from a
// registry stays: it is not ours to withdraw, and would come again.
func unpublish(ctx context.Context, w http.ResponseWriter, p cache.Package, version, rev string, d format.Desk) error {
	rev, err := edit(ctx, d, p, rev, func(h *cache.Holding, _ *members) error {
		gone := func(v cache.Stored) bool { return v.Origin.Internal() && (version == "" || v.Version == version) }
		if !slices.ContainsFunc(h.Versions, gone) {
			return nothingToUnpublish(h, version)
		}
		h.Versions = slices.DeleteFunc(slices.Clone(h.Versions), gone)
		moveTags(h)
		return nil
	})
	if err != nil {
		return err
	}
	writeDone(w, http.StatusOK, p, rev)
	return nil
}

func nothingToUnpublish(h *cache.Holding, version string) error {
	for _, v := range h.Versions {
		if version == "" || v.Version == version {
			return notHere(h.Package, v.Version, "it came from "+v.Origin.Connection)
		}
	}
	return fmt.Errorf("%s@%s: %w", fullName(h.Package), version, cache.ErrAbsent)
}

// moveTags drops the tags of versions that are gone, but latest, which moves to the highest that is left, as npm's
// client would have it.
func moveTags(h *cache.Holding) {
	for tag, v := range h.Tags {
		if h.Version(v) != nil {
			continue
		}
		delete(h.Tags, tag)
		if tag == "latest" && len(h.Versions) > 0 {
			h.Tags[tag] = slices.MaxFunc(h.Versions, older).Version
		}
	}
}

// older orders versions: prereleases before the others, then by number.
func older(a, b cache.Stored) int {
	va, errA := semver.NPM.Parse(a.Version)
	vb, errB := semver.NPM.Parse(b.Version)
	switch {
	case errA != nil || errB != nil:
		return semver.NPM.Compare(a.Version, b.Version)
	case va.IsPrerelease() != vb.IsPrerelease():
		if va.IsPrerelease() {
			return -1
		}
		return 1
	}
	return va.Compare(vb)
}

// setTag points a tag at a version that clients of the repository see.
func setTag(w http.ResponseWriter, r *http.Request, p cache.Package, tag string, d format.Desk) error {
	body, err := readBody(r, 4<<10)
	if err != nil {
		return err
	}
	version, err := parseString(body)
	if err != nil {
		return err
	}
	l, err := d.Listing(r.Context(), p)
	if err != nil {
		return err
	}
	defer l.Close()
	switch v := l.Version(version); {
	case v == nil || !v.Status.Listed():
		return fmt.Errorf("%s has no version %.100q: %w", fullName(p), version, cache.ErrAbsent)
	case v.Refused != "":
		return &cache.Refused{Rule: "the rules for " + fullName(p) + " " + version, Reason: v.Refused}
	}
	return editTags(w, r, p, d, func(tags map[string]string) error {
		tags[tag] = version
		return nil
	})
}

func removeTag(w http.ResponseWriter, r *http.Request, p cache.Package, tag string, d format.Desk) error {
	if tag == "latest" {
		return cache.Invalidf("the tag latest can be moved, but not removed")
	}
	return editTags(w, r, p, d, func(tags map[string]string) error {
		if _, ok := tags[tag]; !ok {
			return fmt.Errorf("%s has no tag %s of this repository: %w", fullName(p), tag, cache.ErrAbsent)
		}
		delete(tags, tag)
		return nil
	})
}

func editTags(w http.ResponseWriter, r *http.Request, p cache.Package, d format.Desk, fn func(map[string]string) error) error {
	rev, err := edit(r.Context(), d, p, "", func(h *cache.Holding, _ *members) error {
		if h.Tags == nil {
			h.Tags = make(map[string]string)
		}
		return fn(h.Tags)
	})
	if errors.Is(err, cache.ErrAbsent) {
		return fmt.Errorf("nothing to tag of %s in this repository: %w", fullName(p), err)
	}
	if err != nil {
		return err
	}
	writeDone(w, http.StatusOK, p, rev)
	return nil
}

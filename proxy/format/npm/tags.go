package npm

import (
	"deps.dev/util/semver"

	"entrepot/cache"
)

// visible reports whether clients see a version in the packument.
func visible(v *cache.Version) bool { return v.Refused == "" && v.Status.Listed() }

// visibleTags are the listing's tags as clients see them. A tag whose version they do not see moves to the highest
// one below it that they do, and that is a prerelease just if it was one; if there is none, the tag is dropped.
func visibleTags(l *cache.Listing) map[string]string {
	seen := make(map[string]bool, len(l.Tags))
	for _, v := range l.Tags {
		seen[v] = false
	}
	for i := range l.Versions {
		if _, tagged := seen[l.Versions[i].Version]; tagged {
			seen[l.Versions[i].Version] = visible(&l.Versions[i])
		}
	}
	tags := make(map[string]string, len(l.Tags))
	var candidates []*semver.Version
	for tag, version := range l.Tags {
		if !seen[version] {
			if candidates == nil {
				candidates = parseVisible(l)
			}
			version = highestBelow(version, candidates)
		}
		if version != "" {
			tags[tag] = version
		}
	}
	return tags
}

func parseVisible(l *cache.Listing) []*semver.Version {
	parsed := make([]*semver.Version, 0, len(l.Versions))
	for i := range l.Versions {
		if !visible(&l.Versions[i]) {
			continue
		}
		if v, err := semver.NPM.Parse(l.Versions[i].Version); err == nil {
			parsed = append(parsed, v)
		}
	}
	return parsed
}

func highestBelow(version string, candidates []*semver.Version) string {
	limit, err := semver.NPM.Parse(version)
	if err != nil {
		return ""
	}
	var best *semver.Version
	for _, v := range candidates {
		if v.IsPrerelease() == limit.IsPrerelease() && v.Compare(limit) <= 0 && (best == nil || v.Compare(best) > 0) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.String()
}

// resolve returns the version that a client means by a version or a tag: one that it may see, or one that is refused.
func resolve(l *cache.Listing, versionOrTag string) *cache.Version {
	v := l.Version(versionOrTag)
	if v == nil {
		if version, ok := visibleTags(l)[versionOrTag]; ok {
			v = l.Version(version)
		} else if version, ok := l.Tags[versionOrTag]; ok {
			v = l.Version(version) // refused, with nothing below it
		}
	}
	if v == nil || !v.Status.Listed() {
		return nil
	}
	return v
}

package policy

import "entrepot/cache"

// Initial returns the origin controls that a package gets in a repository when its first version appears there. So a
// name that was first published is not answered from outside, and one that came from outside is not published over.
// Where the package's group restricts anything, it is left to the group.
func (gs *Groups) Initial(p cache.Package, published bool) cache.Controls {
	for r := range restrictions {
		if gs.Effective(p, r).Mode != Allow {
			return cache.Controls{Publish: cache.Allow, Upstream: cache.Allow}
		}
	}
	if published {
		return cache.Controls{Publish: cache.Allow, Upstream: cache.Block}
	}
	return cache.Controls{Publish: cache.Block, Upstream: cache.Allow}
}

// Arrives decides whether a new version of a package may come into the repository that way: both the package's origin
// controls and its group have to allow it. Controls that are not set allow. Versions that are there already stay,
// whatever the answer.
func (gs *Groups) Arrives(p cache.Package, c cache.Controls, r Restriction, repository string) Decision {
	control, reason := c.Upstream, "the package's origin controls block new versions from upstream"
	if r == ByPublish {
		control, reason = c.Publish, "the package's origin controls block publishing"
	}
	if control == cache.Block {
		return Decision{Rule: "origin controls of " + p.String() + " in " + repository, Reason: reason}
	}
	return gs.Admits(p, r, repository)
}

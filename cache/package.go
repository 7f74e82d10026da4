package cache

import (
	"strings"
	"time"

	"entrepot/cache/blob"
)

// Package names a package: format, namespace (npm scope without "@", Maven groupId …; often empty) and name, in the
// format's normal form.
type Package struct {
	Format, Namespace, Name string
}

// String returns the package as FORMAT/NAMESPACE/NAME, the form of patterns and messages (an empty namespace stays).
func (p Package) String() string { return p.Format + "/" + p.Namespace + "/" + p.Name }

// ParsePackage reads what String wrote.
func ParsePackage(s string) (Package, bool) {
	format, rest, ok := strings.Cut(s, "/")
	if !ok {
		return Package{}, false
	}
	namespace, name, ok := strings.Cut(rest, "/")
	return Package{format, namespace, name}, ok && format != "" && name != ""
}

// AssetKey names one file of one version.
type AssetKey struct {
	Package Package
	Version string
	Asset   string
}

// Status is the state of a version, as in the service's PackageVersionStatus.
type Status string

// The states of a version.
const (
	Published  Status = "Published"
	Unfinished Status = "Unfinished"
	Unlisted   Status = "Unlisted"
	Archived   Status = "Archived"
	Disposed   Status = "Disposed"
)

// Listed reports whether clients see the version in an index.
func (s Status) Listed() bool { return s == "" || s == Published }

// Served reports whether the version's assets may be downloaded.
func (s Status) Served() bool { return s == "" || s == Published || s == Unlisted }

// Origin says where a version came from: published into a repository of the domain (Repository is set) or taken from
// a registry (Connection is set).
type Origin struct {
	Connection string // name of the external connection; empty for what was published here
	Repository string // where it was published
}

// Internal reports whether the version was published into the domain.
func (o Origin) Internal() bool { return o.Connection == "" }

// Sum is a checksum of known algorithm ("sha1", "sha256", "sha512", "md5"), as raw bytes.
type Sum struct {
	Algorithm string
	Value     []byte
}

// Asset is one stored file of a version.
type Asset struct {
	Name    string
	Digest  blob.Digest
	Size    int64
	Sums    []Sum // beyond SHA-256; what the format needs
	Evicted bool  // the bytes were given up; the origin's connection can give them again
}

// Stored is a version that a repository holds.
type Stored struct {
	Version   string
	Status    Status
	Origin    Origin
	Published time.Time // by the registry's own word, or when it was published here; zero if unknown
	Revision  string    // changes whenever the version's assets or metadata change
	Meta      []byte    // the version's own fragment of the index document, in its format
	Assets    []Asset
}

// Controls are the origin controls of a package in a repository (PackageOriginRestrictions): whether versions may be
// published directly, and whether they may come from upstream. The zero value means not set.
type Controls struct {
	Publish, Upstream Control
}

// Control is one origin control.
type Control string

// The values of a Control.
const (
	Allow Control = "ALLOW"
	Block Control = "BLOCK"
)

// RepositoryID is the index's number for a repository; unique over all domains of a data directory.
type RepositoryID int64

// Holding is all that one repository holds of one package.
type Holding struct {
	Repository RepositoryID
	Package    Package
	Controls   Controls
	Tags       map[string]string // npm dist-tags: tag to version
	Meta       []byte            // the package's own part of the index document (npm: owners …), in its format
	Versions   []Stored          // in the order in which they came
}

// Version returns the version with that name, or nil.
func (h *Holding) Version(v string) *Stored {
	for i := range h.Versions {
		if h.Versions[i].Version == v {
			return &h.Versions[i]
		}
	}
	return nil
}

// Found is a version that a repository holds, as far as one of its assets goes.
type Found struct {
	Repository RepositoryID
	Stored     // the version without Meta, and of its Assets that one alone, if it is held
}

// Shelf says that a repository knows a package, and what decides whether others are asked about it.
type Shelf struct {
	Repository RepositoryID
	// Revision changes with every edit of what the repository holds of the package, and is never used twice. It is 0
	// until the first edit: what is only retained does not change a listing.
	Revision int64
	Internal bool // it holds a version that was published into the domain, in whatever status
	Controls Controls
}

// Use is the use of a version: when one of its assets was last served from a repository.
type Use struct {
	Repository RepositoryID
	Package    Package
	Version    string
	At         time.Time
}

package maven

import (
	"net/url"
	"regexp"
	"strings"

	"entrepot/cache"
)

const (
	metadataFile = "maven-metadata.xml"
	snapshot     = "SNAPSHOT" // how the name of a snapshot ends; the whole of it, or after a hyphen
)

// maxName bounds groups, artifacts, versions and file names, each. It is the service's limit for names.
const maxName = 255

// validName reports whether a registry may have the name: what Maven itself refuses in names (its model validator's
// list), and what the service's names may not have.
func validName(s string) bool {
	return s != "" && len(s) <= maxName && s[0] != '.' && !strings.ContainsAny(s, "\\/:\"<>|?*#[](){},\x7f") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '\ufffd' })
}

// isSnapshot reports whether a version stands for the newest of its builds.
func isSnapshot(version string) bool {
	return version == snapshot || strings.HasSuffix(version, "-"+snapshot)
}

// build is one build of a snapshot, by its version: 1.0-20210728.194552-1 is of 1.0-SNAPSHOT.
type build struct {
	base      string // what comes before the time: "1.0-"
	timestamp string // "20210728.194552"
	number    string // "1"
}

var buildPattern = regexp.MustCompile(`^(|.+-)([0-9]{8}\.[0-9]{6})-([0-9]{1,9})$`)

// parseBuild reads the version of a build.
func parseBuild(version string) (build, bool) {
	m := buildPattern.FindStringSubmatch(version)
	if m == nil {
		return build{}, false
	}
	return build{m[1], m[2], m[3]}, true
}

// snapshot is the version that the build is of.
func (b build) snapshot() string { return b.base + snapshot }

func (b build) version() string { return b.base + b.timestamp + "-" + b.number }

// updated is the time of the build as metadata has it: 20210728194552.
func (b build) updated() string { return strings.Replace(b.timestamp, ".", "", 1) }

var buildFile = regexp.MustCompile(`^([0-9]{8}\.[0-9]{6}-[0-9]{1,9})[-.]`)

// versionOf is the version that a file in the directory of a version belongs to. Of a snapshot it is that of a build;
// ok is false if the file's name has none.
func versionOf(artifact, version, file string) (of string, ok bool) {
	if !isSnapshot(version) {
		return version, true
	}
	base := strings.TrimSuffix(version, snapshot)
	rest, ok := strings.CutPrefix(file, artifact+"-"+base)
	if !ok {
		return "", false
	}
	m := buildFile.FindStringSubmatch(rest)
	if m == nil {
		return "", false
	}
	return base + m[1], true
}

// fileOf is the name of an artifact's file.
func fileOf(artifact, version string, f snapshotVersion) string {
	if f.Classifier != "" {
		version += "-" + f.Classifier
	}
	return artifact + "-" + version + "." + f.Extension
}

// partOf is what a file's name says beyond artifact and version. Classifiers and extensions may both have dots, so it
// is a guess: an extension has one, or two where the last is that of a signature or of a compression.
func partOf(artifact, version, file string) (f snapshotVersion, ok bool) {
	rest, ok := strings.CutPrefix(file, artifact+"-"+version)
	if !ok || rest == "" || rest[0] != '-' && rest[0] != '.' {
		return f, false
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 || dot == len(rest)-1 {
		return f, false
	}
	if before := strings.LastIndexByte(rest[:dot], '.'); before >= 0 {
		if strings.HasPrefix(rest[before:], ".tar.") || rest[dot:] == ".asc" {
			dot = before
		}
	}
	f.Extension, f.Classifier = rest[dot+1:], strings.TrimPrefix(rest[:dot], "-")
	return f, dot == 0 || f.Classifier != ""
}

// rootOf is the directory of a package, escaped.
func rootOf(p cache.Package) string {
	var b strings.Builder
	if p.Namespace != "" {
		for part := range strings.SplitSeq(p.Namespace, ".") {
			b.WriteString(url.PathEscape(part) + "/")
		}
	}
	b.WriteString(url.PathEscape(p.Name))
	return b.String()
}

// dirOf is the directory of a version, escaped.
func dirOf(p cache.Package, version string) string {
	if b, ok := parseBuild(version); ok {
		version = b.snapshot()
	}
	return rootOf(p) + "/" + url.PathEscape(version)
}

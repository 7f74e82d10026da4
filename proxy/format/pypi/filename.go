package pypi

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxFile is the longest file name that file systems take.
const maxFile = 255

// extensions are those of source distributions and of what was uploaded in earlier days. The longer come first.
var extensions = []string{
	".tar.gz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tgz", ".tar", ".zip", ".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg",
}

// platform is what bdist_dumb, bdist_wininst, bdist_egg and bdist_rpm write behind the version.
var platform = regexp.MustCompile(`(?i)(?:[-.](?:py[23](?:\.[0-9]+)?|linux-[a-z0-9_]+|macosx-[a-z0-9_.]+(?:-[a-z0-9_]+)?|win32|win-amd64|noarch|src|i[3-6]86|x86_64))+$`)

// goodFile reports whether a file's name can be one segment of a path and a key of the index.
func goodFile(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxFile && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' || r == '\\' })
}

// goodVersion reports whether s can be a version's key: a PEP 440 version in normal form, or what was uploaded before
// there was such a thing.
func goodVersion(s string) bool {
	if s == "" || len(s) > maxVersion || !alphanumeric(s[0]) {
		return false
	}
	for i := range len(s) {
		if !alphanumeric(s[i]) && !strings.ContainsRune("._-+!", rune(s[i])) {
			return false
		}
	}
	return !strings.Contains(s, "..")
}

// isWheel reports whether a file is a wheel (PEP 427) by its name.
func isWheel(file string) bool { return strings.HasSuffix(file, ".whl") }

// versionOf returns the version that the name of a project's file says, in normal form if it has one; false if the
// file's name is not the project's, or says no version: then it is nothing that an installer would take.
func versionOf(normalised, file string) (string, bool) {
	if !goodFile(file) {
		return "", false
	}
	if isWheel(file) {
		return wheelVersion(normalised, file)
	}
	stem := trimExtension(file)
	if stem == file {
		return "", false
	}
	for i := range len(stem) {
		if stem[i] == '-' && i < len(stem)-1 && normalise(stem[:i]) == normalised {
			if v, ok := spelledVersion(stem[i+1:]); ok {
				return v, true
			}
		}
	}
	return "", false
}

func wheelVersion(normalised, file string) (string, bool) {
	parts := strings.Split(strings.TrimSuffix(file, ".whl"), "-")
	if n := len(parts); n != 5 && n != 6 || normalise(parts[0]) != normalised {
		return "", false
	}
	return spelledVersion(strings.ReplaceAll(parts[1], "_", "-")) // as builders before PEP 440 escaped a "-"
}

// spelledVersion normalises a version, or accepts it as it is.
func spelledVersion(s string) (string, bool) {
	if v, ok := normaliseVersion(s); ok {
		return v, true
	}
	s = platform.ReplaceAllString(s, "")
	if v, ok := normaliseVersion(s); ok {
		return v, true
	}
	return s, goodVersion(s)
}

func trimExtension(file string) string {
	for _, e := range extensions {
		if len(file) > len(e) && strings.EqualFold(file[len(file)-len(e):], e) {
			return file[:len(file)-len(e)]
		}
	}
	return file
}

// guess returns the project and the version of a file by its name alone. Of a wheel it is sure; of others, it takes the
// last hyphen that a version follows.
func guess(file string) (normalised, version string, ok bool) {
	if !goodFile(file) {
		return "", "", false
	}
	if isWheel(file) {
		project, _, _ := strings.Cut(file, "-")
		normalised = normalise(project)
		version, ok = wheelVersion(normalised, file)
		return normalised, version, ok && normal(normalised)
	}
	stem := trimExtension(file)
	for i := strings.LastIndexByte(stem, '-'); i > 0 && stem != file; i = strings.LastIndexByte(stem[:i], '-') {
		normalised = normalise(stem[:i])
		if version, ok = normaliseVersion(platform.ReplaceAllString(stem[i+1:], "")); ok && normal(normalised) {
			return normalised, version, true
		}
	}
	return "", "", false
}

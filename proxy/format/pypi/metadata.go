package pypi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"entrepot/cache"
)

// maxMetadata is the largest core metadata that is read; it holds the project's readme.
const maxMetadata = 16 << 20

// metadata is core metadata (packaging.python.org, "Core metadata specifications"): the fields of METADATA and PKG-INFO
// by their names in lower case. The description is left out.
type metadata map[string][]string

// parseMetadata reads the headers of core metadata. A line that begins with white space goes on with the one before; one
// that is no header is passed over, as readers have always done.
func parseMetadata(b []byte) metadata {
	m := make(metadata)
	last := ""
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			break // the description follows
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(m[last]); n > 0 && last != "description" {
				m[last][n-1] += "\n" + strings.ToValidUTF8(string(bytes.TrimSpace(line)), "\uFFFD")
			}
			continue
		}
		key, value, ok := bytes.Cut(line, []byte{':'})
		if last = strings.ToLower(string(key)); ok && last != "description" {
			m[last] = append(m[last], strings.ToValidUTF8(string(bytes.TrimSpace(value)), "\uFFFD"))
		}
	}
	return m
}

// one is the value of a field that comes once.
func (m metadata) one(field string) string {
	if len(m[field]) == 0 {
		return ""
	}
	return m[field][0]
}

// errOther reports a file that is of another project or version than its name says.
var errOther = errors.New("it is of another")

// agrees reports whether metadata is that of a version.
func (m metadata) agrees(p cache.Package, version string) error {
	if got := m.one("name"); !validName(got) || normalise(got) != p.Name {
		return fmt.Errorf("%w project: its core metadata says %.100q, not %s", errOther, got, p.Name)
	}
	got := m.one("version")
	if v, ok := normaliseVersion(got); got != version && (!ok || v != version) {
		return fmt.Errorf("%w version: its core metadata says %.100q, not %s", errOther, got, version)
	}
	return nil
}

// checkMetadata accepts core metadata of the version.
func checkMetadata(r io.ReaderAt, size int64, a cache.AssetKey) error {
	if size > maxMetadata {
		return cache.ErrTooLarge
	}
	b := make([]byte, size)
	if _, err := r.ReadAt(b, 0); err != nil && err != io.EOF {
		return err
	}
	return parseMetadata(b).agrees(a.Package, a.Version)
}

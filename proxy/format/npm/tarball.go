package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format/jsonrange"
)

const (
	// maxUnpacked bounds what a tarball may say it holds: reading it is work, though it needs no space.
	maxUnpacked = 8 << 30
	// maxPackageJSON bounds package.json, which is read into memory.
	maxPackageJSON = maxManifest
)

// checkTarball reads a tarball to its end, and compares what its package.json says with what it is to be. Its errors
// are *cache.Invalid.
func checkTarball(r io.Reader, p cache.Package, version string) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return cache.Invalidf("the tarball is no gzip file: %v", err)
	}
	limited := &io.LimitedReader{R: z, N: maxUnpacked}
	files, found := tar.NewReader(limited), false
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cache.Invalidf("the tarball cannot be read: %v", err)
		}
		// npm strips the first directory, whatever its name; when a file comes twice the last one counts, so all must agree.
		if dir, file := path.Split(path.Clean(h.Name)); file != "package.json" || strings.Count(dir, "/") != 1 || h.Typeflag != tar.TypeReg {
			continue
		}
		found = true
		if err := checkPackageJSON(files, p, version); err != nil {
			return err
		}
	}
	// Behind the archive's end come zeros, and the sum of the gzip file.
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return cache.Invalidf("the tarball cannot be read: %v", err)
	}
	if limited.N == 0 {
		return cache.Invalidf("the tarball unpacks to more than %d bytes", int64(maxUnpacked))
	}
	if !found {
		return cache.Invalidf("the tarball has no package.json")
	}
	return nil
}

func checkPackageJSON(r io.Reader, p cache.Package, version string) error {
	b, err := io.ReadAll(io.LimitReader(r, maxPackageJSON+1))
	if err != nil {
		return cache.Invalidf("the tarball cannot be read: %v", err)
	}
	if len(b) > maxPackageJSON {
		return cache.Invalidf("package.json is larger than %d bytes", maxPackageJSON)
	}
	name, number, err := nameAndVersion(b)
	if err != nil {
		return cache.Invalidf("the tarball's package.json is not valid: %v", err)
	}
	if strings.TrimSpace(name) != fullName(p) {
		return cache.Invalidf("the tarball's package.json says the name %.100q, not %s", name, fullName(p))
	}
	if cleanVersion(number) != cleanVersion(version) {
		return cache.Invalidf("the tarball's package.json says the version %.100q, not %s", number, version)
	}
	return nil
}

// nameAndVersion reads them as JavaScript would: by their exact keys (encoding/json takes any case), the last counting.
func nameAndVersion(packageJSON []byte) (name, version string, err error) {
	s := jsonrange.Bytes(bytes.TrimPrefix(packageJSON, []byte("\ufeff")))
	err = s.Object(func(key []byte) error {
		var err error
		switch string(key) {
		case "name":
			name, err = s.Text(4 * maxName)
		case "version":
			version, err = s.Text(4 * maxVersion)
		}
		return err
	})
	if err == nil {
		err = s.End()
	}
	return name, version, err
}

// cleanVersion is npm's semver.clean: publishing drops white space, a leading v or =, and build metadata.
func cleanVersion(v string) string {
	v = strings.TrimLeft(strings.TrimSpace(v), "=v \t")
	v, _, _ = strings.Cut(v, "+")
	return v
}

package cargo

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/BurntSushi/toml"

	"entrepot/cache"
)

const (
	// maxUnpacked bounds what a .crate may say it holds: reading it is work, though it needs no space. The public
	// registry's limit is 512 MiB.
	maxUnpacked = 8 << 30
	// maxManifest bounds Cargo.toml, which is read into memory.
	maxManifest = 4 << 20
)

// checkCrate reads a .crate to its end, and compares its Cargo.toml with what it is to be. All must lie in the folder
// NAME-VERSION, and be files or folders: cargo unpacks it beside others. Its errors are *cache.Invalid.
func checkCrate(r io.Reader, name, version string) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return cache.Invalidf("the .crate is no gzip file: %v", err)
	}
	limited := &io.LimitedReader{R: z, N: maxUnpacked}
	files, root, found := tar.NewReader(limited), name+"-"+version, false
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cache.Invalidf("the .crate cannot be read: %v", err)
		}
		if err := checkMember(h, root); err != nil {
			return err
		}
		if path.Clean(h.Name) != root+"/Cargo.toml" {
			continue
		}
		if found {
			return cache.Invalidf("the .crate has Cargo.toml twice")
		}
		found = true
		if err := checkManifest(files, name, version); err != nil {
			return err
		}
	}
	// Behind the archive's end come zeros, and the sum of the gzip file.
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return cache.Invalidf("the .crate cannot be read: %v", err)
	}
	if limited.N == 0 {
		return cache.Invalidf("the .crate unpacks to more than %d bytes", int64(maxUnpacked))
	}
	if !found {
		return cache.Invalidf("the .crate has no %s/Cargo.toml", root)
	}
	return nil
}

func checkMember(h *tar.Header, root string) error {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir:
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return cache.Invalidf("the .crate has %.200q, which is neither a file nor a folder", h.Name)
	}
	clean := path.Clean(h.Name)
	if clean != root && !strings.HasPrefix(clean, root+"/") || strings.Contains(h.Name, "\\") {
		return cache.Invalidf("the .crate has %.200q, which is not in the folder %s", h.Name, root)
	}
	return nil
}

func checkManifest(r io.Reader, name, version string) error {
	b, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return cache.Invalidf("the .crate cannot be read: %v", err)
	}
	if len(b) > maxManifest {
		return cache.Invalidf("Cargo.toml is larger than %d bytes", maxManifest)
	}
	var m struct {
		Package struct {
			Name    string
			Version any // a text, unless it is inherited from a workspace, which a package is not
		}
	}
	if err := toml.Unmarshal(b, &m); err != nil {
		return cache.Invalidf("the .crate's Cargo.toml is not valid: %v", err)
	}
	if m.Package.Name != name || m.Package.Version != version {
		return cache.Invalidf("the .crate's Cargo.toml is of %.100q %.100v, not of %s %s", m.Package.Name, m.Package.Version, name, version)
	}
	return nil
}

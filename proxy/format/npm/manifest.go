package npm

import (
	"fmt"

	"entrepot/cache"
	"entrepot/proxy/format/jsonrange"
)

// abbreviatedKeys are the members of a version that the abbreviated packument has.
var abbreviatedKeys = map[string]bool{
	"name": true, "version": true, "dist": true, "deprecated": true, "dependencies": true, "optionalDependencies": true,
	"devDependencies": true, "bundleDependencies": true, "bundledDependencies": true, "peerDependencies": true,
	"peerDependenciesMeta": true, "acceptDependencies": true, "bin": true, "directories": true, "engines": true, "os": true,
	"cpu": true, "libc": true, "funding": true, "hasInstallScript": true, "_hasShrinkwrap": true,
}

// rewriter turns a registry's manifest into ours: everything stays as it is, but the addresses in dist.
type rewriter struct {
	p    cache.Package
	base string
	raw  []byte // of the manifest; kept for its capacity
}

// append appends the manifest of a version to b.
func (w *rewriter) append(b []byte, v *cache.Version, short bool) ([]byte, error) {
	var err error
	if w.raw, err = v.Raw.Append(w.raw[:0]); err != nil {
		return b, err
	}
	if len(w.raw) == 0 { // nothing was kept of it but that it is there
		w.raw = fmt.Appendf(w.raw, `{"name":%s,"version":%s}`, jsonrange.AppendString(nil, fullName(w.p)), jsonrange.AppendString(nil, v.Version))
	}
	s := jsonrange.Bytes(w.raw)
	b = append(b, '{')
	dist, script, told := false, false, false
	err = s.Object(func(key []byte) error {
		k := string(key)
		switch k {
		case "dist":
			dist = true
			b = jsonrange.AppendKey(b, k)
			b, err = w.appendDist(b, s, v.Version)
			return err
		case "scripts":
			if short {
				script, err = runsOnInstall(s)
				return err
			}
		case "hasInstallScript":
			told = true
		}
		if short && !abbreviatedKeys[k] {
			return nil
		}
		r, err := s.Skip()
		b = jsonrange.AppendMember(b, k, w.raw[r.Off:r.Off+r.Len])
		return err
	})
	if err != nil {
		return b, err
	}
	if !dist {
		b = append(jsonrange.AppendKey(b, "dist"), '{')
		b = append(w.appendTarball(b, v.Version), '}')
	}
	if script && !told {
		b = jsonrange.AppendMember(b, "hasInstallScript", []byte("true"))
	}
	return append(b, '}'), nil
}

func (w *rewriter) appendDist(b []byte, s *jsonrange.Scanner, version string) ([]byte, error) {
	if s.Kind() != jsonrange.Object {
		b = append(b, '{')
		return append(w.appendTarball(b, version), '}'), nil
	}
	b = append(b, '{')
	tarball := false
	err := s.Object(func(key []byte) error {
		k := string(key)
		switch {
		case k == "tarball":
			tarball = true
			b = w.appendTarball(b, version)
			return nil
		case k == "attestations" && s.Kind() == jsonrange.Object:
			var err error
			b, err = w.appendAttestations(append(jsonrange.AppendKey(b, k), '{'), s, version)
			return err
		}
		r, err := s.Skip()
		b = jsonrange.AppendMember(b, k, w.raw[r.Off:r.Off+r.Len])
		return err
	})
	if err == nil && !tarball {
		b = w.appendTarball(b, version)
	}
	return append(b, '}'), err
}

// appendAttestations copies dist.attestations. npm takes the path of its url and asks the registry for it, so that an
// address of elsewhere would lose the path of our endpoint.
func (w *rewriter) appendAttestations(b []byte, s *jsonrange.Scanner, version string) ([]byte, error) {
	err := s.Object(func(key []byte) error {
		k := string(key)
		if k == "url" {
			b = jsonrange.AppendMember(b, k, jsonrange.AppendString(nil, w.base+"-/npm/v1/attestations/"+fullName(w.p)+"@"+version))
			return nil
		}
		r, err := s.Skip()
		b = jsonrange.AppendMember(b, k, w.raw[r.Off:r.Off+r.Len])
		return err
	})
	return append(b, '}'), err
}

func (w *rewriter) appendTarball(b []byte, version string) []byte {
	return jsonrange.AppendMember(b, "tarball", jsonrange.AppendString(nil, w.base+tarballPath(w.p, version)))
}

// runsOnInstall reports whether the value that comes next, a manifest's scripts, has one that npm runs on install.
func runsOnInstall(s *jsonrange.Scanner) (bool, error) {
	if s.Kind() != jsonrange.Object {
		return false, nil
	}
	found := false
	err := s.Object(func(key []byte) error {
		switch string(key) {
		case "preinstall", "install", "postinstall":
			found = true
		}
		return nil
	})
	return found, err
}

package npm

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// Locate finds a tarball or attestations by the version's dist; asset "" is the tarball, which every version has. A tarball for which the registry promises no sum must
// be an archive that can be read to its end and that says the same name and version.
func (Format) Locate(a cache.AssetKey, l *cache.Listing) (format.Ref, error) {
	v := l.Version(a.Version)
	if v == nil {
		return format.Ref{}, fmt.Errorf("%s has no version %s: %w", fullName(a.Package), a.Version, cache.ErrAbsent)
	}
	d, err := readDist(v.Raw)
	if err != nil {
		return format.Ref{}, fmt.Errorf("%s %s: %w", fullName(a.Package), a.Version, err)
	}
	switch a.Asset {
	case Tarball, "":
		return d.tarballRef(a)
	case Attestations:
		return d.attestationsRef(a)
	}
	return format.Ref{}, cache.ErrAbsent
}

// dist is what a manifest says about where its files are.
type dist struct {
	tarball, integrity, shasum, attestations string
}

func readDist(raw cache.Fragment) (d dist, err error) {
	b, err := raw.Append(nil)
	if err != nil {
		return d, err
	}
	if len(b) == 0 {
		return d, nil
	}
	s := jsonrange.Bytes(b)
	text := func(dst *string) error {
		if s.Kind() != jsonrange.String {
			return nil
		}
		var err error
		*dst, err = s.Text(8 << 10) // an address; integrity with every algorithm takes 300 bytes
		return err
	}
	err = s.Object(func(key []byte) error {
		if string(key) != "dist" || s.Kind() != jsonrange.Object {
			return nil
		}
		return s.Object(func(key []byte) error {
			switch string(key) {
			case "tarball":
				return text(&d.tarball)
			case "integrity":
				return text(&d.integrity)
			case "shasum":
				return text(&d.shasum)
			case "attestations":
				if s.Kind() == jsonrange.Object {
					return s.Object(func(key []byte) error {
						if string(key) == "url" {
							return text(&d.attestations)
						}
						return nil
					})
				}
			}
			return nil
		})
	})
	return d, err
}

func (d dist) tarballRef(a cache.AssetKey) (format.Ref, error) {
	ref := format.Ref{URL: d.tarball, Sums: d.sums()}
	if ref.URL == "" {
		ref.URL = escapedName(a.Package) + "/-/" + url.PathEscape(a.Package.Name+"-"+a.Version+".tgz")
	}
	if err := checkURL(ref.URL); err != nil {
		return format.Ref{}, err
	}
	if ref.Sums == nil {
		ref.Check = func(r io.ReaderAt, size int64) error {
			return checkTarball(io.NewSectionReader(r, 0, size), a.Package, a.Version)
		}
	}
	return ref, nil
}

func (d dist) attestationsRef(a cache.AssetKey) (format.Ref, error) {
	if d.attestations == "" {
		return format.Ref{}, fmt.Errorf("%s %s has no attestations: %w", fullName(a.Package), a.Version, cache.ErrAbsent)
	}
	return format.Ref{
		URL: d.attestations, Accept: jsonType,
		Check: func(r io.ReaderAt, size int64) error { return jsonrange.Valid(io.NewSectionReader(r, 0, size)) },
	}, checkURL(d.attestations)
}

// checkURL accepts addresses that a client may be sent to: of the web, or relative to the registry.
func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" || u.Scheme != "" && u.Host == "" {
		return cache.Invalidf("the registry keeps it at %.200q, which is no address of the web", address)
	}
	return nil
}

// sums reads integrity (Subresource Integrity, W3C: ALGORITHM-BASE64, several with white space between) and shasum
// (SHA-1 in hexadecimal). Of an algorithm that comes twice, the first counts.
func (d dist) sums() []cache.Sum {
	var sums []cache.Sum
	add := func(algorithm string, value []byte, err error) {
		if size, known := sumSizes[algorithm]; err != nil || !known || len(value) != size {
			return
		}
		for _, s := range sums {
			if s.Algorithm == algorithm {
				return
			}
		}
		sums = append(sums, cache.Sum{Algorithm: algorithm, Value: value})
	}
	for word := range strings.FieldsSeq(d.integrity) {
		algorithm, value, _ := strings.Cut(word, "-")
		value, _, _ = strings.Cut(value, "?") // options
		b, err := base64.StdEncoding.DecodeString(value)
		add(algorithm, b, err)
	}
	b, err := hex.DecodeString(d.shasum)
	add("sha1", b, err)
	return sums
}

// sumSizes are the algorithms that we know, with their sizes in bytes.
var sumSizes = map[string]int{"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}

// Guess says where registries keep a tarball, unless they say otherwise.
func (Format) Guess(a cache.AssetKey) string {
	if a.Asset != Tarball {
		return ""
	}
	return tarballPath(a.Package, a.Version)
}

package pypi

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// nativePrefix marks the views of documents for clients that asked the registry itself: links lead where the registry
// keeps its files, so that lockfiles do not change.
const nativePrefix = "native-"

// Native reads a request to a registry itself. path follows the address of the simple index, escaped.
func (Format) Native(r *http.Request, path string) (format.Want, error) {
	segments, err := split(path)
	if err != nil || path == "" {
		return format.Want{}, cache.ErrAbsent
	}
	want, err := parseSimple(r, segments)
	switch want.Kind {
	case format.Document:
		want.View = nativePrefix + want.View
	case format.Asset:
	default: // the list of all projects, and redirects
		return format.Want{}, cache.ErrAbsent
	}
	return want, err
}

// Mount returns the path, with a slash at its end, of the simple index that a request asks of a host that nobody has
// declared; false if it does not show.
func (Format) Mount(r *http.Request) (string, bool) {
	i := strings.LastIndex(r.URL.EscapedPath(), "/simple/")
	if i < 0 {
		return "", false
	}
	return r.URL.EscapedPath()[:i+len("/simple/")], true
}

// Pointed reads a request to a host where registries keep files, by the file's name alone.
func (Format) Pointed(r *http.Request) (format.Want, error) {
	file, err := url.PathUnescape(path.Base(r.URL.EscapedPath()))
	if err != nil || !goodFile(file) {
		return format.Want{}, cache.ErrAbsent
	}
	return parseBare(r, file)
}

// At returns where a registry's listing says that the file is which Pointed read. What is about a file stands beside it,
// whether the registry has it or we make it.
func (f Format) At(l *cache.Listing, want format.Want) (string, error) {
	file := trimSuffixes(want.Asset)
	ref, err := f.Locate(cache.AssetKey{Package: want.Package, Version: want.Version, Asset: file}, l)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(ref.URL)
	if err != nil {
		return "", err
	}
	u.Path, u.RawPath = u.Path+strings.TrimPrefix(want.Asset, file), ""
	return u.String(), nil
}

func trimSuffixes(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(file, metadataSuffix), signatureSuffix)
}

// Hosts are the origins where a registry's listing says that its files are.
func (Format) Hosts(l *cache.Listing) []string {
	base, err := baseOf(l)
	if err != nil || len(l.Versions) == 0 {
		return nil
	}
	var out []string
	for _, i := range []int{0, len(l.Versions) - 1} {
		files, err := filesOf(l.Versions[i].Raw)
		if err != nil || len(files) == 0 {
			continue
		}
		if u, err := base.Parse(files[0].url); err == nil {
			out = append(out, fmt.Sprintf("%s://%s", u.Scheme, u.Host))
		}
	}
	return out
}

// address is where a file is, as the client has to know it.
func (e *encoder) address(v *cache.Version, f *file) string {
	if !e.native || f.info != nil || f.url == "" || v.Origin.Internal() {
		return link(v.Version, f.name)
	}
	base, err := baseOf(e.l)
	if err != nil {
		base = &url.URL{}
	}
	u, err := base.Parse(f.url)
	if err != nil || u.Host == "" {
		return link(v.Version, f.name)
	}
	return u.String()
}

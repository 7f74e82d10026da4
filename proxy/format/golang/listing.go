package golang

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// maxList bounds a list of versions, in bytes. The longest known have some thousand versions of some twenty bytes.
const maxList = 4 << 20

// Listing reads @v/list. The versions have no time: that of an .info is the commit's, which its author chooses. A
// module without a list exists nevertheless if it has a latest version.
func (*Format) Listing(ctx context.Context, p cache.Package, get format.Getter) (*cache.Listing, error) {
	root, err := rootOf(p)
	if err != nil {
		return nil, err
	}
	l := &cache.Listing{Package: p}
	doc, err := get.Get(ctx, format.Query{Path: root + "/@v/list", Max: maxList})
	if errors.Is(err, cache.ErrAbsent) {
		_, _, err := getInfo(ctx, get, p.Name, format.Query{Path: root + "/@latest", Max: maxInfo})
		return l, err
	}
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	if l.Versions, err = readList(p.Name, doc.Reader()); err != nil {
		return nil, &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("list of %s: %w", p.Name, err)}
	}
	return l, nil
}

// readList reads a list of versions, and puts them in order. Lines that are no versions of the module are passed over,
// as the go command does; but a text without any is no list: a sign-in page must not look like a withdrawal.
func readList(mod string, r io.Reader) ([]cache.Version, error) {
	var names []string
	text, list := false, false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		text = true
		v := fields[0]
		list = list || semver.IsValid(v)
		if len(v) <= maxName && canonical(mod, v) && !module.IsPseudoVersion(v) {
			names = append(names, v)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if text && !list {
		return nil, errors.New("not a list of versions")
	}
	semver.Sort(names)
	var versions []cache.Version
	for _, v := range slices.Compact(names) {
		versions = append(versions, cache.Version{Version: v})
	}
	return versions, nil
}

// Direct says that Locate needs no listing.
func (*Format) Direct() {}

// Locate says where a registry keeps an asset. That follows from its name, so l is not read and may be nil: versions
// that no list has, as pseudo-versions, are to be had all the same.
func (*Format) Locate(a cache.AssetKey, _ *cache.Listing) (format.Ref, error) {
	version, ext, ok := cutExtension(a.Asset)
	if !ok || version != a.Version || !canonical(a.Package.Name, version) {
		return format.Ref{}, cache.ErrAbsent
	}
	root, err := rootOf(a.Package)
	if err != nil {
		return format.Ref{}, err
	}
	escaped, err := module.EscapeVersion(version)
	if err != nil {
		return format.Ref{}, cache.Invalidf("%v", err)
	}
	return format.Ref{URL: root + "/@v/" + escaped + "." + ext}, nil
}

// rootOf is the module's path as registries have it in addresses. All its characters may stand there as they are.
func rootOf(p cache.Package) (string, error) {
	root, err := module.EscapePath(p.Name)
	if err != nil {
		return "", cache.Invalidf("%v", err)
	}
	return root, nil
}

// Encode writes the list: listed versions in semantic order, without pseudo-versions.
func (*Format) Encode(w io.Writer, l *cache.Listing, v format.View) error {
	if v.Name != viewList {
		return fmt.Errorf("view %q of a Go module", v.Name)
	}
	var versions []string
	for i := range l.Versions {
		if v := &l.Versions[i]; visible(v) && !module.IsPseudoVersion(v.Version) {
			versions = append(versions, v.Version)
		}
	}
	semver.Sort(versions)
	for _, v := range versions {
		if _, err := io.WriteString(w, v+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func visible(v *cache.Version) bool { return v.Refused == "" && v.Status.Listed() }

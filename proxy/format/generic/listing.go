package generic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Listing asks nothing: a site of files has no index. What it returns has no version, and knows the connection's layout.
func (f *Format) Listing(_ context.Context, p cache.Package, get format.Getter) (*cache.Listing, error) {
	layout := f.layouts[get.Connection()]
	if layout == "" {
		layout = DefaultLayout
	}
	return &cache.Listing{Package: p, Head: cache.Fragment{Doc: strings.NewReader(layout), Len: int64(len(layout))}}, nil
}

// Locate says where the layout in the listing's head puts an asset. Nothing is promised about it.
func (*Format) Locate(a cache.AssetKey, l *cache.Listing) (format.Ref, error) {
	layout, err := l.Head.Append(nil)
	if err != nil {
		return format.Ref{}, err
	}
	if len(layout) == 0 || a.Asset == "" {
		return format.Ref{}, cache.ErrAbsent
	}
	return format.Ref{URL: fill(string(layout), a)}, nil
}

// packageList is the list of a package's versions.
type packageList struct {
	Namespace string        `json:"namespace"`
	Package   string        `json:"package"`
	Versions  []versionList `json:"versions"`
}

// versionList is the list of a version's files; in that of a package it has only their number and size.
type versionList struct {
	Namespace string    `json:"namespace,omitempty"`
	Package   string    `json:"package,omitempty"`
	Version   string    `json:"version"`
	Published time.Time `json:"published"`
	Count     int       `json:"count,omitempty"`
	Size      int64     `json:"size"` // of all files, in bytes
	URL       string    `json:"url"`
	Assets    []file    `json:"assets,omitempty"`
}

// Encode writes a list of what was published. What came by a connection is not listed, since nobody knows what else
// there is; a package or a version of which nothing was published is absent.
func (*Format) Encode(w io.Writer, l *cache.Listing, v format.View) error {
	version, one := strings.CutPrefix(v.Name, viewAssets)
	if !one && v.Name != viewVersions {
		return fmt.Errorf("view %q of a generic package", v.Name)
	}
	list := packageList{Namespace: l.Package.Namespace, Package: l.Package.Name}
	for i := range l.Versions {
		v2 := &l.Versions[i]
		if v2.Refused != "" || !v2.Origin.Internal() || one && v2.Version != version {
			continue
		}
		if one && !v2.Status.Served() || !one && !v2.Status.Listed() {
			continue
		}
		entry, err := listVersion(l.Package, v2, v.Base)
		if err != nil {
			return err
		}
		if one {
			return write(w, entry)
		}
		entry.Namespace, entry.Package, entry.Assets = "", "", nil
		list.Versions = append(list.Versions, entry)
	}
	if one || list.Versions == nil {
		return cache.ErrAbsent
	}
	return write(w, list)
}

func listVersion(p cache.Package, v *cache.Version, base string) (versionList, error) {
	b, err := v.Raw.Append(nil)
	if err != nil {
		return versionList{}, err
	}
	m, err := readMeta(b)
	if err != nil {
		return versionList{}, fmt.Errorf("metadata of %s %s: %w", p, v.Version, err)
	}
	list := versionList{
		Namespace: p.Namespace, Package: p.Name, Version: v.Version, Published: v.Published, Count: len(m.Assets),
		URL:    base + url.PathEscape(p.Namespace) + "/" + url.PathEscape(p.Name) + "/" + url.PathEscape(v.Version) + "/",
		Assets: m.Assets,
	}
	for i := range m.Assets {
		f := &m.Assets[i]
		list.Size += f.Size
		f.URL = base + strings.TrimPrefix(fill(DefaultLayout, cache.AssetKey{Package: p, Version: v.Version, Asset: f.Name}), "./")
	}
	return list, nil
}

func write(w io.Writer, v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, bytes.NewReader(append(b, '\n')))
	return err
}

// errLooked ends an Edit that was for looking only.
var errLooked = errors.New("nothing to change")

package maven

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// fragment is a version's own part of a listing, as JSON. Most versions have none.
type fragment struct {
	Latest  bool              `json:"latest,omitempty"`  // a registry calls it its latest version
	Release bool              `json:"release,omitempty"` // or its latest release
	Files   []snapshotVersion `json:"files,omitempty"`   // of a build that was published here
	Fresh   []string          `json:"fresh,omitempty"`   // files that came since the last metadata
	Spoiled []string          `json:"spoiled,omitempty"` // files that were taken back, since a checksum did not match
}

func (f *fragment) encode() []byte {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings and booleans can be encoded
	}
	return b
}

func readFragment(b []byte) (f fragment, err error) {
	if len(b) == 0 {
		return f, nil
	}
	return f, json.Unmarshal(b, &f)
}

func fragmentOf(v *cache.Version) (fragment, error) {
	b, err := v.Raw.Append(nil)
	if err != nil {
		return fragment{}, err
	}
	return readFragment(b)
}

// Listing reads PATH/maven-metadata.xml: versions and plugin prefixes.
func (Format) Listing(ctx context.Context, p cache.Package, get format.Getter) (*cache.Listing, error) {
	m, err := getMetadata(ctx, get, rootOf(p), 0)
	if err != nil {
		return nil, err
	}
	b := builder{names: map[string]bool{}, l: &cache.Listing{Package: p, Modified: parseTime(m.Versioning.LastUpdated)}}
	for _, v := range m.Versioning.Versions.List {
		b.add(v, fragment{Latest: v == m.Versioning.Latest, Release: v == m.Versioning.Release})
	}
	l := b.done()
	if prefixes := valid(m.Plugins.List); len(prefixes) > 0 {
		head := encodePlugins(prefixes)
		l.Head = cache.Fragment{Doc: bytes.NewReader(head), Len: int64(len(head))}
	}
	return l, nil
}

// getMetadata reads the metadata in a directory. fresh is that of format.Query.
func getMetadata(ctx context.Context, get format.Getter, dir string, fresh time.Duration) (*metadata, error) {
	path := dir + "/" + metadataFile
	doc, err := get.Get(ctx, format.Query{Path: path, Max: maxMetadata, Fresh: fresh})
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	m, err := readMetadata(doc.Reader())
	if err != nil {
		return nil, &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("%s: %w", path, err)}
	}
	return m, nil
}

// builder makes a listing whose fragments stand in one buffer.
type builder struct {
	l     *cache.Listing
	names map[string]bool
	text  []byte
}

// add adds a version. What no version can be called is passed over, as clients do.
func (b *builder) add(version string, f fragment) {
	if !validName(version) || b.names[version] {
		return
	}
	b.names[version] = true
	v := cache.Version{Version: version}
	if f.Latest || f.Release {
		v.Raw.Off = int64(len(b.text))
		b.text = append(b.text, f.encode()...)
		v.Raw.Len = int64(len(b.text)) - v.Raw.Off
	}
	b.l.Versions = append(b.l.Versions, v)
}

func (b *builder) done() *cache.Listing {
	text := bytes.NewReader(b.text)
	for i := range b.l.Versions {
		if raw := &b.l.Versions[i].Raw; raw.Len > 0 {
			raw.Doc = text
		}
	}
	return b.l
}

// Locate says where a registry keeps an asset. That follows from its name, so l is not read and may be nil.
func (Format) Locate(a cache.AssetKey, _ *cache.Listing) (format.Ref, error) {
	if a.Asset == "" || a.Package.Namespace == "" {
		return format.Ref{}, cache.ErrAbsent
	}
	return format.Ref{URL: dirOf(a.Package, a.Version) + "/" + url.PathEscape(a.Asset), Check: checkOf(a.Asset)}, nil
}

// Package generic keeps files of any kind under NAMESPACE/PACKAGE/VERSION/ASSET, by plain HTTP: GET, HEAD, PUT and
// DELETE of a file, and lists of versions and of a version's files as JSON. It is the service's format of that name,
// which has an API there and no protocol; an asset may have slashes here, as the files of most download sites do.
//
// A version's metadata is JSON that says which files it has, so that a list is made without opening one. What was
// published stays as it is: the same bytes may be put again, others are refused until the file is deleted.
//
// A private: connection reaches any site whose paths are made of those four parts; where they stand in them is the
// connection's layout. Such a site has no index: its files are not listed, and what a file had when it was first seen is
// what it has to have from then on.
package generic

import (
	"net/http"

	"entrepot/proxy/format"
)

// Options say how the connections are laid out.
type Options struct {
	// Layout maps a connection's name to where its registry keeps a file: a relative path with the markers {namespace},
	// {package}, {version} and {asset}, the last of which must be there. A connection that is not in the map, or has an
	// empty layout, has DefaultLayout.
	Layout map[string]string
}

// DefaultLayout is our own.
const DefaultLayout = "{namespace}/{package}/{version}/{asset}"

// Format is the generic format. It is safe for concurrent use.
type Format struct {
	layouts map[string]string // by connection
}

var (
	_ format.Format    = (*Format)(nil)
	_ format.Servicer  = (*Format)(nil)
	_ format.Annotator = (*Format)(nil)
)

// New returns the format. Its errors name the connection whose layout makes no sense.
func New(o Options) (*Format, error) {
	f := &Format{layouts: make(map[string]string)}
	for connection, layout := range o.Layout {
		if layout == "" {
			continue
		}
		clean, err := parseLayout(layout)
		if err != nil {
			return nil, layoutError(connection, err)
		}
		f.layouts[connection] = clean
	}
	return f, nil
}

// Name returns "generic".
func (*Format) Name() string { return "generic" }

// Recognise returns false: any request could be one for a file.
func (*Format) Recognise(*http.Request) bool { return false }

package cargo

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Locate finds a version's .crate by its line and the registry's config.json, which the listing's head is; asset "" is
// the .crate, which every version has.
func (Format) Locate(a cache.AssetKey, l *cache.Listing) (format.Ref, error) {
	v := l.Version(a.Version)
	if v == nil {
		return format.Ref{}, fmt.Errorf("%s has no version %s: %w", a.Package.Name, a.Version, cache.ErrAbsent)
	}
	if a.Asset != "" && a.Asset != assetName(a.Package, a.Version) {
		return format.Ref{}, cache.ErrAbsent
	}
	line, err := v.Raw.Append(nil)
	if err != nil {
		return format.Ref{}, err
	}
	e, err := readEntry(line)
	if err != nil {
		return format.Ref{}, fmt.Errorf("%s %s: %w", a.Package.Name, a.Version, err)
	}
	sum, err := hex.DecodeString(e.cksum)
	if err != nil {
		return format.Ref{}, err
	}
	ref := format.Ref{Sums: []cache.Sum{{Algorithm: "sha256", Value: sum}}}
	head, err := l.Head.Append(nil)
	if err != nil || len(head) == 0 {
		return ref, err // the listing is of what we hold; nobody fetches by it
	}
	var c config
	if err := json.Unmarshal(head, &c); err != nil {
		return format.Ref{}, fmt.Errorf("%s: %w", a.Package.Name, err)
	}
	if c.DL != "" {
		ref.URL = c.download(e)
	}
	return ref, nil
}

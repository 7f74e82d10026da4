package pypi

import (
	"fmt"
	"net/http"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// maxReason is the longest reason for a yank; it is shown in one line.
const maxReason = 1024

// yank yanks all files of a release that was published into the repository, or unyanks them (PEP 592). What came from a
// registry is yanked there.
func yank(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	value := []byte("false")
	if want.View == serveYank {
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		value = []byte("true")
		switch reason := r.FormValue("reason"); {
		case len(reason) > maxReason:
			return cache.Invalidf("a reason has at most %d bytes", maxReason)
		case reason != "":
			value = jsonrange.AppendString(nil, reason)
		}
	}
	err := d.Edit(r.Context(), want.Package, func(h *cache.Holding) error {
		v := h.Version(want.Version)
		if v == nil {
			return fmt.Errorf("%s %s has not been published into this repository: %w", want.Package.Name, want.Version, cache.ErrAbsent)
		}
		if !v.Origin.Internal() {
			return &cache.Invalid{Status: http.StatusForbidden, Reason: fmt.Sprintf("%s %s came from %s, and is yanked there", want.Package.Name, want.Version, v.Origin.Connection)}
		}
		meta, err := setYanked(v.Meta, value)
		if err == nil {
			v.Meta = meta
		}
		return err
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// setYanked gives the objects of files a value of "yanked".
func setYanked(meta, value []byte) ([]byte, error) {
	var out []byte
	err := eachFile(bytesFragment(meta), func(object []byte) error {
		if len(out) > 0 {
			out = append(out, ',')
		}
		b := []byte{'{'}
		s := jsonrange.Bytes(object)
		err := s.Object(func(key []byte) error {
			if string(key) == "yanked" {
				return nil
			}
			var err error
			b = jsonrange.AppendKey(b, string(key))
			b, err = s.Raw(b, maxObject)
			return err
		})
		out = append(out, append(jsonrange.AppendMember(b, "yanked", value), '}')...)
		return err
	})
	return out, err
}

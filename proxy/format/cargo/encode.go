package cargo

import (
	"bytes"
	"fmt"
	"io"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Encode writes the lines of a crate, in the order of the listing. Versions that rules refuse leave it; those that are
// Unlisted stay, as yanked, since lockfiles that name them go on working.
func (Format) Encode(w io.Writer, l *cache.Listing, v format.View) error {
	if v.Name != viewIndex {
		return fmt.Errorf("view %q of a crate", v.Name)
	}
	var buf []byte
	for i := range l.Versions {
		v := &l.Versions[i]
		if v.Refused != "" || !v.Status.Served() {
			continue
		}
		var err error
		if buf, err = v.Raw.Append(buf[:0]); err != nil {
			return err
		}
		line, err := adapt(buf, v)
		if err != nil {
			return fmt.Errorf("%s %s: %w", l.Package.Name, v.Version, err)
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
		if _, err := w.Write(newline); err != nil {
			return err
		}
	}
	return nil
}

var newline = []byte{'\n'}

// adapt brings into a line what we know better: that the version is yanked here, and when it was published if the line
// does not say.
func adapt(line []byte, v *cache.Version) ([]byte, error) {
	yanked := v.Status == cache.Unlisted
	timed := v.Published.IsZero() || bytes.Contains(line, []byte(`"pubtime"`))
	if !yanked && timed {
		return line, nil // as nearly all are
	}
	e, err := readEntry(line)
	if err != nil {
		return nil, err
	}
	if yanked {
		line = setYanked(line, e, "true")
	}
	if !timed {
		line = appendMember(line, "pubtime", `"`+v.Published.UTC().Format(pubtimeLayout)+`"`)
	}
	return line, nil
}

package pypi

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// flushAt is how much is gathered before it is written.
const flushAt = 64 << 10

// Encode writes a project's document as JSON or as HTML. If rules refuse every version there is, it is a
// *cache.Refused, and nothing is written.
func (Format) Encode(w io.Writer, l *cache.Listing, view format.View) error {
	e := &encoder{w: w, l: l, base: view.Base, sized: true}
	status, _ := readStatus(l.Head)
	e.quarantined = status == quarantined
	if err := e.refused(); err != nil {
		return err
	}
	name, native := strings.CutPrefix(view.Name, nativePrefix)
	e.native = native
	switch name {
	case viewJSON:
		return e.json()
	case viewHTML:
		return e.html()
	}
	return fmt.Errorf("pypi has no view %q", view.Name)
}

type encoder struct {
	w           io.Writer
	l           *cache.Listing
	base        string
	native      bool // for a client that asked the registry itself
	quarantined bool
	b           []byte // gathered, not yet written
	sized       bool   // every file so far has a size
	meta        []byte // the registry's own
}

// visible reports whether clients see a version in the index.
func (e *encoder) visible(v *cache.Version) bool {
	return v.Refused == "" && v.Status.Listed() && (!e.quarantined || v.Origin.Internal())
}

// refused is the error if rules have left nothing.
func (e *encoder) refused() error {
	var reasons []string
	for i := range e.l.Versions {
		v := &e.l.Versions[i]
		if e.visible(v) {
			return nil
		}
		if v.Refused != "" && v.Status.Listed() && !slices.Contains(reasons, v.Refused) {
			reasons = append(reasons, v.Refused)
		}
	}
	if reasons == nil {
		return nil
	}
	const most = 10 // what fits on a terminal
	return &cache.Refused{Rule: "the rules for " + e.l.Package.Name, Reason: strings.Join(reasons[:min(most, len(reasons))], "; ")}
}

func (e *encoder) json() error {
	e.b = appendText(append(e.b, '{'), "name", e.l.Package.Name)
	if err := e.head(); err != nil {
		return err
	}
	e.b = append(jsonrange.AppendKey(e.b, "versions"), '[')
	for i := range e.l.Versions {
		if v := &e.l.Versions[i]; e.visible(v) {
			e.b = append(jsonrange.AppendString(e.b, v.Version), ',')
		}
		if err := e.spill(); err != nil {
			return err
		}
	}
	e.b = append(trimComma(e.b), `],"files":[`...)
	err := e.each(func(v *cache.Version, object []byte, f *file) error {
		e.b = append(e.b, '{')
		err := e.file(v, object, f)
		e.b = append(e.b, "},"...)
		return err
	})
	if err != nil {
		return err
	}
	e.b = append(trimComma(e.b), ']')
	if err := e.ownMeta(); err != nil {
		return err
	}
	e.b = append(e.b, '}')
	_, err = e.w.Write(e.b)
	return err
}

func trimComma(b []byte) []byte {
	if b[len(b)-1] == ',' {
		return b[:len(b)-1]
	}
	return b
}

// head copies the document's own members, known or not.
func (e *encoder) head() error {
	if e.l.Head.Len == 0 {
		return nil
	}
	s := jsonrange.New(e.l.Head.Reader())
	return s.Object(func(key []byte) error {
		var err error
		switch k := string(key); {
		case k == "meta":
			e.meta, err = s.Raw(nil, maxHead)
		case k == "name", k == "versions", k == "files", strings.HasPrefix(k, "_"):
		default:
			e.b = jsonrange.AppendKey(e.b, k)
			e.b, err = s.Raw(e.b, maxHead)
		}
		return err
	})
}

// ownMeta writes what is about the document itself. From 1.1 on every file must have a size (PEP 700); where a registry
// has none, the document is of version 1.0.
func (e *encoder) ownMeta() error {
	version := apiVersion
	if !e.sized {
		version = "1.0"
	}
	e.b = appendText(append(jsonrange.AppendKey(e.b, "meta"), '{'), "api-version", version)
	s := jsonrange.Bytes(e.meta)
	if s.Kind() == jsonrange.Object {
		err := s.Object(func(key []byte) error {
			if string(key) == "api-version" {
				return nil
			}
			var err error
			e.b = jsonrange.AppendKey(e.b, string(key))
			e.b, err = s.Raw(e.b, maxHead)
			return err
		})
		if err != nil {
			return err
		}
	}
	e.b = append(e.b, '}')
	return nil
}

// each calls fn for every file that clients see, and writes what is gathered once it is much.
func (e *encoder) each(fn func(v *cache.Version, object []byte, f *file) error) error {
	for i := range e.l.Versions {
		v := &e.l.Versions[i]
		if !e.visible(v) {
			continue
		}
		err := eachFile(v.Raw, func(object []byte) error {
			f, err := readFile(object)
			if err != nil || f.name == "" {
				return err
			}
			if err := fn(v, object, &f); err != nil {
				return err
			}
			return e.spill()
		})
		if err != nil {
			return fmt.Errorf("%s %s: %w", e.l.Package.Name, v.Version, err)
		}
	}
	return nil
}

// spill holds back a byte, which says whether a comma has to go.
func (e *encoder) spill() error {
	n := len(e.b) - 1
	if n < flushAt {
		return nil
	}
	_, err := e.w.Write(e.b[:n])
	e.b = append(e.b[:0], e.b[n])
	return err
}

// file writes the members of a file's object: as they are, but addresses become ours.
func (e *encoder) file(v *cache.Version, object []byte, f *file) error {
	e.sized = e.sized && f.size >= 0
	s := jsonrange.Bytes(object)
	err := s.Object(func(key []byte) error {
		switch k := string(key); {
		case k == "url":
			e.b = appendText(e.b, k, e.address(v, f))
		case k == "provenance" && f.provenance != "":
			e.b = appendText(e.b, k, e.provenance(v.Version, f))
		case k == "core-metadata", k == "dist-info-metadata", k == "data-dist-info-metadata", strings.HasPrefix(k, "_"):
		default:
			var err error
			e.b = jsonrange.AppendKey(e.b, k)
			e.b, err = s.Raw(e.b, maxObject)
			return err
		}
		return nil
	})
	if m := e.metadata(v, f); m != nil {
		e.b = jsonrange.AppendMember(e.b, "core-metadata", m)
		e.b = jsonrange.AppendMember(e.b, "data-dist-info-metadata", m) // the name of PEP 658, which older clients look for
	}
	return err
}

// link is where a file is, relative to its project's document.
func link(version, file string) string { return url.PathEscape(version) + "/" + url.PathEscape(file) }

// provenance is where a file's provenance is; the address has to be absolute (PEP 740).
func (e *encoder) provenance(version string, f *file) string {
	if e.native {
		return f.provenance
	}
	file := f.name
	return e.base + "integrity/" + e.l.Package.Name + "/" + link(version, file) + "/provenance"
}

// metadata says what is known of a file's core metadata. Of a registry's wheel there is some, unless the registry knows
// better: see metadataRef.
func (e *encoder) metadata(v *cache.Version, f *file) []byte {
	if f.metadata == nil && !f.bare && isWheel(f.name) && !v.Origin.Internal() {
		return []byte("true")
	}
	return f.metadata
}

package npm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

const (
	// maxPackument is five times the largest document that we heard of.
	maxPackument = 512 << 20
	// maxManifest is what one version may take; npm refuses far smaller ones.
	maxManifest = 8 << 20
	// maxVersions bounds what a hostile document can make of its bytes; the largest packages have some 40,000.
	maxVersions = 500_000
	// maxHead is how much of a document, besides its versions and times, is kept in memory. Readmes are 64 KiB.
	maxHead = 4 << 20
)

// Listing reads the full packument: only it says when each version was published.
func (Format) Listing(ctx context.Context, p cache.Package, get format.Getter) (*cache.Listing, error) {
	doc, err := get.Get(ctx, format.Query{Path: escapedName(p), Accept: jsonType, Max: maxPackument})
	if err != nil {
		return nil, err
	}
	l, err := readPackument(p, doc, doc.Size)
	if err != nil {
		doc.Close()
		return nil, &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("its document of %s: %w", fullName(p), err)}
	}
	l.Closers = append(l.Closers, doc)
	return l, nil
}

// packument gathers a listing from a scan.
type packument struct {
	s       *jsonrange.Scanner
	doc     io.ReaderAt
	l       *cache.Listing
	known   map[string]int // version to its place in l.Versions
	times   map[string]time.Time
	changed time.Time // "modified" at the top, which abbreviated documents have
	name    string
	head    []byte // the other members, as an object that is not closed yet
	kept    []byte // of "time", what is about no version
}

func readPackument(p cache.Package, doc io.ReaderAt, size int64) (*cache.Listing, error) {
	d := &packument{
		s: jsonrange.New(io.NewSectionReader(doc, 0, size)), doc: doc, head: []byte{'{'}, kept: []byte{'{'},
		l: &cache.Listing{Package: p, Tags: make(map[string]string)}, known: make(map[string]int), times: make(map[string]time.Time),
	}
	if err := d.s.Object(d.member); err != nil {
		return nil, err
	}
	if err := d.s.End(); err != nil {
		return nil, err
	}
	if d.name == "" && d.l.Versions == nil {
		return nil, fmt.Errorf("it has neither a name nor versions")
	}
	if d.name != "" && d.name != fullName(p) {
		return nil, fmt.Errorf("it is about %.100q", d.name)
	}
	d.finish()
	return d.l, nil
}

func (d *packument) member(key []byte) error {
	switch k := string(key); k {
	case "versions":
		d.l.Versions = d.l.Versions[:0]
		clear(d.known)
		return d.each(jsonrange.Object, d.version)
	case "dist-tags":
		return d.each(jsonrange.Object, d.tag)
	case "time":
		return d.each(jsonrange.Object, d.time)
	case "_attachments":
		return nil
	case "name":
		return d.text(&d.name, maxName, k)
	case "modified":
		var modified string
		err := d.text(&modified, 64, "")
		d.changed, _ = time.Parse(time.RFC3339, modified)
		return err
	default:
		return d.keep(k)
	}
}

// each visits the members of the value that comes next, if it is an object.
func (d *packument) each(kind jsonrange.Kind, fn func(key []byte) error) error {
	if d.s.Kind() != kind {
		return nil
	}
	return d.s.Object(fn)
}

// text reads a string into dst, and keeps it in the head if it has a key there.
func (d *packument) text(dst *string, limit int, key string) error {
	if d.s.Kind() != jsonrange.String {
		return nil
	}
	var err error
	if *dst, err = d.s.Text(limit); err == nil && key != "" {
		d.head = jsonrange.AppendMember(d.head, key, jsonrange.AppendString(nil, *dst))
	}
	return err
}

// keep copies a member that is the package's own. The scan has read it already, so that copying costs little, and
// encoding need not read the whole document again for its readme.
func (d *packument) keep(key string) error {
	raw, err := d.s.Raw(nil, maxHead-len(d.head))
	if err == nil {
		d.head = jsonrange.AppendMember(d.head, key, raw)
	}
	return err
}

func (d *packument) version(key []byte) error {
	v := string(key)
	r, err := d.s.Skip()
	if err != nil || r.Kind != jsonrange.Object || !servable(v) {
		return err
	}
	if r.Len > maxManifest {
		return fmt.Errorf("version %s takes %d bytes, more than %d", v, r.Len, maxManifest)
	}
	raw := cache.Fragment{Doc: d.doc, Off: r.Off, Len: r.Len}
	if i, ok := d.known[v]; ok { // as in JavaScript, the last one counts
		d.l.Versions[i].Raw = raw
		return nil
	}
	if len(d.known) == maxVersions {
		return fmt.Errorf("it has more than %d versions", maxVersions)
	}
	d.known[v] = len(d.l.Versions)
	d.l.Versions = append(d.l.Versions, cache.Version{Version: v, Raw: raw})
	return nil
}

func (d *packument) tag(key []byte) error {
	tag := string(key)
	if d.s.Kind() != jsonrange.String || !readable(tag) || len(d.l.Tags) == maxVersions {
		return nil
	}
	v, err := d.s.Text(maxVersion)
	if err == nil && servable(v) {
		d.l.Tags[tag] = v
	}
	return err
}

func (d *packument) time(key []byte) error {
	switch k := string(key); {
	case k == "created", k == "unpublished": // that is, withdrawn; npm shows by whom and when
		raw, err := d.s.Raw(nil, maxHead-len(d.head)-len(d.kept))
		d.kept = jsonrange.AppendMember(d.kept, k, raw)
		return err
	case d.s.Kind() != jsonrange.String || len(d.times) > maxVersions:
		return nil
	default:
		text, err := d.s.Text(64)
		if t, e := time.Parse(time.RFC3339, text); e == nil {
			d.times[k] = t
		}
		return err
	}
}

// finish puts together what stands in different places of the document.
func (d *packument) finish() {
	newest := d.changed
	for i := range d.l.Versions {
		v := &d.l.Versions[i]
		v.Published = d.times[v.Version]
		if v.Published.After(newest) {
			newest = v.Published
		}
	}
	if m, ok := d.times["modified"]; ok {
		newest = m
	}
	d.l.Modified = newest
	if len(d.kept) > 1 {
		d.head = jsonrange.AppendMember(d.head, "time", append(d.kept, '}'))
	}
	d.head = append(d.head, '}')
	d.l.Head = cache.Fragment{Doc: bytes.NewReader(d.head), Len: int64(len(d.head))}
}

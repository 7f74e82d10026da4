package pypi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

const (
	// maxDocument is ten times the largest project's document that we heard of.
	maxDocument = 256 << 20
	// maxObject is what the object of one file may take; they have 1 KB.
	maxObject = 1 << 20
	// maxFiles bounds what a hostile document can make of its bytes; the largest projects have some 30,000.
	maxFiles = 500_000
	// maxHead is how much of a document, besides its files and versions, is kept in memory.
	maxHead = 1 << 20
	// maxHTML bounds the documents that are no JSON, and so have to be turned into it in memory.
	maxHTML = 32 << 20
)

// documentMember is where the head keeps the document's own address, to which links are relative.
const documentMember = "_document"

// Listing reads a project's document from the simple index. The files of a quarantined project are left out: installers
// must not have them (PEP 792).
func (Format) Listing(ctx context.Context, p cache.Package, get format.Getter) (*cache.Listing, error) {
	doc, err := get.Get(ctx, format.Query{Path: url.PathEscape(p.Name) + "/", Accept: askFor, Max: maxDocument})
	if err != nil {
		return nil, err
	}
	l, err := readDocument(p, doc)
	if err != nil {
		doc.Close()
		return nil, &cache.Unavailable{Connection: get.Connection(), Err: fmt.Errorf("its document of %s: %w", p.Name, err)}
	}
	l.Closers = append(l.Closers, doc)
	if status, _ := readStatus(l.Head); status == quarantined {
		l.Versions = nil
	}
	return l, nil
}

func readDocument(p cache.Package, doc *cache.Document) (*cache.Listing, error) {
	d := &document{
		doc: doc, base: doc.URL, l: &cache.Listing{Package: p, Tags: map[string]string{}}, head: []byte{'{'},
		known: make(map[string]int), more: make(map[int][]jsonrange.Range),
	}
	json, err := isJSON(doc)
	if err != nil {
		return nil, err
	}
	if json {
		err = d.readJSON(doc.Reader())
	} else {
		err = d.readHTML(doc.Reader())
	}
	if err != nil {
		return nil, err
	}
	return d.l, d.finish()
}

// isJSON tells the form of a document by what the registry calls it, else by its first character.
func isJSON(doc *cache.Document) (bool, error) {
	switch kind, _, _ := strings.Cut(strings.ToLower(doc.ContentType), ";"); {
	case strings.HasSuffix(kind, "json"):
		return true, nil
	case strings.HasSuffix(kind, "html"):
		return false, nil
	}
	var b [64]byte
	n, err := doc.ReadAt(b[:min(int64(len(b)), doc.Size)], 0)
	if err != nil && err != io.EOF {
		return false, err
	}
	return bytes.HasPrefix(bytes.TrimSpace(b[:n]), []byte{'{'}), nil
}

// document gathers a listing from a scan.
type document struct {
	doc   io.ReaderAt // with the files' objects
	base  string      // to which links are relative
	l     *cache.Listing
	head  []byte // the other members, as an object that is not closed yet
	files int
	known map[string]int            // version to its place in l.Versions
	last  int                       // the version of the file before, and one more
	more  map[int][]jsonrange.Range // of versions whose files do not stand together, where
}

func (d *document) readJSON(r io.Reader) error {
	s := jsonrange.New(r)
	err := s.Object(func(key []byte) error {
		switch k := string(key); k {
		case "versions", documentMember:
			return nil
		case "files":
			if s.Kind() != jsonrange.Array {
				return nil
			}
			return s.Array(func() error { return d.file(s) })
		default:
			raw, err := s.Raw(nil, maxHead-len(d.head))
			if err == nil {
				d.head = jsonrange.AppendMember(d.head, k, raw)
			}
			return err
		}
	})
	if err != nil {
		return err
	}
	return s.End()
}

// file takes a file's object. One that no installer would take, for its name or for want of an address, is left out.
func (d *document) file(s *jsonrange.Scanner) error {
	if s.Kind() != jsonrange.Object {
		return nil
	}
	r := jsonrange.Range{Off: s.Offset()}
	var name, address, uploaded string
	err := s.Object(func(key []byte) error {
		var err error
		switch string(key) {
		case "filename":
			name, err = text(s)
		case "url":
			address, err = text(s)
		case "upload-time":
			uploaded, err = text(s)
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.Len = s.Offset() - r.Off; r.Len > maxObject {
		return fmt.Errorf("the object of %.100q takes %d bytes, more than %d", name, r.Len, maxObject)
	}
	version, ok := versionOf(d.l.Package.Name, name)
	if !ok || address == "" {
		d.last = 0
		return nil
	}
	if d.files++; d.files > maxFiles {
		return fmt.Errorf("it has more than %d files", maxFiles)
	}
	d.add(version, r, parseTime(uploaded))
	return nil
}

// add adds a file to its version. Files that stand together in the document are one range.
func (d *document) add(version string, r jsonrange.Range, uploaded time.Time) {
	i, known := d.known[version]
	if !known {
		i = len(d.l.Versions)
		d.known[version] = i
		d.l.Versions = append(d.l.Versions, cache.Version{
			Version: version, Published: uploaded, Raw: cache.Fragment{Doc: d.doc, Off: r.Off, Len: r.Len},
		})
	}
	v := &d.l.Versions[i]
	switch {
	case !known:
	case d.last == i+1 && d.more[i] == nil:
		v.Raw.Len = r.Off + r.Len - v.Raw.Off
	default:
		d.more[i] = append(d.more[i], r)
	}
	d.last = i + 1
	if !uploaded.IsZero() && (v.Published.IsZero() || uploaded.Before(v.Published)) {
		v.Published = uploaded
	}
	if uploaded.After(d.l.Modified) {
		d.l.Modified = uploaded
	}
}

// finish puts together what stands in different places of the document.
func (d *document) finish() error {
	for i, ranges := range d.more {
		v := &d.l.Versions[i]
		b, err := v.Raw.Append(nil)
		for _, r := range ranges {
			if err == nil {
				b, err = cache.Fragment{Doc: d.doc, Off: r.Off, Len: r.Len}.Append(append(b, ','))
			}
		}
		if err != nil {
			return err
		}
		v.Raw = bytesFragment(b)
	}
	if d.base != "" {
		d.head = appendText(d.head, documentMember, d.base)
	}
	d.l.Head = bytesFragment(append(d.head, '}'))
	return nil
}

// quarantined is the status of a project that nobody should install (PEP 792).
const quarantined = "quarantined"

// readStatus reads the project's status and its reason from a head; both are empty if it has none.
func readStatus(head cache.Fragment) (status, reason string) {
	_ = headMember(head, "project-status", func(s *jsonrange.Scanner) error {
		if s.Kind() != jsonrange.Object {
			return nil
		}
		return s.Object(func(key []byte) error {
			var err error
			switch string(key) {
			case "status":
				status, err = text(s)
			case "reason":
				reason, err = text(s)
			}
			return err
		})
	})
	return status, reason
}

// headMember calls fn before the value of a member of a head, if the head has it.
func headMember(head cache.Fragment, name string, fn func(s *jsonrange.Scanner) error) error {
	if head.Len == 0 {
		return nil
	}
	s := jsonrange.New(head.Reader())
	return s.Object(func(key []byte) error {
		if string(key) == name {
			return fn(s)
		}
		return nil
	})
}

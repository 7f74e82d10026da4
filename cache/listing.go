package cache

import (
	"errors"
	"io"
	"time"
)

// Listing is what an index says about a package, in neutral form. Big documents stay on disk: a listing knows where in
// a document a version's own bytes stand. It is immutable once made; Close lets go of the documents behind it.
type Listing struct {
	Package  Package
	Versions []Version         // in the order of the document, or of publication
	Tags     map[string]string // tag to version
	Head     Fragment          // the document without its versions, or the part of it that the format keeps
	Others   []Fragment        // of a merged listing: the heads of the other places that have one, nearest first
	Modified time.Time         // newest change that the document admits
	Closers  []io.Closer       // the documents that fragments read from
}

// Version is one version of a listing.
type Version struct {
	Version   string
	Published time.Time // zero where the registry gives none
	Status    Status
	Origin    Origin
	Raw       Fragment // the version's own bytes
	Refused   string   // why rules hide it; empty: it is allowed
}

// Fragment is a range of a document.
type Fragment struct {
	Doc io.ReaderAt // nil: empty
	Off int64
	Len int64
}

// Append appends the fragment's bytes to b.
func (f Fragment) Append(b []byte) ([]byte, error) {
	if f.Doc == nil {
		return b, nil
	}
	n := len(b)
	b = append(b, make([]byte, f.Len)...)
	if _, err := f.Doc.ReadAt(b[n:], f.Off); err != nil && !(errors.Is(err, io.EOF) && f.Len == 0) {
		return b[:n], err
	}
	return b, nil
}

// Reader reads the fragment's bytes.
func (f Fragment) Reader() *io.SectionReader {
	if f.Doc == nil {
		return io.NewSectionReader(noBytes{}, 0, 0)
	}
	return io.NewSectionReader(f.Doc, f.Off, f.Len)
}

type noBytes struct{}

func (noBytes) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }

// Version returns the version with that name, or nil.
func (l *Listing) Version(v string) *Version {
	for i := range l.Versions {
		if l.Versions[i].Version == v {
			return &l.Versions[i]
		}
	}
	return nil
}

// Close lets go of the documents behind the listing. It may be called on nil.
func (l *Listing) Close() error {
	if l == nil {
		return nil
	}
	var errs []error
	for _, c := range l.Closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

package pypi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// Locate finds a file, its core metadata, its provenance or its signature by the file's object. The asset "" is the file
// that stands for the version: the one that was uploaded first.
func (Format) Locate(a cache.AssetKey, l *cache.Listing) (format.Ref, error) {
	v := l.Version(a.Version)
	if v == nil {
		return format.Ref{}, fmt.Errorf("%s has no version %s: %w", a.Package.Name, a.Version, cache.ErrAbsent)
	}
	files, err := filesOf(v.Raw)
	if err != nil {
		return format.Ref{}, fmt.Errorf("%s %s: %w", a.Package.Name, a.Version, err)
	}
	if a.Asset == "" {
		return format.Ref{Sums: sums(first(files).hashes)}, nil
	}
	base, err := baseOf(l)
	if err != nil {
		return format.Ref{}, err
	}
	for i := range files {
		if ref, err := files[i].locate(a, base); !errors.Is(err, cache.ErrAbsent) {
			ref.Published = files[i].time()
			return ref, err
		}
	}
	return format.Ref{}, fmt.Errorf("%s %s has no %s: %w", a.Package.Name, a.Version, a.Asset, cache.ErrAbsent)
}

// locate finds an asset if it is the file, or one about it; else it is cache.ErrAbsent.
func (f *file) locate(a cache.AssetKey, base *url.URL) (format.Ref, error) {
	switch suffix, ok := strings.CutPrefix(a.Asset, f.name); {
	case !ok:
	case suffix == "":
		return f.ref(a, base)
	case suffix == metadataSuffix && (isWheel(f.name) || f.metadata != nil):
		return f.metadataRef(a, base)
	case suffix == provenanceSuffix && f.provenance != "":
		return f.provenanceRef(base)
	case suffix == signatureSuffix && string(f.signed) != "false":
		return f.signatureRef(base)
	}
	return format.Ref{}, cache.ErrAbsent
}

func filesOf(raw cache.Fragment) ([]file, error) {
	var files []file
	err := eachFile(raw, func(object []byte) error {
		f, err := readFile(object)
		if f.name != "" {
			files = append(files, f)
		}
		return err
	})
	return files, err
}

// first is the file that was uploaded first, of several by name; those without a time come last. What a registry adds to
// a version comes later, so that this one stays the same.
func first(files []file) file {
	return slices.MinFunc(append(files, file{name: "\uFFFF"}), func(a, b file) int {
		ta, tb := a.time(), b.time()
		switch {
		case ta.IsZero() != tb.IsZero():
			return map[bool]int{true: 1, false: -1}[ta.IsZero()]
		case !ta.Equal(tb):
			return ta.Compare(tb)
		}
		return strings.Compare(a.name, b.name)
	})
}

// baseOf is the address of the document, to which links are relative.
func baseOf(l *cache.Listing) (*url.URL, error) {
	var address string
	err := headMember(l.Head, documentMember, func(s *jsonrange.Scanner) error {
		var err error
		address, err = text(s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return url.Parse(address)
}

// resolve makes a link absolute, if the document's own address is.
func resolve(base *url.URL, link, suffix string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" || u.Scheme != "" && u.Host == "" {
		return "", cache.Invalidf("the registry keeps it at %.200q, which is no address of the web", link)
	}
	u = base.ResolveReference(u)
	u.Fragment, u.RawFragment = "", ""
	if suffix != "" { // of the path: a query of the link is the file's
		u.RawPath = u.EscapedPath() + suffix
		u.Path += suffix
	}
	return u.String(), nil
}

func (f *file) ref(a cache.AssetKey, base *url.URL) (format.Ref, error) {
	ref := format.Ref{Sums: sums(f.hashes), Size: max(f.size, 0)}
	if ref.Sums == nil {
		ref.Check = func(r io.ReaderAt, size int64) error { return checkDistribution(r, size, f.name, a) }
	}
	var err error
	ref.URL, err = resolve(base, f.url, "")
	return ref, err
}

// metadataRef is where core metadata is: with the file where the registry has it (PEP 658), else in the wheel.
func (f *file) metadataRef(a cache.AssetKey, base *url.URL) (format.Ref, error) {
	address, err := resolve(base, f.url, metadataSuffix)
	ref := format.Ref{URL: address, Sums: sums(f.metadataHashes())}
	if ref.Sums == nil {
		ref.Check = func(r io.ReaderAt, size int64) error { return checkMetadata(r, size, a) }
	}
	if f.metadata == nil && err == nil {
		ref.URL = ""
		wheel, e := resolve(base, f.url, "")
		ref.Make, err = func(ctx context.Context, get format.Getter) ([]byte, error) { return makeMetadata(ctx, get, wheel, f) }, e
	}
	return ref, err
}

func (f *file) provenanceRef(base *url.URL) (format.Ref, error) {
	address, err := resolve(base, f.provenance, "")
	return format.Ref{
		URL: address, Accept: typeProvenance + ", application/json;q=0.5",
		Check: func(r io.ReaderAt, size int64) error { return jsonrange.Valid(io.NewSectionReader(r, 0, size)) },
	}, err
}

func (f *file) signatureRef(base *url.URL) (format.Ref, error) {
	address, err := resolve(base, f.url, signatureSuffix)
	return format.Ref{URL: address, Check: checkSignature}, err
}

// checkSignature accepts an armoured signature (RFC 9580 §6.2).
func checkSignature(r io.ReaderAt, size int64) error {
	head := make([]byte, min(size, 64))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(head), []byte("-----BEGIN PGP")) {
		return fmt.Errorf("it is no armoured signature")
	}
	return nil
}

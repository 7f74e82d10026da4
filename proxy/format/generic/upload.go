package generic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// maxAsset is the largest file, in bytes: the service's 5 GB.
const maxAsset = 5 << 30

// Serve answers uploads and deletions.
func (f *Format) Serve(w http.ResponseWriter, r *http.Request, want format.Want, _ format.View, d format.Desk) error {
	switch want.View {
	case viewPut:
		return f.put(w, r, want, d)
	case viewDelete:
		return remove(w, r, want, d)
	}
	return fmt.Errorf("generic has no service %q: %w", want.View, cache.ErrAbsent)
}

// put takes a file. Of If-None-Match only "*" is understood: 412 if there is a file of that name, whatever its bytes.
func (f *Format) put(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	ctx := r.Context()
	expected, err := checkUpload(r)
	if err != nil {
		return err
	}
	only := r.Header.Get("If-None-Match") != ""
	if only {
		if err := vacant(ctx, want, d); err != nil {
			return err
		}
	}
	s, sums, err := receive(r, d, expected)
	if err != nil {
		return err
	}
	defer s.Close()
	if only { // it may have come in the meantime
		if err := vacant(ctx, want, d); err != nil {
			return err
		}
	}
	m := meta{Assets: []file{describe(want.Asset, s.Size(), sums)}}
	b, err := m.encode()
	if err != nil {
		return err
	}
	err = d.Publish(ctx, &format.Publication{
		Package: want.Package, Version: want.Version, Meta: b, Merge: true, Join: f.Join,
		Assets: []format.File{{Name: want.Asset, Spool: s, Known: sums[1:]}}, // the first is the digest, which the store computes
	})
	if err != nil {
		return err
	}
	f.Annotate(w.Header(), cache.Asset{Digest: blob.Digest(sums[0].Value), Sums: sums})
	w.Header().Set("Content-Type", typeJSON)
	w.WriteHeader(http.StatusCreated)
	return write(w, m.Assets[0])
}

// checkUpload reads the head of an upload: what cannot be done is refused before the body comes.
func checkUpload(r *http.Request) ([]cache.Sum, error) {
	condition := r.Header.Get("If-None-Match")
	coding := strings.ToLower(r.Header.Get("Content-Encoding"))
	switch {
	case condition != "" && condition != "*":
		return nil, cache.Invalidf("If-None-Match: only * is understood here")
	case coding != "" && coding != "identity":
		return nil, &cache.Invalid{Status: http.StatusUnsupportedMediaType, Reason: "files are kept as they are; send it without Content-Encoding"}
	case r.Header.Get("Content-Range") != "": // RFC 9110 §14.5
		return nil, cache.Invalidf("a part of a file cannot be put")
	case r.ContentLength > maxAsset:
		return nil, fmt.Errorf("a file of %d bytes, at most %d are taken: %w", r.ContentLength, int64(maxAsset), cache.ErrTooLarge)
	}
	return promised(r.Header)
}

// receive spools the body, and returns its sums: SHA-256, SHA-1, MD5 and what else was promised, all promises kept. The
// caller closes the spool.
func receive(r *http.Request, d format.Desk, expected []cache.Sum) (blob.Spool, []cache.Sum, error) {
	s, err := d.Spool(r.Context(), r.ContentLength)
	if err != nil {
		return nil, nil, err
	}
	var hashes []hash.Hash
	var names []string
	writers := []io.Writer{s}
	for _, a := range algorithms {
		wanted := slices.ContainsFunc(expected, func(s cache.Sum) bool { return s.Algorithm == a.name })
		if wanted || a.name != "sha512" { // it costs as much as the others together, and hardly anyone asks for it
			h := a.new()
			hashes, names, writers = append(hashes, h), append(names, a.name), append(writers, h)
		}
	}
	n, err := io.Copy(io.MultiWriter(writers...), io.LimitReader(r.Body, maxAsset+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = cache.Invalidf("the body ends after %d bytes", n)
	case err == nil && n > maxAsset:
		err = fmt.Errorf("a file of more than %d bytes: %w", int64(maxAsset), cache.ErrTooLarge)
	}
	var sums []cache.Sum
	for i, h := range hashes {
		sums = append(sums, cache.Sum{Algorithm: names[i], Value: h.Sum(nil)})
	}
	if err == nil {
		err = kept(expected, sums)
	}
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, sums, nil
}

// kept compares what was promised with what came.
func kept(expected, sums []cache.Sum) error {
	for _, e := range expected {
		for _, s := range sums {
			if s.Algorithm == e.Algorithm && !bytes.Equal(s.Value, e.Value) {
				return cache.Invalidf("the %s of the body is %x, and %x was promised", e.Algorithm, s.Value, e.Value)
			}
		}
	}
	return nil
}

// vacant is an error if there is a file of that name: in the repository, or published into one upstream.
func vacant(ctx context.Context, want format.Want, d format.Desk) error {
	taken := &cache.Invalid{Status: http.StatusPreconditionFailed, Reason: fmt.Sprintf("%s %s %s is there already", want.Package, want.Version, want.Asset)}
	err := d.Edit(ctx, want.Package, func(h *cache.Holding) error {
		if v := h.Version(want.Version); v != nil && slices.ContainsFunc(v.Assets, func(a cache.Asset) bool { return a.Name == want.Asset }) {
			return taken
		}
		return errLooked
	})
	if err != nil && !errors.Is(err, errLooked) && !errors.Is(err, cache.ErrAbsent) {
		return err
	}
	l, err := d.Listing(ctx, want.Package)
	if errors.Is(err, cache.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	defer l.Close()
	v := l.Version(want.Version)
	if v == nil {
		return nil
	}
	b, err := v.Raw.Append(nil)
	if err != nil {
		return err
	}
	if m, err := readMeta(b); err != nil || m.index(want.Asset) >= 0 {
		return errors.Join(err, taken)
	}
	return nil
}

// remove deletes a file that was published into the repository, and with its last file the version.
func remove(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	err := d.Edit(r.Context(), want.Package, func(h *cache.Holding) error {
		v := h.Version(want.Version)
		if v == nil {
			return fmt.Errorf("this repository holds no version %s: %w", want.Version, cache.ErrAbsent)
		}
		i := slices.IndexFunc(v.Assets, func(a cache.Asset) bool { return a.Name == want.Asset })
		if i < 0 {
			return fmt.Errorf("version %s has no %s here: %w", want.Version, want.Asset, cache.ErrAbsent)
		}
		if !v.Origin.Internal() {
			return &cache.Invalid{Status: http.StatusForbidden, Reason: fmt.Sprintf("%s cannot be deleted here: it came from %s", want.Asset, v.Origin.Connection)}
		}
		if len(v.Assets) == 1 {
			h.Versions = slices.DeleteFunc(slices.Clone(h.Versions), func(s cache.Stored) bool { return s.Version == want.Version })
			return nil
		}
		m, err := readMeta(v.Meta)
		if err != nil {
			return err
		}
		m.Assets = slices.DeleteFunc(m.Assets, func(f file) bool { return f.Name == want.Asset })
		v.Assets = slices.Delete(slices.Clone(v.Assets), i, i+1)
		v.Meta, err = m.encode()
		return err
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

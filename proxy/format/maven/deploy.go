package maven

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// maxFile bounds a file that is deployed, in bytes. It is the service's limit for assets.
const maxFile = 5 << 30

// deploy takes one file of a deploy. Clients send a version's files first, each followed by its checksums, and its
// metadata last, which makes the version Published.
func deploy(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	var err error
	switch {
	case want.Sum != "" && want.View == viewFile:
		err = compareSum(r, want, d)
	case want.Sum != "": // of metadata, which is made anew: it says nothing about ours
		if _, ok := parseSum(want.Sum, r.Body); !ok {
			err = cache.Invalidf("not a %s checksum in hex", want.Sum)
		}
	case want.View == viewFile:
		err = deployFile(r, want, d)
	case want.View == viewSnapshot:
		err = finishBuild(r, want, d)
	default:
		err = finish(r, want, d)
	}
	if err == nil {
		w.WriteHeader(http.StatusCreated)
	}
	return err
}

// deployFile takes a file into a version that is unfinished until its metadata comes, unless it is there already.
func deployFile(r *http.Request, want format.Want, d format.Desk) error {
	if r.ContentLength > maxFile {
		return fmt.Errorf("%s has %d bytes, at most %d are allowed: %w", want.Asset, r.ContentLength, int64(maxFile), cache.ErrTooLarge)
	}
	s, err := d.Spool(r.Context(), r.ContentLength)
	if err != nil {
		return err
	}
	defer s.Close()
	sums, err := receive(s, r)
	if err != nil {
		return fmt.Errorf("%s: %w", want.Asset, err)
	}
	first := fragment{Fresh: []string{want.Asset}}
	return d.Publish(r.Context(), &format.Publication{
		Package: want.Package, Version: want.Version, Status: cache.Unfinished, Meta: first.encode(), Merge: true, Join: joinFresh,
		Assets: []format.File{{Name: want.Asset, Spool: s, Known: sums}},
	})
}

// joinFresh notes a file that joins a version, also in place of one that was spoiled.
func joinFresh(old, added []byte) ([]byte, error) {
	f, err := readFragment(old)
	if err != nil {
		return nil, err
	}
	a, err := readFragment(added)
	if err != nil {
		return nil, err
	}
	f.Fresh = append(f.Fresh, a.Fresh...)
	f.Spoiled = slices.DeleteFunc(f.Spoiled, func(name string) bool { return slices.Contains(a.Fresh, name) })
	return f.encode(), nil
}

// receive spools a body and returns its checksums. Those that the client sent in the header must agree.
func receive(s blob.Spool, r *http.Request) ([]cache.Sum, error) {
	h := newSummer()
	n, err := io.Copy(io.MultiWriter(s, h), io.LimitReader(r.Body, maxFile+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, cache.Invalidf("the body ends after %d bytes", n)
	case err != nil:
		return nil, err
	case n > maxFile:
		return nil, fmt.Errorf("more than %d bytes: %w", int64(maxFile), cache.ErrTooLarge)
	}
	sums := h.sums()
	for _, p := range promised(r.Header) {
		i := slices.IndexFunc(sums, func(s cache.Sum) bool { return s.Algorithm == p.Algorithm })
		if i >= 0 && !bytes.Equal(sums[i].Value, p.Value) {
			return nil, cache.Invalidf("its %s is %x, and the header says %x", p.Algorithm, sums[i].Value, p.Value)
		}
	}
	return sums, nil
}

// errLooked ends an Edit that changes nothing.
var errLooked = errors.New("nothing to change")

// edit changes one version that the repository holds, and its fragment.
func edit(ctx context.Context, d format.Desk, p cache.Package, version string, fn func(*cache.Stored, *fragment) error) error {
	err := d.Edit(ctx, p, func(h *cache.Holding) error {
		v := h.Version(version)
		if v == nil || !v.Origin.Internal() {
			return cache.ErrAbsent
		}
		f, err := readFragment(v.Meta)
		if err != nil {
			return err
		}
		if err := fn(v, &f); err != nil {
			return err
		}
		v.Meta = f.encode()
		return nil
	})
	if errors.Is(err, errLooked) {
		return nil
	}
	return err
}

// compareSum compares an uploaded checksum with the bytes that came before it. If they differ, a file that came with
// this deploy is taken back, so that the right bytes can be deployed, and remembered: without them an unfinished version
// is not published.
func compareSum(r *http.Request, want format.Want, d format.Desk) error {
	sum, ok := parseSum(want.Sum, r.Body)
	if !ok {
		return cache.Invalidf("not a %s checksum in hex", want.Sum)
	}
	var wrong error
	err := edit(r.Context(), d, want.Package, want.Version, func(v *cache.Stored, f *fragment) error {
		wrong = nil
		i := slices.IndexFunc(v.Assets, func(a cache.Asset) bool { return a.Name == want.Asset })
		if i < 0 {
			return cache.ErrAbsent
		}
		have := sumOf(v.Assets[i], want.Sum)
		if have == nil || bytes.Equal(have, sum) {
			return errLooked
		}
		wrong = cache.Invalidf("the %s of %s is %x, and the deployed one is %x", want.Sum, want.Asset, have, sum)
		at := slices.Index(f.Fresh, want.Asset)
		if at < 0 {
			return errLooked
		}
		f.Fresh = slices.Delete(f.Fresh, at, at+1)
		f.Spoiled = append(f.Spoiled, want.Asset)
		v.Assets = slices.Delete(v.Assets, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return wrong
}

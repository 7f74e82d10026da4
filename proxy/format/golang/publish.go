package golang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"entrepot/cache"
	"entrepot/cache/blob"
	"entrepot/proxy/format"
)

// sumHeader tells a publisher the sum that go.sum will have for the zip.
const sumHeader = "X-Go-Sum"

// publish takes a module zip, makes .info and .mod from it, and answers with the lines that go.sum will have.
func (f *Format) publish(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	ctx := r.Context()
	m := module.Version{Path: want.Package.Name, Version: want.Version}
	zip, err := receive(r, d)
	if err != nil {
		return err
	}
	defer zip.Close()
	made, err := inspect(ctx, m, zip)
	if err != nil {
		return err
	}
	inf, err := publishedInfo(ctx, d, want)
	if err != nil {
		return err
	}
	p := &format.Publication{Package: want.Package, Version: m.Version, Meta: inf}
	for _, a := range []struct {
		ext   string
		bytes []byte
	}{{"info", inf}, {"mod", made.mod}} {
		s, err := spool(ctx, d, a.bytes)
		if err != nil {
			return err
		}
		defer s.Close()
		p.Assets = append(p.Assets, format.File{Name: m.Version + "." + a.ext, Spool: s})
	}
	p.Assets = append(p.Assets, format.File{Name: m.Version + ".zip", Spool: zip})
	if err := d.Publish(ctx, p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", typeText)
	w.Header().Set(sumHeader, made.zipSum)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "%s %s %s\n%s %s/go.mod %s\n", m.Path, m.Version, made.zipSum, m.Path, m.Version, made.modSum)
	return nil
}

// receive spools the body. The caller closes the spool.
func receive(r *http.Request, d format.Desk) (blob.Spool, error) {
	if r.ContentLength > modzip.MaxZipFile {
		return nil, fmt.Errorf("zip of %d bytes, at most %d are allowed: %w", r.ContentLength, modzip.MaxZipFile, cache.ErrTooLarge)
	}
	s, err := d.Spool(r.Context(), r.ContentLength)
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(s, io.LimitReader(r.Body, modzip.MaxZipFile+1))
	switch {
	case err != nil:
		s.Close()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, cache.Invalidf("the body ends after %d bytes", n)
		}
		return nil, err
	case n > modzip.MaxZipFile:
		s.Close()
		return nil, fmt.Errorf("zip of more than %d bytes: %w", modzip.MaxZipFile, cache.ErrTooLarge)
	}
	return s, nil
}

func spool(ctx context.Context, d format.Desk, b []byte) (blob.Spool, error) {
	s, err := d.Spool(ctx, int64(len(b)))
	if err != nil {
		return nil, err
	}
	if _, err := s.Write(b); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// inspected is what a zip says about its version.
type inspected struct {
	mod            []byte
	zipSum, modSum string
}

// inspect checks a zip that is to be published as a version. It unpacks all of it, once.
func inspect(ctx context.Context, m module.Version, zip blob.Spool) (*inspected, error) {
	a, err := openArchive(m, zip, zip.Size())
	if err != nil {
		return nil, cache.Invalidf("%v", err)
	}
	if len(a.files) == 0 {
		return nil, cache.Invalidf("zip: no files below %s@%s/", m.Path, m.Version)
	}
	in := new(inspected)
	if in.zipSum, err = a.hash(ctx); err == nil {
		in.mod, err = a.mod()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, cache.Invalidf("zip: %v", err)
	}
	if err := ownMod(m, in.mod); err != nil {
		return nil, cache.Invalidf("go.mod: %v", err)
	}
	if in.mod == nil {
		// What the go command itself makes of a module without go.mod.
		in.mod = fmt.Appendf(nil, "module %s\n", modfile.AutoQuote(m.Path))
	}
	in.modSum, err = hashMod(in.mod)
	return in, err
}

// ownMod checks that a go.mod, nil if there is none, is that of the version.
func ownMod(m module.Version, b []byte) error {
	_, major, _ := module.SplitPathVersion(m.Path)
	switch {
	case b == nil && strings.HasPrefix(major, "/"):
		return fmt.Errorf("a module of major version %s needs one", strings.TrimPrefix(major, "/"))
	case b == nil:
		return nil
	case strings.HasSuffix(m.Version, "+incompatible"):
		return errors.New("a version with +incompatible must not have one")
	}
	parsed, err := modfile.ParseLax("go.mod", b, nil) // statements of a future Go are none of our business
	if err != nil {
		return err
	}
	if parsed.Module == nil || parsed.Module.Mod.Path != m.Path {
		declared := "no module"
		if parsed.Module != nil {
			declared = parsed.Module.Mod.Path
		}
		return fmt.Errorf("it declares %s, published is %s", declared, m.Path)
	}
	return nil
}

// errLooked ends an Edit that was for looking only.
var errLooked = errors.New("nothing to change")

// publishedInfo returns the .info of the version: the one it has if it is published already, so that publishing the
// same zip again is publishing the same bytes. It looks at what the repository itself holds: a listing would ask the
// registries about a name that is about to become private.
func publishedInfo(ctx context.Context, d format.Desk, want format.Want) ([]byte, error) {
	var known []byte
	err := d.Edit(ctx, want.Package, func(h *cache.Holding) error {
		if v := h.Version(want.Version); v != nil && v.Origin.Internal() {
			known = v.Meta
		}
		return errLooked
	})
	if err != nil && !errors.Is(err, errLooked) && !errors.Is(err, cache.ErrAbsent) {
		return nil, err
	}
	if len(known) > 0 {
		return known, nil
	}
	now := time.Now().UTC().Truncate(time.Second)
	return info{want.Version, &now}.encode(), nil
}

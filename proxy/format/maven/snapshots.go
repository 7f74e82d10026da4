package maven

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// Serve answers deploys, and what follows from the newest build of a snapshot.
func (Format) Serve(w http.ResponseWriter, r *http.Request, want format.Want, v format.View, d format.Desk) error {
	switch want.View {
	case viewFile, viewIndex:
		return deploy(w, r, want, d)
	case viewNewest:
		return serveNewest(w, r, want, v, d)
	}
	if want.Kind == format.Upload {
		return deploy(w, r, want, d)
	}
	return serveSnapshot(w, r, want, d)
}

// freshSnapshot is how long a registry's newest build is fresh: who asks for a snapshot wants what was built just now.
const freshSnapshot = time.Minute

// serveSnapshot answers with a snapshot's metadata, or its checksum.
func serveSnapshot(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	m, err := newest(r.Context(), d, want.Package, want.Version)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := m.write(&b); err != nil {
		return err
	}
	return writeContent(w, r, want, bytes.NewReader(b.Bytes()))
}

// newest is the metadata of the newest build of a snapshot, of all that the walk holds and that its connections know.
// It is of that build alone: files of two builds never stand together. A connection that cannot be asked ends the
// search, since its build may be the newest.
func newest(ctx context.Context, d format.Desk, p cache.Package, version string) (*metadata, error) {
	best, err := newestHeld(ctx, d, p, version)
	if err != nil {
		return nil, err
	}
	getters, err := d.Getters(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, g := range getters {
		m, err := getMetadata(ctx, g, dirOf(p, version), freshSnapshot)
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if best == nil || m.age() > best.age() {
			best = m
		}
	}
	if best == nil {
		return nil, cache.ErrAbsent
	}
	v := best.Versioning
	return &metadata{
		ModelVersion: "1.1.0", GroupID: p.Namespace, ArtifactID: p.Name, Version: version,
		Versioning: &versioning{Snapshot: v.Snapshot, LastUpdated: v.LastUpdated, SnapshotVersions: v.SnapshotVersions},
	}, nil
}

// age orders snapshots' metadata: by its time, or its build's if it has none.
func (m *metadata) age() string {
	v := m.Versioning
	if v.LastUpdated == "" && v.Snapshot != nil {
		b := build{timestamp: v.Snapshot.Timestamp}
		return b.updated()
	}
	return v.LastUpdated
}

// newestHeld is the metadata of the newest build that was published into the walk, or nil.
func newestHeld(ctx context.Context, d format.Desk, p cache.Package, version string) (*metadata, error) {
	l, err := d.Listing(ctx, p)
	if errors.Is(err, cache.ErrAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer l.Close()
	var best build
	var files []snapshotVersion
	for i := range l.Versions {
		v := &l.Versions[i]
		b, ok := parseBuild(v.Version)
		if !ok || b.snapshot() != version || v.Refused != "" || !v.Status.Served() || files != nil && !b.after(best) {
			continue
		}
		f, err := fragmentOf(v)
		if err != nil {
			return nil, err
		}
		if len(f.Files) > 0 {
			best, files = b, f.Files
		}
	}
	if files == nil {
		return nil, nil
	}
	return &metadata{Versioning: &versioning{
		Snapshot:         &snapshotBuild{Timestamp: best.timestamp, BuildNumber: best.number},
		LastUpdated:      best.updated(),
		SnapshotVersions: &snapshotVersions{files},
	}}, nil
}

// after reports whether a build is newer than another of the same snapshot.
func (b build) after(other build) bool {
	n, _ := strconv.Atoi(b.number)
	m, _ := strconv.Atoi(other.number)
	return cmp.Or(cmp.Compare(b.timestamp, other.timestamp), cmp.Compare(n, m)) > 0
}

// serveNewest answers a request for a file by the snapshot's own name: with where it is in the newest build, or with
// the file itself from a registry that has it under that name.
func serveNewest(w http.ResponseWriter, r *http.Request, want format.Want, v format.View, d format.Desk) error {
	m, err := newest(r.Context(), d, want.Package, want.Version)
	if err != nil && !errors.Is(err, cache.ErrAbsent) {
		return err
	}
	if m != nil {
		for _, f := range m.Versioning.SnapshotVersions.List {
			if f.Value != want.Version && fileOf(want.Package.Name, want.Version, f) == want.Asset {
				file := fileOf(want.Package.Name, f.Value, f)
				if want.Sum != "" {
					file += "." + want.Sum
				}
				w.Header().Set("Location", v.Base+dirOf(want.Package, want.Version)+"/"+url.PathEscape(file))
				w.Header().Set("Cache-Control", "no-cache")
				w.WriteHeader(http.StatusFound)
				return nil
			}
		}
	}
	getters, err := d.Getters(r.Context(), want.Package)
	if err != nil {
		return err
	}
	for _, g := range getters {
		doc, err := g.Get(r.Context(), format.Query{Path: dirOf(want.Package, want.Version) + "/" + url.PathEscape(want.Asset), Fresh: freshSnapshot})
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err != nil {
			return err
		}
		defer doc.Close()
		return writeContent(w, r, want, io.NewSectionReader(doc, 0, doc.Size))
	}
	return cache.ErrAbsent
}

// writeContent answers with bytes that change, or with their checksum.
func writeContent(w http.ResponseWriter, r *http.Request, want format.Want, content io.ReadSeeker) error {
	if want.Sum != "" {
		h := hashes[want.Sum]()
		if _, err := io.Copy(h, content); err != nil {
			return err
		}
		content = bytes.NewReader([]byte(hex.EncodeToString(h.Sum(nil))))
	}
	w.Header().Set("Content-Type", want.ContentType)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, content)
	return nil
}

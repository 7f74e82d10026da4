package golang

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// supported says that a checksum database is to be had here, if a connection has it: the go command then asks us for
// it and nobody else. The answer is ours, not the registry's, where the configuration names the database.
func (f *Format) supported(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	name, _ := cutSums(want.Asset)
	getters, err := d.Getters(r.Context(), want.Package)
	if err != nil {
		return err
	}
	var failed error
	for _, g := range getters {
		_, err := f.databaseAt(r.Context(), g, name)
		if err == nil {
			w.WriteHeader(http.StatusOK)
			return nil
		}
		if !errors.Is(err, cache.ErrAbsent) {
			failed = err
		}
	}
	if failed != nil {
		return failed // 404 would send the client out past us
	}
	return cache.ErrAbsent
}

// databaseAt returns a connection's checksum database of that name, or cache.ErrAbsent. Where none is configured, it is
// whatever the registry itself passes on: the client's word for it leads to no other host.
func (f *Format) databaseAt(ctx context.Context, g format.Getter, name string) (*database, error) {
	db, configured := f.databases[g.Connection()]
	if !configured {
		ok, err := supports(ctx, g, name)
		if err == nil && !ok {
			err = cache.ErrAbsent
		}
		return &database{connection: g.Connection(), name: name, url: "sumdb/" + name}, err
	}
	if db == nil || db.name != name {
		return nil, cache.ErrAbsent
	}
	return db, nil
}

// sums passes on a record, a tile or the newest tree. A lookup goes to the connections that may be asked about its
// module: so the name of what is published here goes nowhere.
func (f *Format) sums(w http.ResponseWriter, r *http.Request, want format.Want, d format.Desk) error {
	name, rest := cutSums(want.Asset)
	getters, err := d.Getters(r.Context(), want.Package)
	if err != nil {
		return err
	}
	for _, g := range getters {
		doc, err := f.ask(r.Context(), g, name, "/"+rest)
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err != nil {
			return err
		}
		defer doc.Close()
		writeSums(w, r, want, doc)
		return nil
	}
	return cache.ErrAbsent
}

// ask reads from the database of that name behind a connection.
func (f *Format) ask(ctx context.Context, g format.Getter, name, path string) (*cache.Document, error) {
	db, err := f.databaseAt(ctx, g, name)
	if err != nil {
		return nil, err
	}
	base, err := db.base(ctx, g)
	if err != nil {
		return nil, err
	}
	return g.Get(ctx, sumQuery(base, path))
}

func writeSums(w http.ResponseWriter, r *http.Request, want format.Want, doc *cache.Document) {
	h := w.Header()
	h.Set("Content-Type", want.ContentType)
	h.Set("ETag", `"`+doc.Digest.String()[:32]+`"`)
	h.Set("Cache-Control", "no-cache")
	if want.View == viewTile {
		h.Set("Cache-Control", "max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(doc, 0, doc.Size))
}

package pypi

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/klauspost/compress/gzip"
	xhtml "golang.org/x/net/html"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

// maxProjects is the largest list of projects that is read; the largest registry's has 40 MB.
const maxProjects = 512 << 20

// projects answers with the list of all projects (PEP 503, PEP 691): those of the connections, in their order, each
// name once. The lists are on the disk; of them memory holds a window, and where there are several lists, a hash of 8
// bytes for each name. A connection that cannot be asked is an error, since a list that shrinks in silence looks like
// a withdrawal.
func projects(w http.ResponseWriter, r *http.Request, want format.Want, view string, d format.Desk) error {
	docs, err := projectLists(r.Context(), d)
	for _, doc := range docs {
		defer doc.Close()
	}
	if err != nil {
		return err
	}
	zipped := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	h := w.Header()
	h.Set("Content-Type", want.ContentType)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept, Accept-Encoding")
	h.Set("Etag", projectsTag(docs, view, zipped))
	if strings.Contains(r.Header.Get("If-None-Match"), h.Get("Etag")) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead {
		return nil
	}
	if err := sendProjects(w, docs, view, zipped); err != nil {
		panic(http.ErrAbortHandler) // I4: the head is out; the connection must not end cleanly
	}
	return nil
}

// projectLists opens the connections' lists. The caller closes them, even with an error.
func projectLists(ctx context.Context, d format.Desk) ([]*cache.Document, error) {
	getters, err := d.Getters(ctx, registryWide)
	if err != nil {
		return nil, err
	}
	var docs []*cache.Document
	for _, g := range getters {
		doc, err := g.Get(ctx, format.Query{Accept: askFor, Max: maxProjects})
		if errors.Is(err, cache.ErrAbsent) {
			continue
		}
		if err != nil {
			return docs, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// projectsTag names what the answer is made of.
func projectsTag(docs []*cache.Document, view string, zipped bool) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %v", view, zipped)
	for _, doc := range docs {
		sum.Write(doc.Digest[:])
	}
	return `"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"`
}

func sendProjects(w io.Writer, docs []*cache.Document, view string, zipped bool) error {
	var gz *gzip.Writer
	if zipped {
		gz, _ = gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that exists
		w = gz
	}
	out := bufio.NewWriterSize(w, flushAt)
	if err := writeProjects(out, docs, view); err != nil {
		return err
	}
	if err := out.Flush(); err != nil || gz == nil {
		return err
	}
	return gz.Close()
}

// writeProjects writes the union of the lists.
func writeProjects(w *bufio.Writer, docs []*cache.Document, view string) error {
	head, tail := `{"meta":{"api-version":"`+apiVersion+`"},"projects":[`, `]}`
	if view == viewHTML {
		head = "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\"" + apiVersion +
			"\">\n<title>Simple index</title>\n</head>\n<body>\n"
		tail = "</body>\n</html>\n"
	}
	_, _ = w.WriteString(head) // a bufio.Writer keeps its error
	seed, seen := maphash.MakeSeed(), make(map[uint64]struct{})
	first := true
	for _, doc := range docs {
		err := eachProject(doc, func(name string, object []byte) error {
			normalised := normalise(name)
			if len(docs) > 1 {
				id := maphash.String(seed, normalised)
				if _, ok := seen[id]; ok {
					return nil
				}
				seen[id] = struct{}{}
			}
			if view == viewHTML {
				_, err := fmt.Fprintf(w, "<a href=\"%s/\">%s</a>\n", url.PathEscape(normalised), html.EscapeString(name))
				return err
			}
			if !first {
				_ = w.WriteByte(',')
			}
			first = false
			_, err := w.Write(object)
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := w.WriteString(tail)
	return err
}

// eachProject calls fn with the projects of a list: their names and their objects as JSON.
func eachProject(doc *cache.Document, fn func(name string, object []byte) error) error {
	json, err := isJSON(doc)
	if err != nil {
		return err
	}
	if !json {
		return eachAnchor(doc.Reader(), fn)
	}
	s := jsonrange.New(doc.Reader())
	var object []byte
	err = s.Object(func(key []byte) error {
		if string(key) != "projects" || s.Kind() != jsonrange.Array {
			return nil
		}
		return s.Array(func() error {
			var err error
			if object, err = s.Raw(object[:0], maxObject); err != nil {
				return err
			}
			name, err := nameOf(object)
			if err != nil || !validName(name) {
				return err
			}
			return fn(name, object)
		})
	})
	if err != nil {
		return err
	}
	return s.End()
}

// nameOf reads the name of a project's object.
func nameOf(object []byte) (name string, err error) {
	s := jsonrange.Bytes(object)
	if s.Kind() != jsonrange.Object {
		return "", nil
	}
	err = s.Object(func(key []byte) error {
		var err error
		if string(key) == "name" {
			name, err = text(s)
		}
		return err
	})
	return name, err
}

// eachAnchor is eachProject for a list in HTML, where a name is the text of an anchor.
func eachAnchor(r io.Reader, fn func(name string, object []byte) error) error {
	z := xhtml.NewTokenizer(r)
	z.SetMaxBuf(maxObject)
	inside := false
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			if err := z.Err(); err != io.EOF {
				return err
			}
			return nil
		case xhtml.StartTagToken, xhtml.EndTagToken:
			t := z.Token()
			inside = t.Data == "a" && t.Type == xhtml.StartTagToken
		case xhtml.TextToken:
			if name := strings.TrimSpace(string(z.Text())); inside && validName(name) {
				if err := fn(name, append(appendText([]byte{'{'}, "name", name), '}')); err != nil {
					return err
				}
			}
		}
	}
}

package pypi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// The services, as Want.View; some are followed by ":" and a word.
const (
	serveRoot     = "root"
	serveUpload   = "upload"
	serveRedirect = "redirect" // and the address below the endpoint
	serveProjects = "projects" // and the view
	serveLegacy   = "legacy"
	serveYank     = "yank"
	serveUnyank   = "unyank"
)

// Parse reads a path. Names of projects are read in any spelling; whose spelling is not the normal one is sent to it.
func (Format) Parse(r *http.Request, path string) (format.Want, error) {
	segments, err := split(path)
	if err != nil {
		return format.Want{}, err
	}
	switch head, rest := segments[0], segments[1:]; {
	case path == "" || head == "legacy" && (len(rest) == 0 || len(rest) == 1 && rest[0] == ""):
		return parseRoot(r, path)
	case head == "simple":
		return parseSimple(r, rest)
	case head == "pypi":
		return parseLegacy(r, rest)
	case head == "integrity" && len(rest) == 4 && rest[3] == "provenance":
		return parseFile(r, rest[0], rest[1], rest[2]+provenanceSuffix, typeProvenance)
	case head == "packages" && len(rest) > 0:
		return parseBare(r, rest[len(rest)-1])
	}
	return format.Want{}, cache.ErrAbsent
}

// split decodes a path into segments; the last is empty if the path ends in a slash.
func split(path string) ([]string, error) {
	if len(path) > 4096 { // more than a name, a version and a file
		return nil, &cache.Invalid{Status: http.StatusRequestURITooLong, Reason: "the address is too long"}
	}
	segments := strings.Split(path, "/")
	for i, raw := range segments {
		s, err := url.PathUnescape(raw)
		if err != nil || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == '/' }) {
			return nil, cache.Invalidf("the path holds an encoding or a character that has no place there")
		}
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return nil, cache.Invalidf("the path holds an empty segment or one of dots")
		}
		segments[i] = s
	}
	return segments, nil
}

func parseRoot(r *http.Request, path string) (format.Want, error) {
	if r.Method == http.MethodPost {
		// No Upload: whose package it is stands in the body.
		return format.Want{Kind: format.Service, Action: format.Publish, Package: registryWide, View: serveUpload}, nil
	}
	if path != "" {
		return format.Want{}, allow(r, http.MethodPost)
	}
	return format.Want{Kind: format.Service, Package: registryWide, View: serveRoot}, allow(r, http.MethodGet, http.MethodPost)
}

// parseSimple reads what follows simple/.
func parseSimple(r *http.Request, rest []string) (format.Want, error) {
	if err := allow(r, http.MethodGet); err != nil {
		return format.Want{}, err
	}
	if len(rest) == 0 {
		return redirect("simple/"), nil
	}
	if len(rest) == 1 && rest[0] == "" {
		o, err := negotiate(r)
		return format.Want{
			Kind: format.Service, Package: registryWide, View: serveProjects + ":" + o.view, ContentType: o.contentType, Vary: "Accept",
		}, err
	}
	if !validName(rest[0]) {
		return format.Want{}, cache.Invalidf("%.100q is no project's name", rest[0])
	}
	p := project(normalise(rest[0]))
	switch {
	case len(rest) == 1, len(rest) == 2 && rest[1] == "" && rest[0] != p.Name:
		return redirect("simple/" + p.Name + "/"), nil
	case len(rest) == 2 && rest[1] == "":
		o, err := negotiate(r)
		return format.Want{Kind: format.Document, Package: p, View: o.view, ContentType: o.contentType, Vary: "Accept"}, err
	case len(rest) == 3:
		return parseFile(r, rest[0], rest[1], rest[2], typeFile)
	}
	return format.Want{}, cache.ErrAbsent
}

func redirect(target string) format.Want {
	return format.Want{Kind: format.Service, Package: registryWide, View: serveRedirect + ":" + target}
}

// parseFile wants a file of a version, which our own links name.
func parseFile(r *http.Request, named, version, file, contentType string) (format.Want, error) {
	if !validName(named) || !goodVersion(version) || !goodFile(file) {
		return format.Want{}, cache.Invalidf("that is no file of a version of a project")
	}
	return format.Want{
		Kind: format.Asset, Package: project(normalise(named)), Version: version, Asset: file, ContentType: contentType,
	}, allow(r, http.MethodGet)
}

// parseBare wants a file by its name alone, as a registry's file host has it.
func parseBare(r *http.Request, file string) (format.Want, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(file, metadataSuffix), signatureSuffix)
	project, version, ok := guess(base)
	if !ok {
		return format.Want{}, fmt.Errorf("%.100q is no file of a project: %w", file, cache.ErrAbsent)
	}
	return parseFile(r, project, version, file, typeFile)
}

// parseLegacy reads what follows pypi/.
func parseLegacy(r *http.Request, rest []string) (format.Want, error) {
	w := format.Want{Kind: format.Service, View: serveLegacy, ContentType: typePlainJSON}
	if len(rest) < 2 || len(rest) > 3 {
		return w, cache.ErrAbsent
	}
	if !validName(rest[0]) {
		return w, cache.Invalidf("%.100q is no project's name", rest[0])
	}
	w.Package = project(normalise(rest[0]))
	if len(rest) == 3 {
		v, ok := normaliseVersion(rest[1])
		if !ok && !goodVersion(rest[1]) {
			return w, cache.Invalidf("%.100q is no version", rest[1])
		}
		if w.Version = v; !ok {
			w.Version = rest[1]
		}
	}
	switch last := rest[len(rest)-1]; {
	case last == "json":
		return w, allow(r, http.MethodGet)
	case last == "yank" && len(rest) == 3:
		w.View, w.Action = serveYank, format.Publish
		if r.Method == http.MethodDelete {
			w.View = serveUnyank
		}
		return w, allow(r, http.MethodPost, http.MethodDelete)
	}
	return w, cache.ErrAbsent
}

// allow checks the request's method; GET allows HEAD too.
func allow(r *http.Request, methods ...string) error {
	for _, m := range methods {
		if r.Method == m || m == http.MethodGet && r.Method == http.MethodHead {
			return nil
		}
	}
	return &cache.Invalid{Status: http.StatusMethodNotAllowed, Reason: fmt.Sprintf("%s is not allowed here, but %s", r.Method, strings.Join(methods, ", "))}
}

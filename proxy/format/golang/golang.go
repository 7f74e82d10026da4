// Package golang speaks the module proxy protocol (go help goproxy; https://go.dev/ref/mod#goproxy-protocol), with what
// the protocol lacks: publishing a version.
//
// A module is the package go//PATH: its name is the module path, unescaped, and it has no namespace. A version has
// three assets, named as in the protocol but not escaped: VERSION.info, VERSION.mod and VERSION.zip. The first is the
// version's metadata too.
//
// It guarantees that the bytes of a .mod or .zip agree with the checksum database of their connection, where that has
// them and its key is known; and that a .zip has the layout that the go command demands, a .mod can be parsed, and an
// .info is of the version asked for, always. The name of a module that is published here is never sent to a checksum
// database.
package golang

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/mod/module"

	"entrepot/proxy/format"
)

// Options say which checksum databases the connections have.
type Options struct {
	// SumDB maps a connection's name to its checksum database, in the form of GOSUMDB: "NAME+HASH+KEY", or "NAME" where
	// the key is not known, either followed by " URL" if it is to be asked there; or "off". A database without URL is
	// asked through its connection if the registry says that it supports it, else at https://NAME, as the go command does.
	// A connection that is not in the map passes on the databases that its registry supports, and nothing is checked.
	SumDB map[string]string
}

// Format is the module proxy protocol. It is safe for concurrent use.
type Format struct {
	databases map[string]*database // by connection; nil: off
}

var (
	_ format.Format   = (*Format)(nil)
	_ format.Servicer = (*Format)(nil)
	_ format.Verifier = (*Format)(nil)
	_ format.Direct   = (*Format)(nil)
)

// New returns the format. Its errors name the connection whose checksum database makes no sense.
func New(o Options) (*Format, error) {
	f := &Format{databases: make(map[string]*database)}
	for connection, setting := range o.SumDB {
		db, err := parseDatabase(connection, setting)
		if err != nil {
			return nil, err
		}
		f.databases[connection] = db
	}
	return f, nil
}

// Name returns "go".
func (*Format) Name() string { return "go" }

// Recognise reports whether a request is of the module proxy protocol. Only shapes that no other protocol has count.
func (*Format) Recognise(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	path, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if err != nil {
		return false
	}
	if before, rest, ok := strings.Cut(path, "sumdb/"); ok && (before == "" || strings.HasSuffix(before, "/")) {
		_, err := parseSums(rest)
		return err == nil
	}
	mod, rest, ok := strings.Cut(path, "/@")
	if !ok || !knownFile(rest) {
		return false
	}
	// The module's path may stand behind a path of the proxy's own.
	for {
		if _, err := module.UnescapePath(mod); err == nil {
			return true
		}
		if _, mod, ok = strings.Cut(mod, "/"); !ok {
			return false
		}
	}
}

// knownFile reports whether a module has such a file; "/@" comes before it.
func knownFile(name string) bool {
	if name == "latest" || name == "v/list" {
		return true
	}
	version, _, ok := cutExtension(strings.TrimPrefix(name, "v/"))
	return ok && strings.HasPrefix(name, "v/") && !strings.Contains(version, "/")
}

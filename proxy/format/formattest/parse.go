package formattest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// updateVariable rewrites the right-hand sides of parse tables and the wanted parts of goldens, if it is set.
const updateVariable = "FORMATTEST_UPDATE"

// Parse checks a table of requests against Format.Parse. A line of the file is
//
//	METHOD PATH [Header:value]… => RESULT
//
// where RESULT is what Describe says. Empty lines and lines with # at the start are comments.
func Parse(t *testing.T, f format.Format, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		request, want, ok := strings.Cut(line, "=>")
		if !ok {
			if s := strings.TrimSpace(line); s != "" && !strings.HasPrefix(s, "#") {
				t.Fatalf("%s:%d: no => in %q", file, n, line)
			}
			fmt.Fprintln(&out, line)
			continue
		}
		got := Describe(f.Parse(readRequest(t, strings.Fields(request))))
		fmt.Fprintf(&out, "%s=> %s\n", request, got)
		if want = strings.TrimSpace(want); got != want && os.Getenv(updateVariable) == "" {
			t.Errorf("%s:%d: %s\n got %s\nwant %s", file, n, strings.TrimSpace(request), got, want)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if os.Getenv(updateVariable) != "" {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readRequest(t *testing.T, fields []string) (*http.Request, string) {
	t.Helper()
	if len(fields) == 0 {
		t.Fatal("a line without a request")
	}
	path := ""
	if len(fields) > 1 && !strings.Contains(fields[1], ":") || len(fields) > 1 && strings.Contains(fields[1], "/") {
		path, fields = fields[1], append(fields[:1:1], fields[2:]...)
	}
	r := Request(fields[0], path)
	for _, h := range fields[1:] {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Add(name, value)
	}
	path, _, _ = strings.Cut(path, "?")
	return r, path
}

// Request returns the request that a server would see for an escaped path (and query) below a repository's endpoint.
// Unlike http.NewRequest it takes any path.
func Request(method, path string) *http.Request {
	path, query, _ := strings.Cut(path, "?")
	r, err := http.NewRequest(method, "http://entrepot.example/", http.NoBody)
	if err != nil {
		panic(err) // a method that is no token: the test is wrong
	}
	r.URL.Path = "/x/main/" + path
	r.URL.RawPath = r.URL.Path
	r.URL.RawQuery = query
	r.RequestURI = r.URL.Path
	return r
}

// Describe says in one line what Parse returned: KIND PACKAGE[@VERSION] [ASSET] and the fields that are set, or what
// kind of error it was.
func Describe(w format.Want, err error) string {
	var invalid *cache.Invalid
	switch {
	case errors.As(err, &invalid):
		return fmt.Sprintf("invalid %d", max(invalid.Status, 400))
	case errors.Is(err, cache.ErrAbsent):
		return "absent"
	case err != nil:
		return "error " + err.Error()
	}
	var b strings.Builder
	b.WriteString([...]string{"nothing", "document", "asset", "upload", "service"}[w.Kind])
	field := func(name, value string) {
		if value != "" {
			b.WriteString(" " + name + value)
		}
	}
	if w.Package != (cache.Package{}) {
		field("", w.Package.String())
	}
	if w.Version != "" {
		b.WriteString("@" + w.Version)
	}
	field("", w.Asset)
	field("view=", w.View)
	field("action=", [...]string{"", "publish", "admin", "login"}[w.Action])
	field("type=", w.ContentType)
	field("vary=", w.Vary)
	field("sum=", w.Sum)
	field("seeks=", w.Seeks)
	if w.Patient {
		b.WriteString(" patient")
	}
	if w.StoredOnly {
		b.WriteString(" stored-only")
	}
	return b.String()
}

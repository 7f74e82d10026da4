package maven

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

func TestPromise(t *testing.T) {
	k := key("1.0", "lib-1.0.jar")
	sha1, sha256 := checksum("sha1", "jar"), checksum("sha256", "jar")
	for name, c := range map[string]struct {
		header string
		beside map[string]formattest.Answer
		want   string // "" is nothing
		asked  int
		down   bool
	}{
		"header":            {header: sha1, want: "sha1 " + sha1},
		"a header of trash": {header: "x", beside: map[string]formattest.Answer{jar10 + ".sha1": {Body: sha1}}, want: "sha1 " + sha1, asked: 1},
		"beside":            {beside: map[string]formattest.Answer{jar10 + ".sha1": {Body: sha1 + "  lib-1.0.jar\n"}}, want: "sha1 " + sha1, asked: 1},
		"the other":         {beside: map[string]formattest.Answer{jar10 + ".sha256": {Body: sha256}}, want: "sha256 " + sha256, asked: 2},
		"nothing":           {asked: 2},
		"a page":            {beside: map[string]formattest.Answer{jar10 + ".sha1": {Body: "<html>"}}, asked: 2},
		"a long page":       {beside: map[string]formattest.Answer{jar10 + ".sha1": {Body: sha1 + strings.Repeat(" ", maxSum)}}, asked: 2},
		"down":              {beside: map[string]formattest.Answer{jar10 + ".sha1": {Status: 503}}, asked: 1, down: true},
		"out of reach":      {beside: map[string]formattest.Answer{jar10 + ".sha1": {Err: io.ErrUnexpectedEOF}}, asked: 1, down: true},
	} {
		g := &formattest.Registry{Answers: c.beside}
		sums, err := Format{}.Promise(t.Context(), k, http.Header{"X-Checksum-Sha1": {c.header}}, g)
		got := ""
		for _, s := range sums {
			got += s.Algorithm + " " + hex.EncodeToString(s.Value)
		}
		var down *cache.Unavailable
		if got != c.want || errors.As(err, &down) != c.down || !c.down && err != nil || len(g.Sent()) != c.asked {
			t.Errorf("%s: %q (%v), %d requests", name, got, err, len(g.Sent()))
		}
	}
}

func zipOf(t testing.TB, comment string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	f.Write(bytes.Repeat([]byte("text"), 1000))
	w.SetComment(comment)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	whole := zipOf(t, "")
	for _, c := range []struct {
		file, body string
		ok         bool
	}{
		{"a.jar", whole, true},
		{"a.jar", zipOf(t, strings.Repeat("c", 60_000)), true},
		{"a.war", "#!/bin/sh\n" + whole, true}, // executable archives
		{"a.jar", whole[:len(whole)-1], false},
		{"a.jar", whole[:len(whole)/2], false},
		{"a.jar", "", false},
		{"a.jar", "<html></html>", false},
		{"a.zip", "PK\x05\x06", false},
		{"a.pom", `<?xml version="1.0" encoding="ISO-8859-1"?><project><name>` + "caf\xe9" + ` &copy; </name></project>`, true},
		{"a.pom", "<project><name>", false},
		{"a.pom", "", false},
		{"a.pom", "not found", false},
		{"a.module", `{"formatVersion":"1.1"}`, true},
		{"a.module", `{"formatVersion":`, false},
	} {
		err := checkOf(c.file)(strings.NewReader(c.body), int64(len(c.body)))
		if (err == nil) != c.ok {
			t.Errorf("%s %.30q: %v", c.file, c.body, err)
		}
	}
	if checkOf("a.txt") != nil {
		t.Error("a text is checked")
	}
}

func FuzzCheck(f *testing.F) {
	for _, file := range []string{"a.jar", "a.pom", "a.module"} {
		f.Add(file, []byte(zipOf(f, "comment")))
		f.Add(file, []byte("<project>&nbsp;</project>"))
	}
	f.Fuzz(func(t *testing.T, file string, b []byte) {
		if check := checkOf(file); check != nil {
			check(bytes.NewReader(b), int64(len(b)))
		}
	})
}

func FuzzSum(f *testing.F) {
	f.Add("sha1", []byte(checksum("sha1", "x")))
	f.Fuzz(func(t *testing.T, algorithm string, b []byte) {
		if sum, ok := parseSum(algorithm, bytes.NewReader(b)); ok && (len(sum) != sizes[algorithm] || len(sum) == 0) {
			t.Errorf("%q is a %s of %d bytes", b, algorithm, len(sum))
		}
	})
}

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// target is a request, and what the right answer to it is.
type target struct {
	path    string
	header  []string // "Name: value"
	status  int
	size    int64    // of the body as it travels; -1: it may vary, with how a server compresses
	content [32]byte // SHA-256 of the body, decompressed
}

// request is the target as it is written to a connection. It says no more than package managers do.
func (t *target) request(addr string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: npm/10.9.2 node/v22.14.0 linux x64 workspaces/false\r\n", t.path, addr)
	for _, h := range t.header {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// exactly is a target with known bytes.
func exactly(path string, body []byte) target {
	return target{path: path, status: http.StatusOK, size: int64(len(body)), content: sha256.Sum256(body)}
}

// check compares an answer with the target. content is nil where the body was not looked at.
func (t *target) check(r *reply, size int64, content *[32]byte) error {
	switch {
	case r.status != t.status:
		return fmt.Errorf("%s: status %d instead of %d", t.path, r.status, t.status)
	case t.size >= 0 && size != t.size:
		return fmt.Errorf("%s: %d bytes instead of %d", t.path, size, t.size)
	case content != nil && *content != t.content:
		return fmt.Errorf("%s: other bytes than the registry's", t.path)
	case r.closing:
		return fmt.Errorf("%s: the server closes the connection", t.path)
	}
	return nil
}

// document asks a server for a packument as npm does, and returns the target with what it said. The answer must be
// rewritten: every tarball's address is the server's own. It is decompressed here, and by the driver.
func document(addr, path string, versions int, zipped bool) (target, error) {
	t := target{path: path, status: http.StatusOK, header: []string{"Accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"}}
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return t, err
	}
	req.Header.Set("Accept", strings.TrimPrefix(t.header[0], "Accept: "))
	req.Header.Set("Accept-Encoding", "identity")
	if zipped {
		t.header = append(t.header, "Accept-Encoding: gzip")
		req.Header.Set("Accept-Encoding", "gzip")
	}
	body, err := fetch(req)
	if err != nil {
		return t, err
	}
	if t.size = int64(len(body)); zipped {
		zr, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return t, err
		}
		if body, err = io.ReadAll(zr); err != nil {
			return t, err
		}
		t.size = -1
	}
	t.content = sha256.Sum256(body)
	return t, rewritten(body, "http://"+addr+path+"/-/", versions)
}

// rewritten reports what is wrong with a packument whose tarballs should lie below prefix.
func rewritten(body []byte, prefix string, versions int) error {
	var doc struct {
		Versions map[string]struct {
			Dist struct{ Tarball string }
		}
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return err
	}
	if len(doc.Versions) != versions {
		return fmt.Errorf("the packument has %d versions instead of %d", len(doc.Versions), versions)
	}
	for name, v := range doc.Versions {
		if !strings.HasPrefix(v.Dist.Tarball, prefix) {
			return fmt.Errorf("version %s lies at %s, which is not below %s", name, v.Dist.Tarball, prefix)
		}
	}
	return nil
}

// unchanged is the target's conditional request, with the validator that the server itself gave. The answer to a first
// request may have none yet: the bytes were on their way.
func (t target) unchanged(addr string) (target, error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+t.path, nil)
	if err != nil {
		return t, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	for _, h := range t.header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	if _, err := fetch(req); err != nil {
		return t, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return t, err
	}
	res.Body.Close()
	etag := res.Header.Get("ETag")
	if etag == "" {
		return t, errors.New(t.path + " has no ETag")
	}
	return target{
		path: t.path, header: append(slices.Clip(t.header), "If-None-Match: "+etag),
		status: http.StatusNotModified, content: sha256.Sum256(nil),
	}, nil
}

// fetch is one request by net/http, which the driver's own reading is held against.
func fetch(req *http.Request) ([]byte, error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", req.URL, res.Status)
	}
	return body, err
}

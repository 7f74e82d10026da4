package pypi

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"entrepot/proxy/format/jsonrange"

	"golang.org/x/net/html"
)

// readHTML turns a document in HTML (PEP 503 and what was added to it) into JSON, and reads that. So there is one form
// of everything, and nothing of the registry's own markup comes to clients.
func (d *document) readHTML(r io.Reader) error {
	page := page{base: d.base, b: []byte(`{"files":[`)}
	z := html.NewTokenizer(io.LimitReader(r, maxHTML+1))
	z.SetMaxBuf(maxObject)
	for z.Next() != html.ErrorToken {
		page.token(z.Token())
		if len(page.b) > maxHTML {
			return fmt.Errorf("it has more than %d bytes in HTML", maxHTML)
		}
	}
	if err := z.Err(); err != io.EOF {
		return err
	}
	page.b = append(page.b, ']')
	if page.status != "" {
		page.b = append(appendText(append(page.b, `,"project-status":{`...), "status", page.status), '}')
		if page.reason != "" {
			page.b = append(appendText(page.b[:len(page.b)-1], "reason", page.reason), '}')
		}
	}
	page.b = append(page.b, '}')
	d.doc, d.base = bytes.NewReader(page.b), page.base
	return d.readJSON(bytes.NewReader(page.b))
}

// page gathers what a document in HTML says.
type page struct {
	b              []byte // the document as JSON, not closed yet
	base           string
	based          bool // by a base element: the first counts
	status, reason string
}

func (p *page) token(t html.Token) {
	if t.Type != html.StartTagToken && t.Type != html.SelfClosingTagToken {
		return
	}
	attributes := make(map[string]string, len(t.Attr))
	for _, a := range t.Attr {
		if _, had := attributes[a.Key]; !had {
			attributes[a.Key] = a.Val
		}
	}
	switch t.Data {
	case "base":
		if href := attributes["href"]; href != "" && !p.based {
			p.based, p.base = true, rebase(p.base, href)
		}
	case "meta":
		switch attributes["name"] {
		case "pypi:project-status":
			p.status = attributes["content"]
		case "pypi:project-status-reason":
			p.reason = attributes["content"]
		}
	case "a":
		p.anchor(attributes)
	}
}

func rebase(base, href string) string {
	b, err := url.Parse(base)
	if err != nil {
		return base
	}
	u, err := b.Parse(href)
	if err != nil {
		return base
	}
	return u.String()
}

// anchor writes the object of one file.
func (p *page) anchor(a map[string]string) {
	link, fragment, _ := strings.Cut(strings.TrimSpace(a["href"]), "#")
	u, err := url.Parse(link)
	if err != nil || link == "" {
		return
	}
	if p.b[len(p.b)-1] == '}' {
		p.b = append(p.b, ',')
	}
	p.b = appendText(append(p.b, '{'), "filename", path.Base(u.Path))
	p.b = appendText(p.b, "url", link)
	p.b = appendHashes(jsonrange.AppendKey(p.b, "hashes"), fragment)
	if v := a["data-requires-python"]; v != "" {
		p.b = appendText(p.b, "requires-python", v)
	}
	if v, ok := a["data-core-metadata"]; ok {
		p.metadata(v)
	} else if v, ok := a["data-dist-info-metadata"]; ok {
		p.metadata(v)
	}
	if v, ok := a["data-yanked"]; ok && v != "" {
		p.b = appendText(p.b, "yanked", v)
	} else if ok {
		p.b = append(jsonrange.AppendKey(p.b, "yanked"), "true"...)
	}
	if v, ok := a["data-gpg-sig"]; ok {
		p.b = append(jsonrange.AppendKey(p.b, "gpg-sig"), map[bool]string{true: "true", false: "false"}[v == "true"]...)
	}
	for _, key := range []string{"provenance", "upload-time"} {
		if v := a["data-"+key]; v != "" {
			p.b = appendText(p.b, key, v)
		}
	}
	p.b = append(p.b, '}')
}

// metadata writes what the attribute says of core metadata: "true", or ALGORITHM=HASH.
func (p *page) metadata(v string) {
	switch algorithm, value, hashed := strings.Cut(v, "="); {
	case hashed && hexadecimal(value) && alphabetic(algorithm):
		p.b = appendHashes(jsonrange.AppendKey(p.b, "core-metadata"), v)
	case v == "true" || v == "":
		p.b = append(jsonrange.AppendKey(p.b, "core-metadata"), "true"...)
	}
}

// appendHashes appends an object of hashes with what ALGORITHM=HASH says, if it says one.
func appendHashes(b []byte, s string) []byte {
	b = append(b, '{')
	algorithm, value, _ := strings.Cut(s, "=")
	value, _, _ = strings.Cut(value, "&")
	if algorithm = strings.ToLower(algorithm); alphabetic(algorithm) && hexadecimal(value) {
		b = appendText(b, algorithm, strings.ToLower(value))
	}
	return append(b, '}')
}

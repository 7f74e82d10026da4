package pypi

import (
	"html"
	"strings"

	"entrepot/cache"
)

// html writes a project's document as HTML: all that the form ever had (PEP 833 has closed it), and the time of upload
// as the service has it.
func (e *encoder) html() error {
	title := "Links for " + html.EscapeString(e.l.Package.Name)
	e.b = append(e.b, "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\""+apiVersion+"\">\n"...)
	if status, reason := readStatus(e.l.Head); status != "" {
		e.b = appendMeta(e.b, "pypi:project-status", status)
		if reason != "" {
			e.b = appendMeta(e.b, "pypi:project-status-reason", reason)
		}
	}
	e.b = append(e.b, "<title>"+title+"</title>\n</head>\n<body>\n<h1>"+title+"</h1>\n"...)
	err := e.each(func(v *cache.Version, _ []byte, f *file) error {
		e.anchor(v, f)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = e.w.Write(append(e.b, "</body>\n</html>\n"...))
	return err
}

func (e *encoder) anchor(v *cache.Version, f *file) {
	e.b = append(e.b, `<a href="`+html.EscapeString(e.address(v, f)+fragment(f.hashes))+`"`...)
	if f.requiresPython != "" {
		e.b = appendAttribute(e.b, "requires-python", f.requiresPython)
	}
	if m := e.metadata(v, f); m != nil {
		value := strings.TrimPrefix(fragment(f.metadataHashes()), "#")
		if value == "" {
			value = "true"
		}
		e.b = appendAttribute(e.b, "core-metadata", value)
		e.b = appendAttribute(e.b, "dist-info-metadata", value)
	}
	if f.yanked != nil {
		e.b = appendAttribute(e.b, "yanked", f.yankReason())
	}
	if f.signed != nil {
		e.b = appendAttribute(e.b, "gpg-sig", string(f.signed))
	}
	if f.provenance != "" {
		e.b = appendAttribute(e.b, "provenance", e.provenance(v.Version, f))
	}
	if f.uploaded != "" {
		e.b = appendAttribute(e.b, "upload-time", f.uploaded)
	}
	e.b = append(e.b, ">"+html.EscapeString(f.name)+"</a><br>\n"...)
}

// fragment is a hash as links have it: SHA-256 if there is one, else the first that there is.
func fragment(hashes []checksum) string {
	best := checksum{}
	for i, h := range hashes {
		if i == 0 || h.algorithm == "sha256" {
			best = h
		}
	}
	if best.value == "" {
		return ""
	}
	return "#" + best.algorithm + "=" + best.value
}

func appendAttribute(b []byte, name, value string) []byte {
	return append(b, ` data-`+name+`="`+html.EscapeString(value)+`"`...)
}

func appendMeta(b []byte, name, content string) []byte {
	return append(b, `<meta name="`+name+`" content="`+html.EscapeString(content)+"\">\n"...)
}

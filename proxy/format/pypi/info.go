package pypi

import (
	"strings"

	"entrepot/proxy/format/jsonrange"
)

// info is core metadata as the legacy API has it. The description is left out: it stands in the file's core metadata.
func (m metadata) info() []byte {
	b := []byte{'{'}
	for _, t := range []struct{ key, field string }{
		{"author", "author"}, {"author_email", "author-email"}, {"description_content_type", "description-content-type"},
		{"download_url", "download-url"}, {"home_page", "home-page"}, {"keywords", "keywords"}, {"license", "license"},
		{"license_expression", "license-expression"}, {"maintainer", "maintainer"}, {"maintainer_email", "maintainer-email"},
		{"name", "name"}, {"requires_python", "requires-python"}, {"summary", "summary"}, {"version", "version"},
	} {
		b = appendText(b, t.key, m.one(t.field))
	}
	for _, t := range []struct{ key, field string }{
		{"classifiers", "classifier"}, {"license_files", "license-file"}, {"provides_extra", "provides-extra"},
		{"requires_dist", "requires-dist"}, {"dynamic", "dynamic"},
	} {
		b = append(jsonrange.AppendKey(b, t.key), '[')
		for i, v := range m[t.field] {
			if i > 0 {
				b = append(b, ',')
			}
			b = jsonrange.AppendString(b, v)
		}
		b = append(b, ']')
	}
	b = append(jsonrange.AppendKey(b, "project_urls"), '{')
	for _, v := range m["project-url"] {
		if label, address, ok := strings.Cut(v, ","); ok {
			b = appendText(b, strings.TrimSpace(label), strings.TrimSpace(address))
		}
	}
	return append(b, "}}"...)
}

package discover

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// The service's limits, within which a written configuration stays.
const (
	maxUpstreams = 10
	maxWalk      = 25
)

// Write writes a configuration for the addresses, sorted by connection: a connection for each, and a domain "default"
// with a repository NAME-store per connection and a repository "main" that has them all upstream, grouped by format if
// they are more than ten. Of several addresses of one connection the first counts; one of unknown format is left out.
// It is an error if they do not fit into one walk of 25 repositories.
func Write(w io.Writer, addresses []Address) error {
	addresses = distinct(addresses)
	file := hclwrite.NewEmptyFile()
	for _, a := range addresses {
		comment(file.Body(), a.Source)
		b := file.Body().AppendNewBlock("connection", []string{a.Connection}).Body()
		b.SetAttributeValue("url", cty.StringVal(a.URL))
		if strings.HasPrefix(a.Connection, "private:") {
			b.SetAttributeValue("format", cty.StringVal(a.Format))
		}
		if sumdb := a.Extra["sumdb"]; sumdb != "" {
			b.SetAttributeValue("sumdb", cty.StringVal(sumdb))
		}
		file.Body().AppendNewline()
	}
	domain := file.Body().AppendNewBlock("domain", []string{"default"}).Body()
	repositories := layout(addresses)
	if len(repositories) > maxWalk {
		return fmt.Errorf("%d connections make a walk of %d repositories, of which there may be %d", len(addresses), len(repositories), maxWalk)
	}
	for _, r := range repositories {
		b := domain.AppendNewBlock("repository", []string{r.name}).Body()
		if r.connection != "" {
			b.SetAttributeValue("external_connection", cty.StringVal(r.connection))
		}
		if len(r.upstreams) > 0 {
			b.SetAttributeValue("upstreams", list(r.upstreams))
		}
	}
	domain.SetAttributeValue("default_repository", cty.StringVal("main"))
	_, err := file.WriteTo(w)
	return err
}

// repository is one repository of the written domain.
type repository struct {
	name, connection string
	upstreams        []string
}

// layout returns the stores, then the groups between if main would have too many upstreams, then main.
func layout(addresses []Address) []repository {
	var all []repository
	stores := map[string][]string{} // by format
	var names []string
	for _, a := range addresses {
		_, name, _ := strings.Cut(a.Connection, ":")
		store := repository{name: strings.ReplaceAll(name, ":", "-") + "-store", connection: a.Connection}
		if slices.Contains(names, store.name) { // public:x beside private:x
			store.name = strings.ReplaceAll(a.Connection, ":", "-") + "-store"
		}
		all, names = append(all, store), append(names, store.name)
		stores[a.Format] = append(stores[a.Format], store.name)
	}
	if len(names) > maxUpstreams {
		names = nil
		for _, format := range slices.Sorted(maps.Keys(stores)) {
			all = append(all, group(format, stores[format], &names)...)
		}
	}
	return append(all, repository{name: "main", upstreams: names})
}

// group returns repositories that have the stores of one format upstream, ten each, and adds their names. A single
// store needs none.
func group(format string, stores []string, names *[]string) []repository {
	if len(stores) == 1 {
		*names = append(*names, stores[0])
		return nil
	}
	var groups []repository
	for i, part := range slices.Collect(slices.Chunk(stores, maxUpstreams)) {
		g := repository{name: format + "-stores", upstreams: part}
		if i > 0 {
			g.name = fmt.Sprintf("%s-stores-%d", format, i+1)
		}
		groups, *names = append(groups, g), append(*names, g.name)
	}
	return groups
}

// distinct keeps the first address of each connection whose format is known, and sorts them.
func distinct(addresses []Address) []Address {
	var kept []Address
	for _, a := range addresses {
		if a.Format != "" && !slices.ContainsFunc(kept, func(k Address) bool { return k.Connection == a.Connection }) {
			kept = append(kept, a)
		}
	}
	slices.SortFunc(kept, func(a, b Address) int { return strings.Compare(rank(a.Connection), rank(b.Connection)) })
	return kept
}

// rank puts the well-known names first: npmjs-store is the store of public:npmjs, whatever else is called npmjs.
func rank(connection string) string {
	if strings.HasPrefix(connection, "public:") {
		return "0" + connection
	}
	return "1" + connection
}

func list(names []string) cty.Value {
	var values []cty.Value
	for _, n := range names {
		values = append(values, cty.StringVal(n))
	}
	return cty.ListVal(values)
}

// comment writes one line of comment.
func comment(b *hclwrite.Body, text string) {
	line := strings.Join(strings.Fields(text), " ")
	b.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + line + "\n")}})
}

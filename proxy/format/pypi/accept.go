package pypi

import (
	"net/http"
	"strconv"
	"strings"

	"entrepot/cache"
)

// offer is a form in which we can answer, and its names.
type offer struct {
	view, contentType string
	names             []string
}

// offers are in the order of our preference, for clients that have none. Who accepts anything gets HTML, as from the
// registry: that is a person, or a client older than JSON.
var offers = []offer{
	{viewJSON, typeJSON, []string{typeJSON, "application/vnd.pypi.simple.latest+json"}},
	{viewHTML, typeHTML, []string{typeHTML, "application/vnd.pypi.simple.latest+html"}},
	{viewHTML, typeLegacy + "; charset=utf-8", []string{typeLegacy}},
}

// negotiate chooses a form by the request's format parameter, else by its Accept header (PEP 691, RFC 9110 §12.5.1).
func negotiate(r *http.Request) (offer, error) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if f := r.URL.Query().Get("format"); f != "" {
		accept = strings.ReplaceAll(f, " ", "+") // who writes the plus as it is means it
	}
	if strings.TrimSpace(accept) == "" {
		accept = "*/*"
	}
	ranges := parseAccept(accept)
	best, quality, precision := -1, 0.0, 0
	for i := range offers {
		q, p := offers[i].quality(ranges)
		if q > quality || q == quality && q > 0 && p > precision || q == quality && q > 0 && p == 1 && precision == 1 {
			best, quality, precision = i, q, p // among those that "*/*" stands for, the last: HTML
		}
	}
	if best < 0 {
		return offer{}, &cache.Invalid{Status: http.StatusNotAcceptable, Reason: "the index is to be had as " + typeJSON + ", " + typeHTML + " or " + typeLegacy}
	}
	return offers[best], nil
}

// quality returns how much the client wants an offer, by the range that fits it best, and how well that fits: 3 the
// type itself, 2 a range of subtypes, 1 anything.
func (o *offer) quality(ranges []mediaRange) (q float64, precision int) {
	for _, r := range ranges {
		p := 0
		for _, name := range o.names {
			kind, _, _ := strings.Cut(name, "/")
			switch r.name {
			case name:
				p = 3
			case kind + "/*":
				p = max(p, 2)
			case "*/*":
				p = max(p, 1)
			}
		}
		if p > precision || p == precision && p > 0 && r.q > q {
			q, precision = r.q, p
		}
	}
	return q, precision
}

type mediaRange struct {
	name string
	q    float64
}

// parseAccept reads an Accept header; what is no number counts as 1.
func parseAccept(s string) []mediaRange {
	var ranges []mediaRange
	for part := range strings.SplitSeq(s, ",") {
		kind, params, _ := strings.Cut(part, ";")
		r := mediaRange{strings.ToLower(strings.TrimSpace(kind)), 1}
		for param := range strings.SplitSeq(params, ";") {
			key, value, _ := strings.Cut(param, "=")
			if strings.EqualFold(strings.TrimSpace(key), "q") {
				if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
					r.q = q
				}
			}
		}
		ranges = append(ranges, r)
	}
	return ranges
}

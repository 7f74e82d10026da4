package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Diagnostic is one problem of a configuration.
type Diagnostic struct {
	Range      hcl.Range // zero: the problem has no place
	Message    string
	Suggestion string // how to mend it; often empty
	Excerpt    string // the line of the source, secrets hidden, with the place marked below it
}

// Diagnostics are all problems of a configuration, in the order of their places. Each is an error.
type Diagnostics []Diagnostic

// HasErrors reports whether the configuration cannot be used.
func (ds Diagnostics) HasErrors() bool { return len(ds) > 0 }

// Err returns the diagnostics as one error, or nil if there are none.
func (ds Diagnostics) Err() error {
	if len(ds) == 0 {
		return nil
	}
	return errors.New(strings.TrimRight(ds.String(), "\n"))
}

// String writes one diagnostic after the other, as Write does.
func (ds Diagnostics) String() string {
	var b strings.Builder
	_ = ds.Write(&b)
	return b.String()
}

// Write writes each diagnostic: FILE:LINE: message, the excerpt and the suggestion indented below it.
func (ds Diagnostics) Write(w io.Writer) error {
	for _, d := range ds {
		if _, err := io.WriteString(w, d.String()); err != nil {
			return err
		}
	}
	return nil
}

// Place is FILE:LINE, or empty.
func (d Diagnostic) Place() string { return place(d.Range) }

// String writes the diagnostic in lines that each end in a newline.
func (d Diagnostic) String() string {
	var b strings.Builder
	if p := d.Place(); p != "" {
		b.WriteString(p + ": ")
	}
	b.WriteString(d.Message + "\n" + d.Excerpt)
	if d.Suggestion != "" {
		fmt.Fprintf(&b, "    = %s\n", d.Suggestion)
	}
	return b.String()
}

// sorted puts diagnostics in the order of their places. It drops repetitions, and what only follows from another.
func (ds Diagnostics) sorted() Diagnostics {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Range.Filename, b.Range.Filename),
			cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte), rank(a)-rank(b))
	})
	return slices.CompactFunc(ds, func(a, b Diagnostic) bool {
		return a.Range.Start == b.Range.Start && (a.Message == b.Message || rank(a) != rank(b))
	})
}

// rank puts a type error behind a better word on the same value.
func rank(d Diagnostic) int {
	if strings.HasPrefix(d.Message, "Unsuitable value: ") {
		return 1
	}
	return 0
}

// excerpt gives each diagnostic its line of src.
func (ds Diagnostics) excerpt(src []byte) Diagnostics {
	lines := strings.Split(string(src), "\n")
	for i, d := range ds {
		if n := d.Range.Start.Line; n > 0 && n <= len(lines) {
			ds[i].Excerpt = marked(lines[n-1], d.Range)
		}
	}
	return ds
}

// maxExcerpt is how many characters of a line are shown.
const maxExcerpt = 120

// marked shows a line with carets below the range. Carets stand below bytes, which is where terminals show ASCII.
func marked(line string, r hcl.Range) string {
	line = strings.ReplaceAll(strings.TrimRight(line, "\r"), "\t", " ")
	shown := redact(line)
	n := fmt.Sprintf("%5d", r.Start.Line)
	if len(shown) > maxExcerpt {
		shown = strings.ToValidUTF8(shown[:maxExcerpt], "") + "…"
	}
	out := fmt.Sprintf("%s | %s\n", n, strings.ToValidUTF8(shown, "?"))
	start, end := r.Start.Column-1, len(line)
	if r.End.Line == r.Start.Line {
		end = r.End.Column - 1
	}
	if shown != line || start < 0 || start >= len(line) {
		return out // columns are no longer those of the source
	}
	width := max(1, min(end, len(line))-start)
	return out + strings.Repeat(" ", len(n)) + " | " + strings.Repeat(" ", start) + strings.Repeat("^", width) + "\n"
}

// What an excerpt must not show: literal values of secret attributes, and credentials in addresses.
var (
	secretValue = regexp.MustCompile(`\b(bearer|password|secret|session_token|value|key)(\s*=\s*)"(?:[^"\\]|\\.)*"?`)
	userinfo    = regexp.MustCompile(`://[^/@"\s]*@`)
)

func redact(line string) string {
	line = secretValue.ReplaceAllString(line, `$1$2"…"`)
	return userinfo.ReplaceAllString(line, "://…@")
}

// failedCall begins the message of a function's error, which says enough.
var failedCall = regexp.MustCompile(`^Call to function "\w+" failed: `)

// fromHCL takes over the diagnostics of the HCL library.
func fromHCL(in hcl.Diagnostics) Diagnostics {
	var out Diagnostics
	for _, d := range in {
		if d.Detail == "Unsuitable value: value must be known" {
			continue // its evaluation failed, which is said already
		}
		message, suggestion := d.Summary, ""
		if d.Detail != "" {
			message = strings.TrimSuffix(d.Detail, ".")
		}
		message = failedCall.ReplaceAllString(message, "")
		if before, after, ok := strings.Cut(message, " Did you mean "); ok {
			message, suggestion = strings.TrimSuffix(before, "."), "did you mean "+after
		} else if before, after, ok := strings.Cut(message, ". To mend it, "); ok {
			message, suggestion = before, after
		}
		o := Diagnostic{Message: message, Suggestion: suggestion}
		if d.Subject != nil {
			o.Range = *d.Subject
		}
		out = append(out, o)
	}
	return out
}

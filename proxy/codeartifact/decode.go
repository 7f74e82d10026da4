package codeartifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxBody bounds a JSON body. The largest that the model allows is 200 tags of 384 characters, some 300 KiB escaped.
const maxBody = 1 << 20

// values are a request's parameters by their names in the model. What is absent is missing; so empty and absent differ.
type values map[string]any

func (v values) has(name string) bool { _, ok := v[name]; return ok }

func (v values) text(name string) string {
	s, _ := v[name].(string)
	return s
}

func (v values) flag(name string) bool {
	b, _ := v[name].(bool)
	return b
}

func (v values) number(name string, otherwise int64) int64 {
	if n, ok := v[name].(int64); ok {
		return n
	}
	return otherwise
}

func (v values) texts(name string) []string {
	list, _ := v[name].([]any)
	out := make([]string, len(list))
	for i, x := range list {
		out[i], _ = x.(string)
	}
	return out
}

func (v values) pairs(name string) map[string]string {
	m, _ := v[name].(map[string]any)
	out := make(map[string]string, len(m))
	for k, x := range m {
		out[k], _ = x.(string)
	}
	return out
}

// streams reports whether the operation's body is bytes, and not JSON.
func (m *model) streams(op *operation) bool { return m.Shapes[op.Input].Payload != "" }

// decode reads and checks a request's parameters. body is the whole body, or nil where the operation streams it.
func (m *model) decode(op *operation, r *http.Request, body []byte, formats func(string) bool) (values, error) {
	in := m.Shapes[op.Input]
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid(cannotParse, "the query cannot be read")
	}
	fields, err := jsonBody(body)
	if err != nil {
		return nil, err
	}
	d := decoder{m, formats}
	out := values{}
	for name, member := range in.Members {
		var raw any
		var given bool
		switch member.Location {
		case "querystring":
			if list := query[member.LocationName]; len(list) > 0 {
				raw, given = list[0], true
			}
		case "header":
			if s := r.Header.Get(member.LocationName); s != "" {
				raw, given = s, true
			}
		default:
			if name == in.Payload {
				continue
			}
			raw, given = fields[name]
			given = given && raw != nil
		}
		if !given {
			continue
		}
		if out[name], err = d.value(name, m.Shapes[member.Shape], raw, member.Location != ""); err != nil {
			return nil, err
		}
	}
	for _, name := range in.Required {
		if !out.has(name) && name != in.Payload {
			return nil, constraint(nil, name, "Member must not be null")
		}
	}
	return out, nil
}

// jsonBody reads a body, which may be empty. Members that nobody knows are ignored later.
func jsonBody(body []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if !utf8.Valid(body) {
		return nil, invalid(cannotParse, "the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return nil, invalid(cannotParse, "the body is not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid(cannotParse, "something follows the JSON object in the body")
	}
	return fields, nil
}

// decoder turns what stands in a request into the model's types.
type decoder struct {
	*model
	formats func(string) bool // formats beyond the model's
}

func (d decoder) value(path string, s *shape, raw any, isText bool) (any, error) {
	switch s.Type {
	case "string":
		text, ok := raw.(string)
		if !ok {
			return nil, invalid(cannotParse, "%s is not a string", path)
		}
		return text, d.checkText(path, s, text)
	case "integer", "long":
		return number(path, s, raw)
	case "boolean":
		if text, ok := raw.(string); ok && isText {
			b, err := strconv.ParseBool(text)
			if err != nil {
				return nil, constraint(text, path, "Member must be true or false")
			}
			return b, nil
		}
		b, ok := raw.(bool)
		if !ok {
			return nil, invalid(cannotParse, "%s is not true or false", path)
		}
		return b, nil
	case "list":
		return d.list(path, s, raw)
	case "map":
		return d.dictionary(path, s, raw)
	case "structure":
		return d.structure(path, s, raw)
	}
	return nil, invalid(unknownOperation, "%s has a type that is not known", path)
}

func number(path string, s *shape, raw any) (any, error) {
	text, ok := raw.(string)
	if n, isNumber := raw.(json.Number); isNumber {
		text, ok = n.String(), true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil {
		return nil, invalid(cannotParse, "%s is not a whole number", path)
	}
	if s.Min != nil && n < *s.Min {
		return nil, constraint(n, path, "Member must have value greater than or equal to "+strconv.FormatInt(*s.Min, 10))
	}
	if s.Max != nil && n > *s.Max {
		return nil, constraint(n, path, "Member must have value less than or equal to "+strconv.FormatInt(*s.Max, 10))
	}
	return n, nil
}

func (d decoder) checkText(path string, s *shape, text string) error {
	if !utf8.ValidString(text) {
		return invalid(cannotParse, "%s is not UTF-8", path)
	}
	length := int64(utf8.RuneCountInString(text))
	switch {
	case s.Min != nil && length < *s.Min:
		return constraint(text, path, "Member must have length greater than or equal to "+strconv.FormatInt(*s.Min, 10))
	case s.Max != nil && length > *s.Max:
		return constraint(text, path, "Member must have length less than or equal to "+strconv.FormatInt(*s.Max, 10))
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text) && !(s.name == "PackageFormat" && d.formats(text)):
		return constraint(text, path, "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	case s.pattern == nil || s.pattern.MatchString(text):
	case s.name == "PackageName" && strings.Contains(text, "/") && s.pattern.MatchString(strings.ReplaceAll(text, "/", "-")):
		// A Go module's path: the service has no such format.
	default:
		return constraint(text, path, "Member must satisfy regular expression pattern: "+s.Pattern)
	}
	return nil
}

func (d decoder) list(path string, s *shape, raw any) (any, error) {
	list, ok := raw.([]any)
	if !ok {
		return nil, invalid(cannotParse, "%s is not a list", path)
	}
	if err := size(path, s, len(list)); err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, x := range list {
		var err error
		if out[i], err = d.value(path+"."+strconv.Itoa(i+1)+".member", d.Shapes[s.Member.Shape], x, false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d decoder) dictionary(path string, s *shape, raw any) (any, error) {
	dictionary, ok := raw.(map[string]any)
	if !ok {
		return nil, invalid(cannotParse, "%s is not an object", path)
	}
	if err := size(path, s, len(dictionary)); err != nil {
		return nil, err
	}
	out := make(map[string]any, len(dictionary))
	for k, x := range dictionary {
		if _, err := d.value(path+".key", d.Shapes[s.Key.Shape], k, false); err != nil {
			return nil, err
		}
		v, err := d.value(path+"."+k, d.Shapes[s.Value.Shape], x, false)
		if err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, nil
}

func size(path string, s *shape, n int) error {
	switch {
	case s.Max != nil && int64(n) > *s.Max:
		return constraint(nil, path, "Member must have length less than or equal to "+strconv.FormatInt(*s.Max, 10))
	case s.Min != nil && int64(n) < *s.Min:
		return constraint(nil, path, "Member must have length greater than or equal to "+strconv.FormatInt(*s.Min, 10))
	}
	return nil
}

func (d decoder) structure(path string, s *shape, raw any) (any, error) {
	fields, ok := raw.(map[string]any)
	if !ok {
		return nil, invalid(cannotParse, "%s is not an object", path)
	}
	out := map[string]any{}
	for name, member := range s.Members {
		x, given := fields[name]
		if !given || x == nil {
			continue
		}
		v, err := d.value(path+"."+name, d.Shapes[member.Shape], x, false)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	for _, name := range s.Required {
		if _, ok := out[name]; !ok {
			return nil, constraint(nil, path+"."+name, "Member must not be null")
		}
	}
	return out, nil
}

// constraint is the service's own way to say what is wrong with a parameter.
func constraint(value any, path, rule string) *Error {
	shown := "null"
	switch v := value.(type) {
	case string:
		const longest = 200
		if r := []rune(v); len(r) > longest {
			v = string(r[:longest]) + "…"
		}
		shown = strconv.Quote(v)
	case int64:
		shown = strconv.FormatInt(v, 10)
	}
	return invalid(fieldInvalid, "1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", shown, path, rule)
}

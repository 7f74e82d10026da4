package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// environment is what the functions of a configuration see of the machine.
type environment struct {
	dir     string
	lookup  func(string) (string, bool)
	environ func() []string
	read    []string // absolute paths that file was asked for
}

// context offers env, file, duration and size.
func (e *environment) context() *hcl.EvalContext {
	return &hcl.EvalContext{Functions: map[string]function.Function{
		"env":      e.env(),
		"file":     e.file(),
		"duration": number(func(s string) (int64, error) { d, err := ParseDuration(s); return int64(d.Seconds()), err }),
		"size":     number(ParseSize),
	}}
}

// env is env("NAME") or env("NAME", "default"): a variable of the environment. An unset one without default is an error.
func (e *environment) env() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, fmt.Errorf("env takes a name and at most one default")
			}
			name := args[0].AsString()
			if v, ok := e.lookup(name); ok {
				return cty.StringVal(v), nil
			}
			if len(args) == 2 {
				return args[1], nil
			}
			return cty.NilVal, e.unset(name)
		},
	})
}

// unset is the error for a variable that is not there, with what to do about it for fromHCL to find.
func (e *environment) unset(name string) error {
	var names []string
	for _, kv := range e.environ() {
		n, _, _ := strings.Cut(kv, "=")
		names = append(names, n)
	}
	if near := nearest(name, names); near != "" {
		return fmt.Errorf("the environment has no %s. Did you mean %q?", name, near)
	}
	return fmt.Errorf("the environment has no %s. To mend it, set it, or give a default: env(%q, \"…\")", name, name)
}

// file is file("PATH"): the text of a file, relative to the configuration, without one newline at its end.
func (e *environment) file() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := args[0].AsString()
			if !filepath.IsAbs(path) {
				path = filepath.Join(e.dir, path)
			}
			e.read = append(e.read, path)
			b, err := readFile(path)
			if err != nil {
				return cty.NilVal, err
			}
			text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
			return cty.StringVal(text), nil
		},
	})
}

// number is a function from text to a number, for arithmetic: duration("1d") * 3 (seconds), size("1GiB") / 2 (bytes).
func number(parse func(string) (int64, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			n, err := parse(args[0].AsString())
			return cty.NumberIntVal(n), err
		},
	})
}

package codeartifact

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

//go:embed model.json
var modelJSON []byte

// model is the service's own description of its operations: routes, parameters, and what each may look like.
type model struct {
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`

	routes map[string]*operation // by method and path
}

// operation is one of the 48.
type operation struct {
	Name   string
	Method string   `json:"method"`
	Path   string   `json:"path"`
	Input  string   `json:"input"`
	Errors []string `json:"errors"`
}

// shape is a type of the model: a structure, a list, a map or something simple with its constraints.
type shape struct {
	Type     string            `json:"type"`
	Required []string          `json:"required"`
	Members  map[string]member `json:"members"`
	Member   member            `json:"member"` // of a list
	Key      member            `json:"key"`    // of a map
	Value    member            `json:"value"`
	Payload  string            `json:"payload"` // the member that is the whole body
	Pattern  string            `json:"pattern"`
	Enum     []string          `json:"enum"`
	Min      *int64            `json:"min"`
	Max      *int64            `json:"max"`

	name    string
	pattern *regexp.Regexp
}

// member refers to a shape, and says where in a request its value stands; an empty Location is the body.
type member struct {
	Shape        string `json:"shape"`
	Location     string `json:"location"`
	LocationName string `json:"locationName"`
}

// service is the model, read once: it is part of the program.
var service = sync.OnceValue(func() *model {
	m, err := parseModel(modelJSON)
	if err != nil {
		panic("the service model that is built in: " + err.Error())
	}
	return m
})

func parseModel(text []byte) (*model, error) {
	m := &model{routes: map[string]*operation{}}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, err
	}
	for name, op := range m.Operations {
		op.Name = name
		m.routes[op.Method+" "+op.Path] = op
		if m.Shapes[op.Input] == nil {
			return nil, fmt.Errorf("%s: no shape %q", name, op.Input)
		}
	}
	for name, s := range m.Shapes {
		s.name = name
		if s.Pattern == "" {
			continue
		}
		// RE2 has all of the model's patterns but for one name of a class, and none of them can backtrack.
		text := strings.ReplaceAll(s.Pattern, `\p{IsWhitespace}`, `\s\x{85}\p{Z}`)
		re, err := regexp.Compile(`^(?:` + text + `)$`)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.pattern = re
	}
	return m, nil
}

// route finds the operation of a request; allowed reports that the path belongs to others.
func (m *model) route(method, path string) (op *operation, known bool) {
	if op = m.routes[method+" "+path]; op != nil {
		return op, true
	}
	for _, o := range m.Operations {
		known = known || o.Path == path
	}
	return nil, known
}

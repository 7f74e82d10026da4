package config

import (
	"maps"
	"slices"
)

// Formats returns the names of all formats: the service's eight, and go.
func Formats() []string {
	return []string{"cargo", "generic", "go", "maven", "npm", "nuget", "pypi", "ruby", "swift"}
}

// Public returns the well-known connections and their formats: the service's ten public: names, and public:go.
func Public() map[string]string {
	return map[string]string{
		"public:npmjs":               "npm",
		"public:pypi":                "pypi",
		"public:maven-central":       "maven",
		"public:maven-googleandroid": "maven",
		"public:maven-gradleplugins": "maven",
		"public:maven-commonsware":   "maven",
		"public:maven-clojars":       "maven",
		"public:nuget-org":           "nuget",
		"public:ruby-gems-org":       "ruby",
		"public:crates-io":           "cargo",
		"public:go":                  "go",
	}
}

// publicNames returns the names of Public, sorted.
func publicNames() []string { return slices.Sorted(maps.Keys(Public())) }

// ConnectionFormat returns the format of a connection: of its block, or that of its public: name; empty if unknown.
func (f *File) ConnectionFormat(name string) string {
	if c := f.Connection(name); c != nil && c.Format != "" {
		return c.Format
	}
	return Public()[name]
}

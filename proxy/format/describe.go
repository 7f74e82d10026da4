package format

import (
	"context"

	"entrepot/cache"
	"entrepot/cache/blob"
)

// Describer is a format that can say what a stored version is about, for people and for tools.
type Describer interface {
	// Describe reads what a version says about itself. open gives its files by name.
	Describe(ctx context.Context, v *cache.Stored, open func(asset string) (blob.File, error)) (*Description, error)
	// Readme returns the version's readme; cache.ErrAbsent if it has none.
	Readme(ctx context.Context, v *cache.Stored, open func(asset string) (blob.File, error)) (string, error)
}

// Description is what a version says about itself. What it does not say is empty.
type Description struct {
	DisplayName, Summary, HomePage, SourceCodeRepository string

	Licenses     []License
	Dependencies []Dependency
}

// License is a licence by its name, its address, or both.
type License struct{ Name, URL string }

// Dependency is a package that a version needs.
type Dependency struct {
	Package     cache.Package
	Kind        string // "regular", "dev", "peer", "optional"; Maven's scopes
	Requirement string // a range of versions, in the format's own language
}

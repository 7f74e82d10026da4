package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Unsupported returns an error for everything that f configures and that is not in force yet. It is part of Load:
// nobody shall trust a rule that nothing enforces. What comes into force loses its line here.
func Unsupported(f *File) Diagnostics {
	var ds Diagnostics
	refuse := func(r hcl.Range, what string) {
		ds = append(ds, Diagnostic{Range: r, Message: what + " is not in force in this version",
			Suggestion: "take it out: the server does not start with what it would not enforce"})
	}
	for i := range f.Connections {
		if a := f.Connections[i].Auth; a != nil && a.CodeArtifact != nil {
			refuse(a.DefRange, "auth codeartifact")
		}
	}
	for i := range f.Domains {
		unsupportedDomain(&f.Domains[i], refuse)
	}
	if f.Access != nil {
		unsupportedAccess(f.Access, refuse)
	}
	return ds
}

func unsupportedDomain(d *Domain, refuse func(hcl.Range, string)) {
	for i := range d.Retentions {
		refuse(d.Retentions[i].DefRange, "retention")
	}
	if d.Encryption != nil {
		refuse(d.Encryption.DefRange, "encryption")
	}
}

func unsupportedAccess(a *Access, refuse func(hcl.Range, string)) {
	document := func(policy string, b hcl.Body, def hcl.Range) {
		if strings.Contains(policy, "{") {
			refuse(where(b, def, "policy"), "an IAM-style policy of a principal")
		}
	}
	for i := range a.Keys {
		document(a.Keys[i].Policy, a.Keys[i].Body, a.Keys[i].DefRange)
	}
	for i := range a.Tokens {
		document(a.Tokens[i].Policy, a.Tokens[i].Body, a.Tokens[i].DefRange)
	}
	for i := range a.Users {
		document(a.Users[i].Policy, a.Users[i].Body, a.Users[i].DefRange)
	}
}

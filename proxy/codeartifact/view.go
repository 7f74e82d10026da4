package codeartifact

import (
	"fmt"
	"slices"
	"time"

	"entrepot/proxy/policy"
	"entrepot/upstream"
)

// Declaration says what of an object the configuration file declares.
type Declaration struct {
	Place string          // "config.hcl:41"; empty: the object was made through the API
	Sets  map[string]bool // attributes that stand in the file
}

// fixed refuses a change of what the file declares.
func (d Declaration) fixed(kind, id, attribute string) error {
	if d.Place == "" || attribute != "" && !d.Sets[attribute] {
		return nil
	}
	if attribute == "" {
		return conflict(kind, id, "%s is declared at %s, and belongs to that file: change it there", id, d.Place)
	}
	return conflict(kind, id, "%s of %s is set at %s, and belongs to that file: change it there", attribute, id, d.Place)
}

// Domain is a domain of the configuration in force, however it came to be.
type Domain struct {
	*upstream.Domain
	Declaration
	Created      time.Time
	Policy       string // the document that the file declares
	Repositories map[string]*Repository
	Groups       *policy.Groups
	declared     []DeclaredGroup
	names        []string // of the repositories, sorted
}

// Repository is a repository of the configuration in force.
type Repository struct {
	*upstream.Repository
	Declaration
	Description   string
	Administrator string
	Created       time.Time
	Policy        string // the document that the file declares
}

// DeclaredGroup is a package group of the configuration file.
type DeclaredGroup struct {
	Declaration
	Pattern              policy.Pattern
	Contact, Description string
	Settings             map[string]policy.Setting // by the restriction's name
}

// NewDomain completes a domain: its repositories stand in it already.
func NewDomain(d Domain, groups []DeclaredGroup, s *State) (*Domain, error) {
	if _, created := find[DomainRecord](s, domainKind, d.Name, d.Name); !created.IsZero() {
		d.Created = created
	}
	for name, r := range d.Repositories {
		d.names = append(d.names, name)
		if r.Administrator == "" {
			r.Administrator = d.Owner
		}
		if d.Created.IsZero() || !r.Created.IsZero() && r.Created.Before(d.Created) && d.Place != "" {
			d.Created = r.Created
		}
	}
	slices.Sort(d.names)
	d.declared = groups
	list := d.groups(s)
	compiled := make([]policy.Group, len(list))
	for i, g := range list {
		compiled[i] = policy.Group{Pattern: g.pattern, Settings: g.settings(), Place: g.Place}
	}
	var err error
	if d.Groups, err = policy.NewGroups(compiled); err != nil {
		return nil, fmt.Errorf("domain %s: %w", d.Name, err)
	}
	return &d, nil
}

// Bounds are the resource policies in force for a domain.
func (d *Domain) Bounds(s *State) (*policy.Bounds, error) {
	b := &policy.Bounds{Owner: d.Owner, Repositories: map[string]*policy.Document{}}
	var err error
	if text, _ := d.document(s, nil); text != "" {
		if b.Domain, err = policy.ParseDocument([]byte(text)); err != nil {
			return nil, fmt.Errorf("domain %s: %w", d.Name, err)
		}
	}
	for name, r := range d.Repositories {
		if text, _ := d.document(s, r); text != "" {
			if b.Repositories[name], err = policy.ParseDocument([]byte(text)); err != nil {
				return nil, fmt.Errorf("repository %s: %w", name, err)
			}
		}
	}
	return b, nil
}

// document returns the policy in force and its revision; r is nil for the domain's own.
func (d *Domain) document(s *State, r *Repository) (text, revision string) {
	declared, name := d.Policy, ""
	if r != nil {
		declared, name = r.Policy, r.Name
	}
	if declared != "" {
		return declared, revisionOf(declared)
	}
	if p, _ := find[PolicyRecord](s, policyKind, d.Name, name); p != nil {
		return p.Document, p.Revision
	}
	return "", ""
}

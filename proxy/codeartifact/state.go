package codeartifact

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"entrepot/cache/index"
	"entrepot/proxy/policy"
)

// The kinds of what lives in the index.
const (
	domainKind     = "domain"
	repositoryKind = "repository"
	groupKind      = "group"
	policyKind     = "policy" // of the domain, or of the repository with that name
	tagsKind       = "tags"   // by the resource below the domain, as in its ARN
)

// DomainRecord is a domain that was made here.
type DomainRecord struct{ Owner string }

// RepositoryRecord is a repository that was made here, or what was set here of one that the file declares.
type RepositoryRecord struct {
	Made          bool
	Administrator string   `json:",omitempty"`
	Description   *string  `json:",omitempty"` // nil: not set here
	Upstreams     []string `json:",omitempty"`
	Connection    string   `json:",omitempty"`
	Linked        bool     `json:",omitempty"` // Upstreams and Connection are set here, be it to nothing
}

// GroupRecord is a package group that was made here, or what was set here of the root or of one that the file declares.
type GroupRecord struct {
	Made        bool
	Contact     *string                   `json:",omitempty"`
	Description *string                   `json:",omitempty"`
	Settings    map[string]policy.Setting `json:",omitempty"` // by the restriction's name
}

// PolicyRecord is a resource policy.
type PolicyRecord struct{ Revision, Document string }

// TagsRecord are the tags of a resource.
type TagsRecord map[string]string

// record is a value with its time; values are never changed in place.
type record struct {
	created time.Time
	value   any
}

// State is all that was made through the API. A State that is in force is not changed: an edit works on a copy.
type State struct{ records map[index.ObjectKey]record }

// Load makes a state of what the index has.
func Load(objects []index.Object) (*State, error) {
	s := &State{records: make(map[index.ObjectKey]record, len(objects))}
	for _, o := range objects {
		var value any
		switch o.Kind {
		case domainKind:
			value = &DomainRecord{}
		case repositoryKind:
			value = &RepositoryRecord{}
		case groupKind:
			value = &GroupRecord{}
		case policyKind:
			value = &PolicyRecord{}
		case tagsKind:
			value = &TagsRecord{}
		default:
			return nil, fmt.Errorf("an object of kind %q in the index is not known: use the newer program", o.Kind)
		}
		if err := json.Unmarshal(o.Body, value); err != nil {
			return nil, fmt.Errorf("%s %s/%s in the index: %w", o.Kind, o.Domain, o.Name, err)
		}
		s.records[o.ObjectKey] = record{o.Created, value}
	}
	return s, nil
}

// Clone returns a copy to edit.
func (s *State) Clone() *State { return &State{maps.Clone(s.records)} }

// Changes returns what has to be removed and stored to get from old to s.
func (s *State) Changes(old *State) (remove []index.ObjectKey, put []index.Object, err error) {
	for k := range old.records {
		if _, there := s.records[k]; !there {
			remove = append(remove, k)
		}
	}
	for k, r := range s.records {
		if old.records[k] == r {
			continue
		}
		body, err := json.Marshal(r.value)
		if err != nil {
			return nil, nil, err
		}
		put = append(put, index.Object{ObjectKey: k, Created: r.created, Body: body})
	}
	return remove, put, nil
}

// put stores a value; what is there keeps its time.
func (s *State) put(kind, domain, name string, value any) {
	k := index.ObjectKey{Kind: kind, Domain: domain, Name: name}
	r, there := s.records[k]
	if !there {
		r.created = time.Now().UTC()
	}
	r.value = value
	s.records[k] = r
}

func (s *State) remove(kind, domain, name string) {
	delete(s.records, index.ObjectKey{Kind: kind, Domain: domain, Name: name})
}

// find returns a value and its time, or nil.
func find[T any](s *State, kind, domain, name string) (*T, time.Time) {
	r := s.records[index.ObjectKey{Kind: kind, Domain: domain, Name: name}]
	v, _ := r.value.(*T)
	return v, r.created
}

// all iterates over a domain's records of a kind by name.
func all[T any](s *State, kind, domain string) iter.Seq2[string, *T] {
	var names []string
	for k := range s.records {
		if k.Kind == kind && k.Domain == domain {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	return func(yield func(string, *T) bool) {
		for _, name := range names {
			if v, _ := find[T](s, kind, domain, name); !yield(name, v) {
				return
			}
		}
	}
}

// MadeDomains iterates over the domains that were made here, by name.
func (s *State) MadeDomains() iter.Seq2[string, *DomainRecord] {
	var names []string
	for k := range s.records {
		if k.Kind == domainKind {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	return func(yield func(string, *DomainRecord) bool) {
		for _, name := range names {
			if v, _ := find[DomainRecord](s, domainKind, name, name); !yield(name, v) {
				return
			}
		}
	}
}

// Administrator is the account of whoever made a repository; empty: the domain's owner.
func (s *State) Administrator(domain, repository string) string {
	if r, _ := find[RepositoryRecord](s, repositoryKind, domain, repository); r != nil {
		return r.Administrator
	}
	return ""
}

// Repositories iterates over what was made or set of a domain's repositories, by name.
func (s *State) Repositories(domain string) iter.Seq2[string, *RepositoryRecord] {
	return all[RepositoryRecord](s, repositoryKind, domain)
}

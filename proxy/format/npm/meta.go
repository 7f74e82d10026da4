package npm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/jsonrange"
)

func bytesFragment(b []byte) cache.Fragment {
	return cache.Fragment{Doc: bytes.NewReader(b), Len: int64(len(b))}
}

// members are an object's members, in order; a key that comes twice has its last value.
type members struct {
	keys   []string
	values map[string][]byte
}

func readMembers(object []byte) (*members, error) {
	m := &members{values: make(map[string][]byte)}
	if len(object) == 0 {
		return m, nil
	}
	s := jsonrange.Bytes(object)
	err := s.Object(func(key []byte) error {
		k := string(key)
		r, err := s.Skip()
		m.set(k, object[r.Off:r.Off+r.Len])
		return err
	})
	return m, err
}

func (m *members) set(key string, value []byte) {
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

func (m *members) remove(key string) {
	delete(m.values, key)
	m.keys = slices.DeleteFunc(m.keys, func(k string) bool { return k == key })
}

func (m *members) bytes() []byte {
	b := []byte{'{'}
	for _, k := range m.keys {
		b = jsonrange.AppendMember(b, k, m.values[k])
	}
	return append(b, '}')
}

// text returns a member that is a string.
func (m *members) text(key string) string {
	s := jsonrange.Bytes(m.values[key])
	if s.Kind() != jsonrange.String {
		return ""
	}
	text, _ := s.Text(len(m.values[key]))
	return text
}

// versionMeta is what is stored of the manifest: all of it but the readme, which is the package's, and the tarball's
// address, which depends on who asks. The sums are those of the bytes that came.
func (u *upload) versionMeta(p cache.Package, predicate, user string) (meta, readme []byte, err error) {
	m, err := readMembers(u.manifest)
	if err != nil {
		return nil, nil, err
	}
	readme = m.values["readme"]
	m.remove("readme")
	m.remove("_attachments")
	m.set("_id", jsonrange.AppendString(nil, fullName(p)+"@"+u.first))
	if _, ok := m.values["_npmUser"]; !ok && user != "" {
		m.set("_npmUser", person(user))
	}
	var given []byte
	if raw := m.values["dist"]; len(raw) > 0 && raw[0] == '{' {
		given = raw
	}
	dist, err := readMembers(given)
	if err != nil {
		return nil, nil, err
	}
	dist.remove("tarball")
	dist.remove("attestations")
	dist.set("integrity", jsonrange.AppendString(nil, u.tarball.integrity()))
	dist.set("shasum", jsonrange.AppendString(nil, u.tarball.shasum()))
	if predicate != "" {
		dist.set("attestations", fmt.Appendf(nil, `{"url":%s,"provenance":{"predicateType":%s}}`,
			jsonrange.AppendString(nil, "-/npm/v1/attestations/"+fullName(p)+"@"+u.first), jsonrange.AppendString(nil, predicate)))
	}
	m.set("dist", dist.bytes())
	return m.bytes(), readme, nil
}

// packageMeta is what is stored of the package: what it had before, and from the upload what is new; of a version that
// is not the latest, only what the package has not yet.
func (u *upload) packageMeta(p cache.Package, before, readme []byte, latest bool, user string) (meta []byte, rev string, err error) {
	m, err := readMembers(before)
	if err != nil {
		return nil, "", err
	}
	given, err := readMembers(append(u.head, '}'))
	if err != nil {
		return nil, "", err
	}
	if readme != nil {
		given.set("readme", readme)
	}
	if u.maintainers != nil {
		given.set("maintainers", u.maintainers)
	} else if user != "" {
		given.set("maintainers", append(append([]byte{'['}, person(user)...), ']'))
	}
	for _, k := range given.keys {
		if _, had := m.values[k]; !had || latest && k != "maintainers" {
			m.set(k, given.values[k])
		}
	}
	m.set("_id", jsonrange.AppendString(nil, fullName(p)))
	m.set("name", jsonrange.AppendString(nil, fullName(p)))
	rev = bumpRev(m)
	return m.bytes(), rev, nil
}

func person(user string) []byte {
	return append(append([]byte(`{"name":`), jsonrange.AppendString(nil, user)...), `,"email":""}`...)
}

// bumpRev gives the package a new revision: a count, as CouchDB's, and 16 digits that nobody else comes by.
func bumpRev(m *members) string {
	count, _, _ := strings.Cut(m.text("_rev"), "-")
	n, _ := strconv.Atoi(count)
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	rev := fmt.Sprintf("%d-%s", n+1, hex.EncodeToString(id[:]))
	m.set("_rev", jsonrange.AppendString(nil, rev))
	return rev
}

// edit changes what the repository holds, if the client has read its newest revision, and returns the next. fn may
// change m, the package's own part. A holding without one has only what came from registries, whose own words about
// the package stay the ones that count.
func edit(ctx context.Context, d format.Desk, p cache.Package, given string, fn func(h *cache.Holding, m *members) error) (rev string, err error) {
	err = d.Edit(ctx, p, func(h *cache.Holding) error {
		rev = ""
		m, err := readMembers(h.Meta)
		if err != nil {
			return err
		}
		if err := checkRev(m, given); err != nil {
			return err
		}
		if err := fn(h, m); err != nil {
			return err
		}
		if len(h.Versions) == 0 {
			h.Meta = nil
		} else if len(h.Meta) > 0 {
			rev = bumpRev(m)
			h.Meta = m.bytes()
		}
		return nil
	})
	return rev, err
}

// checkRev refuses a change of something else than the client has read. What is not of our form is a registry's own
// revision, or none (npm sends "undefined" then), and says nothing about what we hold.
func checkRev(m *members, given string) error {
	_, id, _ := strings.Cut(given, "-")
	if have := m.text("_rev"); len(id) == 16 && have != "" && given != have {
		return &cache.Invalid{Status: 409, Reason: "Document update conflict: it has changed since it was read"}
	}
	return nil
}

// holdingMeta is the package's own part as the repository itself holds it; nil if it holds nothing.
func holdingMeta(ctx context.Context, d format.Desk, p cache.Package) ([]byte, error) {
	var meta []byte
	looked := errors.New("only looked")
	err := d.Edit(ctx, p, func(h *cache.Holding) error {
		meta = h.Meta
		return looked
	})
	if err != nil && !errors.Is(err, looked) && !errors.Is(err, cache.ErrAbsent) {
		return nil, err
	}
	return meta, nil
}

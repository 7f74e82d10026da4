package cargo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"entrepot/cache"
	"entrepot/proxy/format"
)

// crate is what is stored of a package that was published here, besides its versions.
type crate struct {
	Name   string   `json:"name"` // as its authors spell it
	Owners []string `json:"owners,omitempty"`
	about
}

// readAbout reads what is stored of a package; what is not ours is as good as nothing.
func readAbout(meta []byte) crate {
	var c crate
	_ = json.Unmarshal(meta, &c)
	return c
}

// packageMeta is what is to be stored of a package with a new version: owners stay who they were.
func packageMeta(ctx context.Context, d format.Desk, p cache.Package, m *metadata) ([]byte, error) {
	var before crate
	err := d.Edit(ctx, p, func(h *cache.Holding) error {
		before = readAbout(h.Meta)
		return errLooked
	})
	if err != nil && !errors.Is(err, errLooked) && !errors.Is(err, cache.ErrAbsent) {
		return nil, err
	}
	c := crate{Name: m.Name, Owners: before.Owners, about: m.about}
	if who := d.Identity().Name(); c.Owners == nil && who != "" {
		c.Owners = []string{who}
	}
	return marshal(c)
}

const (
	maxOwners = 100
	maxOwner  = 255     // characters of an owner's name
	maxBody   = 1 << 20 // bytes of a change of owners
)

// owners lists, adds or removes owners. They are recorded for people to read: who may publish is the repository's
// policy, and cargo is told so.
func owners(w http.ResponseWriter, r *http.Request, p cache.Package, d format.Desk) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return listOwners(w, r, p, d)
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return cutShort(err)
	}
	if len(b) > maxBody {
		return cache.ErrTooLarge
	}
	var change struct {
		Users []string `json:"users"`
	}
	if err := json.Unmarshal(b, &change); err != nil {
		return cache.Invalidf("the body is not valid: %v", err)
	}
	for _, u := range change.Users {
		if u == "" || len(u) > maxOwner || strings.ContainsFunc(u, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return cache.Invalidf("%.100q is no user's name", u)
		}
	}
	if err := changeOwners(r.Context(), p, d, change.Users, r.Method == http.MethodPut); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"ok": true, "msg": "the owners of " + p.Name + " are recorded; who may publish is the repository's policy",
	})
	return nil
}

func changeOwners(ctx context.Context, p cache.Package, d format.Desk, users []string, add bool) error {
	return d.Edit(ctx, p, func(h *cache.Holding) error {
		if len(h.Meta) == 0 {
			return fmt.Errorf("crate %s was not published here: %w", p.Name, cache.ErrAbsent)
		}
		c := readAbout(h.Meta)
		for _, u := range users {
			i := slices.Index(c.Owners, u)
			switch {
			case add && i < 0:
				c.Owners = append(c.Owners, u)
			case !add && i >= 0:
				c.Owners = slices.Delete(c.Owners, i, i+1)
			case !add:
				return cache.Invalidf("%s is no owner of %s", u, p.Name)
			}
		}
		if len(c.Owners) > maxOwners {
			return cache.Invalidf("%s would have more than %d owners", p.Name, maxOwners)
		}
		var err error
		h.Meta, err = marshal(c)
		return err
	})
}

func listOwners(w http.ResponseWriter, r *http.Request, p cache.Package, d format.Desk) error {
	l, err := d.Listing(r.Context(), p)
	if err != nil {
		return err
	}
	defer l.Close()
	head, err := l.Head.Append(nil)
	if err != nil {
		return err
	}
	type user struct {
		ID    int    `json:"id"`
		Login string `json:"login"`
	}
	users := []user{}
	for i, name := range readAbout(head).Owners {
		users = append(users, user{i + 1, name})
	}
	writeJSON(w, http.StatusOK, map[string][]user{"users": users})
	return nil
}

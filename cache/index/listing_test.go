package index

import (
	"slices"
	"testing"

	"entrepot/cache"
)

func TestPackages(t *testing.T) {
	db := openTest(t)
	r := repositories(t, db, 2)
	all := []cache.Package{
		{Format: "go", Name: "example.org/x"},
		{Format: "npm", Name: "left-pad"},
		{Format: "npm", Name: "lef\u00e9"}, // bytes, not letters, make the order
		{Format: "npm", Name: "left\U0010FFFE"},
		{Format: "npm", Name: "zebra"},
		{Format: "npm", Namespace: "acme", Name: "left"},
		{Format: "npm", Namespace: "acme", Name: "ui"},
	}
	slices.SortFunc(all, func(a, b cache.Package) int { return slices.Compare(parts(a), parts(b)) })
	for i := range all {
		publish(t, db, r[0], all[len(all)-1-i], internal("r0", "1.0.0", "bytes"))
	}
	retain(t, db, r[1:], left, external("1.0.0", "bytes"))
	none, acme := "", "acme"
	for _, tt := range []struct {
		name string
		q    PackageQuery
		want func(cache.Package) bool
	}{
		{"all", PackageQuery{}, func(cache.Package) bool { return true }},
		{"format", PackageQuery{Format: "npm"}, func(p cache.Package) bool { return p.Format == "npm" }},
		{"namespace", PackageQuery{Format: "npm", Namespace: &acme}, func(p cache.Package) bool { return p.Namespace == "acme" }},
		{"no namespace", PackageQuery{Namespace: &none}, func(p cache.Package) bool { return p.Namespace == "" }},
		{"prefix", PackageQuery{Format: "npm", Prefix: "left"}, func(p cache.Package) bool {
			return len(p.Name) >= 4 && p.Name[:4] == "left"
		}},
		{"nothing", PackageQuery{Format: "cargo"}, func(cache.Package) bool { return false }},
	} {
		for _, limit := range []int{1, 2, 1000} {
			q := tt.q
			q.Repository, q.Limit = r[0], limit
			var got []cache.Package
			for {
				page, err := db.Packages(t.Context(), q)
				if err != nil || len(page) > limit {
					t.Fatalf("%s: %d entries, %v", tt.name, len(page), err)
				}
				if len(page) == 0 {
					break
				}
				for _, e := range page {
					got = append(got, e.Package)
					if e.Shelf.Repository != r[0] || !e.Shelf.Internal {
						t.Errorf("%s: %+v", tt.name, e)
					}
				}
				q.After = got[len(got)-1]
			}
			var want []cache.Package
			for _, p := range all {
				if tt.want(p) {
					want = append(want, p)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d at a time: %q, want %q", tt.name, limit, got, want)
			}
		}
	}
	if _, err := db.Packages(t.Context(), PackageQuery{Limit: 1002}); err == nil {
		t.Error("no error for too large a page")
	}
}

func parts(p cache.Package) []string { return []string{p.Format, p.Namespace, p.Name} }

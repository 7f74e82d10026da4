package index

import (
	"errors"
	"io/fs"
	"reflect"
	"testing"
	"time"

	"entrepot/proxy/auth"
)

func TestTokens(t *testing.T) {
	db := openTest(t)
	first := auth.Token{ID: "1", Hash: [32]byte{1}, Prefix: "ent_aaaaaa", Principal: "ann", Domain: "acme", Note: "laptop",
		ReadOnly: true, CIDR: []string{"10.0.0.0/8", "::1/128"}, Created: day, Expires: day.AddDate(1, 0, 0), Used: day}
	second := auth.Token{ID: "0", Hash: [32]byte{2}, Principal: "ann", Created: day.Add(time.Hour)}
	other := auth.Token{ID: "3", Hash: [32]byte{3}, Principal: "bob", Created: day.Add(time.Minute)}
	for _, tok := range []auth.Token{first, second, other} {
		if err := db.PutToken(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.TokenByHash(t.Context(), first.Hash)
	if err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := db.TokenByHash(t.Context(), [32]byte{9}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	for principal, want := range map[string][]auth.Token{
		"ann": {first, second}, "bob": {other}, "": {first, other, second}, "eve": nil,
	} {
		if got, err := db.TokensOf(t.Context(), principal); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("of %q: %+v, %v", principal, got, err)
		}
	}

	first.Used, first.Note = day.Add(2*time.Hour), "old laptop"
	if err := db.PutToken(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if got, err := db.TokenByHash(t.Context(), first.Hash); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("got %+v, %v", got, err)
	}
	stolen := auth.Token{ID: "4", Hash: first.Hash}
	if err := db.PutToken(t.Context(), stolen); err == nil {
		t.Error("two tokens with one hash")
	}
	if err := db.DeleteToken(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := db.TokenByHash(t.Context(), first.Hash); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := db.DeleteToken(t.Context(), first.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

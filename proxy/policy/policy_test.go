package policy

import (
	"testing"
	"time"

	"entrepot/proxy/auth"
)

func TestDecide(t *testing.T) {
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var (
		nobody  = &auth.Principal{Anonymous: true}
		guest   = &auth.Principal{Anonymous: true, Level: auth.ReadLevel}
		reader  = &auth.Principal{Name: "r", Level: auth.ReadLevel}
		author  = &auth.Principal{Name: "p", Level: auth.PublishLevel, Expires: end}
		admin   = &auth.Principal{Name: "a", Level: auth.AdminLevel}
		limited = &auth.Principal{Name: "p", Level: auth.ReadLevel, ReadOnly: true}
		foreign = &auth.Principal{Name: "a", Level: auth.AdminLevel, Domain: "other"}
		none    = &auth.Principal{Name: "n"}
	)
	for _, tt := range []struct {
		who   *auth.Principal
		does  Action
		allow bool
		login bool
		rule  string
	}{
		{nil, Read, false, true, "access"},
		{nobody, Read, false, true, "access"}, {nobody, Publish, false, true, "access"}, {nobody, Login, true, false, ""},
		{guest, Read, true, false, ""}, {guest, Publish, false, true, "access"}, {guest, Admin, false, true, "access"},
		{reader, Read, true, false, ""}, {reader, Publish, false, false, "access"}, {reader, Admin, false, false, "access"},
		{author, Read, true, false, ""}, {author, Publish, true, false, ""}, {author, Admin, false, false, "access"},
		{admin, Read, true, false, ""}, {admin, Publish, true, false, ""}, {admin, Admin, true, false, ""},
		{limited, Read, true, false, ""}, {limited, Publish, false, false, "token"},
		{foreign, Read, false, false, "token"}, {foreign, Admin, false, false, "token"}, {foreign, Login, true, false, ""},
		{none, Read, false, false, "access"},
		{admin, Action(99), true, false, ""}, {author, Action(99), false, false, "access"}, // what is not known needs most
	} {
		for _, s := range []*Set{nil, {}} {
			d := s.Decide(&Query{Principal: tt.who, Action: tt.does, Domain: "acme", Repository: "team"})
			if d.Allow != tt.allow || d.Login != tt.login || d.Rule != tt.rule || (d.Reason == "") != d.Allow {
				t.Errorf("%+v does %d: %+v", tt.who, tt.does, d)
			}
		}
	}
	if d := (&Set{}).Decide(&Query{Principal: author, Domain: "acme"}); !d.Until.Equal(end) {
		t.Errorf("the decision outlives the token: %+v", d)
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	s, q := new(Set), &Query{Principal: &auth.Principal{Name: "a"}, Action: Publish, Domain: "acme", Repository: "team"}
	if n := testing.AllocsPerRun(100, func() { s.Decide(q) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

package connection

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
)

func TestAuth(t *testing.T) {
	for _, tt := range []struct {
		auth         Auth
		header, want string
	}{
		{Bearer("s3cret"), "Authorization", "Bearer s3cret"},
		{Basic{"ann", "s3cret"}, "Authorization", "Basic YW5uOnMzY3JldA=="},
		{Header{"X-Api-Key", "s3cret"}, "X-Api-Key", "s3cret"},
	} {
		r, _ := http.NewRequest(http.MethodGet, "http://registry.example/", nil)
		if err := tt.auth.Authorize(r); err != nil || r.Header.Get(tt.header) != tt.want {
			t.Errorf("%v: %s %q, %v", tt.auth, tt.header, r.Header.Get(tt.header), err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, tt.auth); strings.Contains(s, "s3cret") {
				t.Errorf("%s prints the secret: %s", verb, s)
			}
			if s := fmt.Sprintf(verb, Options{Auth: tt.auth}); strings.Contains(s, "s3cret") {
				t.Errorf("%s of Options prints the secret: %s", verb, s)
			}
		}
	}
}

const netrc = `# comment
machine a.example login ann password one
machine b.example
	login bob
	password two
macdef init
	machine c.example login evil password evil

machine A.example login late password late
default login any password three
`

func TestNetrc(t *testing.T) {
	for host, want := range map[string]Basic{
		"a.example": {"ann", "one"}, "A.EXAMPLE": {"ann", "one"}, "b.example": {"bob", "two"}, "c.example": {"any", "three"},
	} {
		got, err := Netrc(strings.NewReader(netrc), host)
		if err != nil || got != Auth(want) {
			t.Errorf("%s: %#v, %v, want %v", host, got, err, want)
		}
	}
	if got, err := Netrc(strings.NewReader("machine a.example login ann"), "b.example"); !errors.Is(err, fs.ErrNotExist) || got != nil {
		t.Errorf("an absent host: %v, %v", got, err)
	}
}

func FuzzNetrc(f *testing.F) {
	f.Add(netrc, "a.example")
	f.Add("default login", "x")
	f.Add("machine", "")
	f.Add("login x password y macdef", "a")
	f.Fuzz(func(t *testing.T, file, host string) {
		got, err := Netrc(strings.NewReader(file), host)
		if (got == nil) == (err == nil) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

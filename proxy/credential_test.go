package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"entrepot/bench/registry"
	"entrepot/proxy/auth"
	"entrepot/upstream/connection"
)

// TestInvariant11NoCredentialCrosses: whatever a client sends, the registry sees the connection's own credential or
// none, and so does no other host.
func TestInvariant11NoCredentialCrosses(t *testing.T) {
	for _, tt := range []struct {
		name string
		auth connection.Auth
		want []string
	}{
		{"without a credential of our own", nil, nil},
		{"with one", connection.Bearer("ours"), []string{"Bearer ours"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, setup{auth: tt.auth})
			s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{Attested: true})
			s.registry.AddModule("example.test/m", "v1.0.0", nil)
			head := []string{"Authorization", "Bearer " + publisher, "Cookie", "session=1", "Proxy-Authorization", "Basic eA==",
				"Npm-Otp", "123456", "X-Forwarded-For", "192.0.2.7"}
			for _, path := range []string{
				documentPath("main", "left-pad"), tarballPath("main", "left-pad", "1.0.0"), documentPath("main", "left-pad") + "/latest",
				"npm/main/-/v1/search?text=left", "npm/main/-/npm/v1/keys", "npm/main/-/whoami", "npm/main/-/ping",
				"npm/main/-/npm/v1/attestations/left-pad@1.0.0", "npm/main/-/package/left-pad/dist-tags",
				"go/main/example.test/m/@v/list", "go/main/example.test/m/@v/v1.0.0.zip", "go/main/example.test/m/@latest",
			} {
				if r := s.get(path, head...); r.status != http.StatusOK {
					t.Errorf("GET %s: %d %s", path, r.status, r.body)
				}
			}
			r := s.do(http.MethodPost, "npm/main/-/npm/v1/security/advisories/bulk", strings.NewReader(`{"left-pad":["1.0.0"]}`), head...)
			if r.status != http.StatusOK {
				t.Errorf("audit: %d %s", r.status, r.body)
			}
			if got := s.registry.Authorizations(s.remote.Host()); !slices.Equal(got, tt.want) {
				t.Errorf("the registry was shown %q, want %q", got, tt.want)
			}
			for _, r := range s.registry.Log() {
				for _, name := range []string{"Cookie", "Proxy-Authorization", "Npm-Otp", "X-Forwarded-For"} {
					if v := r.Header.Get(name); v != "" {
						t.Errorf("%s %s was sent with %s: %s", r.Method, r.Path, name, v)
					}
				}
			}
		})
	}
}

// TestInvariant11RedirectLosesCredential: the connection's credential goes to its own host only.
func TestInvariant11RedirectLosesCredential(t *testing.T) {
	reg := registry.New(registry.Options{})
	s := start(t, setup{registry: reg, auth: connection.Bearer("ours")})
	files := reg.Start(t)
	want := reg.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
	s.versions(documentPath("main", "left-pad"), "1.0.0")
	reg.Fault("*.tgz", registry.Fault{Redirect: files.URL})
	// A private address that the registry points to is not dialled unless configured, so nothing comes of it here …
	if r := s.get(tarballPath("main", "left-pad", "1.0.0")); r.status != http.StatusBadGateway {
		t.Errorf("a redirect to another private address: %d", r.status)
	}
	// … and nothing was shown there.
	if got := reg.Authorizations(files.Host()); len(got) > 0 {
		t.Errorf("the other host was shown %q", got)
	}
	reg.ClearFaults()
	s.serves(tarballPath("main", "left-pad", "1.0.0"), want)
}

// TestPrivateIsNotForAnonymous: what was fetched or published for those who may read is not given to others, from
// wherever it would come.
func TestPrivateIsNotForAnonymous(t *testing.T) {
	s := start(t, setup{access: auth.Access{Anonymous: auth.NobodyReads}})
	want := s.registry.AddNPM("left-pad", "1.0.0", registry.NPMVersion{})
	private := newRelease("@acme/ui", "1.0.0", 1)
	s.publish("main", private)
	may := []string{"Authorization", "Bearer " + publisher}
	paths := []string{
		documentPath("main", "left-pad"), tarballPath("main", "left-pad", "1.0.0"), documentPath("main", "@acme/ui"), private.path("main"),
		documentPath("main", "@acme/ui") + "/latest", "npm/main/-/package/@acme%2fui/dist-tags",
	}
	for _, path := range paths {
		for range 3 { // cold, from the store, from memory
			s.ok(path, may...)
			s.fails(path, http.StatusUnauthorized, "refused")
		}
		s.fails(path, http.StatusUnauthorized, "refused", "Authorization", "Bearer wrong")
	}
	if r := s.get(tarballPath("main", "left-pad", "1.0.0"), may...); string(r.body) != string(want) || !strings.Contains(r.header.Get("Cache-Control"), "private") {
		t.Errorf("an answer that needs a credential says Cache-Control: %s", r.header.Get("Cache-Control"))
	}
	if r := s.get(documentPath("main", "left-pad")); r.header.Get("WWW-Authenticate") == "" {
		t.Error("401 does not say how to log in")
	}
}

// TestRegistryWantsCredential: a registry that refuses us is no absence, and the client's credential does not help.
func TestRegistryWantsCredential(t *testing.T) {
	s := start(t, setup{})
	s.registry.AddNPM("@acme/secret", "1.0.0", registry.NPMVersion{})
	s.registry.Require("*", registry.Credential{Bearer: publisher})
	for _, path := range []string{documentPath("main", "@acme/secret"), tarballPath("main", "@acme/secret", "1.0.0")} {
		r := s.get(path, "Authorization", "Bearer "+publisher)
		if r.status != http.StatusBadGateway || r.header.Get("X-Entrepot-Error") != "upstream" {
			t.Errorf("GET %s: %d %s", path, r.status, r.body)
		}
	}
}

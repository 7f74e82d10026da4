package proxy_test

import (
	"net/http"
	"testing"

	"entrepot/bench/registry"
)

// A module version that the registry lacks is asked for once a minute, and stays absent when the registry is down; one
// that was never asked for is not absent then, but unknown.
func TestAnAbsentAssetIsRemembered(t *testing.T) {
	r := registry.New(registry.Options{})
	r.AddModule("acme.example/a", "v1.0.0", nil)
	s := start(t, setup{registry: r})
	const lacking = "go/main/acme.example/a/@v/v1.1.0.zip"
	for range 10 {
		if a := s.get(lacking); a.status != http.StatusNotFound {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	s.asked("*v1.1.0.zip", 1)
	r.AddModule("acme.example/a", "v1.1.0", nil)
	if a := s.get(lacking, "Cache-Control", "no-cache"); a.status != http.StatusOK {
		t.Errorf("a client that insists gets %d", a.status)
	}
	const gone = "go/main/acme.example/a/@v/v1.2.0.zip"
	s.get(gone)
	s.remote.Down()
	if a := s.get(gone); a.status != http.StatusNotFound {
		t.Errorf("what was known to be absent is %d when the registry is down", a.status)
	}
	if a := s.get("go/main/acme.example/a/@v/v1.3.0.zip"); a.status < 500 {
		t.Errorf("what was never asked for is %d when the registry is down", a.status)
	}
}

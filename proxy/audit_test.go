package proxy_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"entrepot/bench/registry"
)

const auditPath = "npm/main/-/npm/v1/security/advisories/bulk"

// TestAudit: npm audit's question, gzip as npm sends it, is answered by the registry; names that are ours are not told.
func TestAudit(t *testing.T) {
	s := start(t, setup{})
	s.registry.AddNPM("old", "1.0.0", registry.NPMVersion{})
	s.registry.AddAdvisory(registry.Advisory{Package: "old", ID: 7, Title: "leaks", Severity: "high", Vulnerable: "<2.0.0", Versions: []string{"1.0.0"}})
	s.publish("main", newRelease("@acme/ui", "1.0.0", 1))
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	z.Write([]byte(`{"old":["1.0.0"],"@acme/ui":["1.0.0"]}`))
	z.Close()
	r := s.do(http.MethodPost, auditPath, &body, "Content-Type", "application/json", "Content-Encoding", "gzip")
	var found map[string][]struct{ ID int }
	if err := json.Unmarshal(r.body, &found); err != nil || r.status != http.StatusOK || len(found["old"]) != 1 || found["old"][0].ID != 7 {
		t.Errorf("%d, %v, %s", r.status, err, r.body)
	}
	for _, rec := range s.registry.Log() {
		if strings.Contains(rec.Path, "acme") {
			t.Errorf("the registry was asked about our own package: %s", rec.Path)
		}
	}
}

// TestAuditOfFailingRegistry: an error is never "no vulnerabilities".
func TestAuditOfFailingRegistry(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{})
			s.registry.AddNPM("old", "1.0.0", registry.NPMVersion{})
			s.registry.AddAdvisory(registry.Advisory{Package: "old", ID: 7, Versions: []string{"1.0.0"}})
			s.versions(documentPath("main", "old"), "1.0.0")
			if way.down {
				s.remote.Down()
			} else {
				s.registry.Fault("*", way.fault)
			}
			r := s.do(http.MethodPost, auditPath, strings.NewReader(`{"old":["1.0.0"]}`), "Content-Type", "application/json")
			if r.err != nil || r.status < 500 || r.header.Get("X-Entrepot-Error") != "upstream" {
				t.Errorf("%d %q, %v, %s", r.status, r.header.Get("X-Entrepot-Error"), r.err, r.body)
			}
		})
	}
}

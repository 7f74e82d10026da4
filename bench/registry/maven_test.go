package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMaven(t *testing.T) {
	r := New(Options{})
	r.AddArtifact("com.acme", "lib", "1.0", map[string]string{".jar": "jar"})
	r.AddArtifact("com.acme", "lib", "1.1", nil)
	r.AddPlugin("com.acme", "acme", "acme-maven-plugin")
	get := func(path string) (int, string, http.Header) {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/maven/"+path, nil))
		return w.Code, w.Body.String(), w.Header()
	}
	if _, body, _ := get("com/acme/lib/maven-metadata.xml"); !strings.Contains(body, "<version>1.0</version>") || !strings.Contains(body, "<release>1.1</release>") {
		t.Errorf("metadata: %s", body)
	}
	if _, body, _ := get("com/acme/maven-metadata.xml"); !strings.Contains(body, "<prefix>acme</prefix>") || strings.Contains(body, "versioning") {
		t.Errorf("metadata of the group: %s", body)
	}
	const jar = "com/acme/lib/1.0/lib-1.0.jar"
	_, sum, _ := get(jar + ".sha1")
	if want := mavenSum("sha1", []byte("jar")); sum != want {
		t.Errorf("sha1 %s, want %s", sum, want)
	}
	r.PromiseMaven(MavenHeader)
	if code, body, h := get(jar); code != http.StatusOK || body != "jar" || h.Get("X-Checksum-Sha1") != sum {
		t.Errorf("%d %s %v", code, body, h)
	}
	r.PromiseMaven(MavenSilent)
	if code, _, h := get(jar); code != http.StatusOK || h.Get("X-Checksum-Sha1") != "" {
		t.Errorf("%d %v", code, h)
	}
	for _, path := range []string{jar + ".sha1", "com/acme/lib/1.0/lib-1.0.war", "com/acme/other/maven-metadata.xml", "com/maven-metadata.xml"} {
		if code, _, _ := get(path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	r.PutMaven(jar, nil)
	if code, _, _ := get(jar); code != http.StatusNotFound {
		t.Errorf("a file that was taken away: %d", code)
	}
}

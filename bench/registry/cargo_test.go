package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCargo(t *testing.T) {
	r := New(Options{})
	data := r.AddCrate("Serde_Json", "1.0.0", CrateVersion{Size: 10_000})
	r.AddCrate("Serde_Json", "1.1.0", CrateVersion{Line: map[string]any{"pubtime": nil, "new-key": 1}})
	r.YankCrate("serde_json", "1.1.0", true)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	_, index := get("/cargo/se/rd/serde_json")
	lines := strings.Split(strings.TrimSuffix(index, "\n"), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"pubtime":"2020-01-01T01:00:00Z"`) || strings.Contains(lines[1], "pubtime") ||
		!strings.Contains(lines[1], `"yanked":true`) || !strings.Contains(lines[1], `"new-key":1`) {
		t.Errorf("index:\n%s", index)
	}
	var line struct{ Cksum string }
	sum := sha256.Sum256(data)
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil || line.Cksum != hex.EncodeToString(sum[:]) {
		t.Errorf("cksum %s of %x (%v)", line.Cksum, sum, err)
	}
	for _, path := range []string{"Serde_Json/1.0.0/download", "a/b/Serde_Json-1.0.0.crate", line.Cksum} {
		if code, body := get("/cargo/files/" + path); code != http.StatusOK || body != string(data) {
			t.Errorf("%s: %d, %d bytes", path, code, len(body))
		}
	}
	for _, path := range []string{"se/rd/serde-json", "xx/rd/serde_json", "files/Serde_Json/2.0.0/download", "serde_json"} {
		if code, _ := get("/cargo/" + path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	if _, body := get("/cargo/config.json"); !strings.Contains(body, `"dl":"http://example.com/cargo/files"`) {
		t.Errorf("config: %s", body)
	}
	if _, body := get("/cargo/api/v1/crates?q=serde"); !strings.Contains(body, `"max_version":"1.1.0"`) {
		t.Errorf("search: %s", body)
	}
}

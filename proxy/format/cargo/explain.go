package cargo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// Explain writes an error as registries do; cargo shows every detail.
func (Format) Explain(w http.ResponseWriter, status int, message string) {
	type detail struct {
		Detail string `json:"detail"`
	}
	writeJSON(w, status, map[string][]detail{"errors": {{message}}})
}

// Challenge is the WWW-Authenticate header that makes cargo say where a token is to be had (Cargo book, "Registry
// Authentication"), beside Basic for everyone else.
func (Format) Challenge(base string) string {
	return `Cargo login_url="` + base + `me"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := marshal(v)
	if err != nil {
		// Only strings, numbers and valid raw JSON come here.
		status, b = http.StatusInternalServerError, []byte(`{"errors":[{"detail":"internal error"}]}`)
	}
	b = append(b, '\n')
	h := w.Header()
	h.Set("Content-Type", typeJSON)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that left wants no answer
}

// marshal is json.Marshal without the escapes that are meant for HTML: requirements are full of < and >.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

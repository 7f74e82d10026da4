package pypi

import (
	"io"
	"net/http"
	"strconv"
)

// Explain writes an error as text, which uv, and twine where it is verbose, show. HTTP's reason phrase is the standard
// one: net/http sends no other, and HTTP/2 has none.
func (Format) Explain(w http.ResponseWriter, status int, message string) {
	message += "\n"
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(message)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, message) // a client that left wants no answer
}

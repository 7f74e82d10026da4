package npm

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Explain writes an error as the registry does: npm, pnpm and yarn show "error". npm shows the header npm-notice too,
// and of a refused tarball only that.
func (Format) Explain(w http.ResponseWriter, status int, message string) {
	if status == http.StatusForbidden {
		w.Header().Set("Npm-Notice", oneLine(message))
	}
	writeJSON(w, status, map[string]string{"error": message})
}

// oneLine makes a message fit for a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, s)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		// Only strings, numbers and valid raw JSON come here.
		status, b = http.StatusInternalServerError, []byte(`{"error":"internal error"}`)
	}
	b = append(b, '\n')
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that left wants no answer
}

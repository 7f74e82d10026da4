package pypi

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
)

// recorder makes a response of what a handler writes.
type recorder struct{ *httptest.ResponseRecorder }

func newRecorder() recorder { return recorder{httptest.NewRecorder()} }

func (r recorder) result() *http.Response { return r.Result() }

// randomText does not compress well, and is always the same.
func randomText(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

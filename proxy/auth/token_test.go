package auth

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func TestNewToken(t *testing.T) {
	seen := make(map[string]bool)
	var counts [256]int
	for range 20000 {
		s := NewToken()
		if len(s) != 40 || !strings.HasPrefix(s, "ent_") || !wellFormed(s) || seen[s] {
			t.Fatalf("token %q", s)
		}
		seen[s] = true
		for i := len(tokenMark); i < len(tokenMark)+tokenRandom; i++ {
			counts[s[i]]++
		}
	}
	for i := range len(base62) { // 9677 expected of each, standard deviation 98; a byte modulo 62 favours eight by 2000
		if n := counts[base62[i]]; n < 8900 || n > 10450 {
			t.Errorf("%d times %q of 600000", n, base62[i])
		}
	}
}

// The form of tokens is a contract: secret scanners know it.
func TestTokenSum(t *testing.T) {
	got := string(appendSum([]byte("ent_000000000000000000000000000000")))
	if want := "ent_0000000000000000000000000000002zoCQ1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzWellFormed(f *testing.F) {
	f.Add(NewToken())
	f.Add("ent_")
	f.Add("ent_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!000000")
	f.Fuzz(func(t *testing.T, s string) {
		if wellFormed(s) && (len(s) != tokenLen || string(appendSum([]byte(s[:tokenLen-tokenSum]))) != s || strings.Trim(s[4:], base62) != "") {
			t.Errorf("%q", s)
		}
	})
}

func FuzzCredential(f *testing.F) {
	for _, s := range []string{"Bearer x", "Basic eDp5", "basic", "raw", "token  x ", "AWS4-HMAC-SHA256 x", "Basic Og==", "\x00"} {
		f.Add(s)
	}
	f.Add("Basic " + base64.StdEncoding.EncodeToString([]byte("a:b:c")))
	f.Fuzz(func(t *testing.T, value string) {
		c, ok, err := credentialIn(http.Header{"Authorization": {value}}, "Authorization")
		if ok && (err != nil || c.secret == "" || len(c.secret) > maxCredential) || err != nil && ok {
			t.Errorf("%q: %v, %v, %v", value, c, ok, err)
		}
		if err != nil && len(value) > 8 && strings.Contains(err.Error(), value) {
			t.Errorf("error gives the credential away: %v", err)
		}
	})
}

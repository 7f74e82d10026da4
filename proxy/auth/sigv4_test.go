package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var signing = aws.Credentials{AccessKeyID: "AKIAEXAMPLE000000001", SecretAccessKey: "a secret/with+signs=and spaces"}

// order is a request to be signed, and what happens to it on the way.
type order struct {
	method, url, body string
	service, region   string
	at                time.Time
	with              aws.Credentials
	tamper            func(*http.Request)
	want              Signature
}

// send signs a request as the AWS SDK does, sends it over a real connection, and verifies what arrives.
func (o order) send(t *testing.T, a *Authority) (*Principal, error) {
	t.Helper()
	type outcome struct {
		p   *Principal
		err error
	}
	done := make(chan outcome, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sum := sha256.Sum256(body)
		o.want.Payload = hex.EncodeToString(sum[:])
		p, err := a.Signed(r.Context(), r, o.want, netip.MustParseAddr("192.0.2.1"))
		done <- outcome{p, err}
	}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), o.method, server.URL+o.url, bytes.NewReader([]byte(o.body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Two", "  many   spaces ")
	r.Header.Add("X-Two", "more")
	sum := sha256.Sum256([]byte(o.body))
	if err := v4.NewSigner().SignHTTP(context.Background(), o.with, r, hex.EncodeToString(sum[:]), o.service, o.region, o.at); err != nil {
		t.Fatal(err)
	}
	if o.tamper != nil {
		o.tamper(r)
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	got := <-done
	return got.p, got.err
}

func signedOrder() order {
	return order{
		method: "POST", url: "/v1/package?z=1&a=%2Fnpm%2F&a=b%20c&empty=&tilde=~x&star=*&plus=%2B", body: `{"a":1}`,
		service: "codeartifact", region: "eu-central-1", at: time.Now(), with: signing, want: Signature{Service: "codeartifact"},
	}
}

func keyed(t *testing.T) *Authority {
	t.Helper()
	a := New(nil)
	if err := a.SetAccess(Access{Keys: []Key{{Name: "ci", AccessKeyID: signing.AccessKeyID, Secret: Secret(signing.SecretAccessKey), Account: "111122223333", Level: AdminLevel}}}); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSigned(t *testing.T) {
	for name, c := range map[string]func(*order){
		"as it is":        func(*order) {},
		"no body":         func(o *order) { o.method, o.body = "GET", "" },
		"no query":        func(o *order) { o.url = "/v1/domains" },
		"odd path":        func(o *order) { o.url = "/v1/a%20b/c%2Fd" },
		"14 minutes old":  func(o *order) { o.at = o.at.Add(-14 * time.Minute) },
		"14 minutes new":  func(o *order) { o.at = o.at.Add(14 * time.Minute) },
		"the region":      func(o *order) { o.want.Region = "eu-central-1" },
		"unsigned header": func(o *order) { o.tamper = func(r *http.Request) { r.Header.Set("User-Agent", "another") } },
		"query reordered": func(o *order) {
			o.tamper = func(r *http.Request) {
				r.URL.RawQuery = "a=b%20c&" + strings.Replace(r.URL.RawQuery, "&a=b%20c", "", 1)
			}
		},
	} {
		o := signedOrder()
		c(&o)
		if p, err := o.send(t, keyed(t)); err != nil || p.Name != "ci" || p.Account != "111122223333" {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestWronglySigned(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*order)
		want   string
	}{
		"another body":      {func(o *order) { o.tamper = body(`{"a":2}`) }, "does not match"},
		"another query":     {func(o *order) { o.tamper = func(r *http.Request) { r.URL.RawQuery += "&x=y" } }, "does not match"},
		"another path":      {func(o *order) { o.tamper = func(r *http.Request) { r.URL.Path += "s" } }, "does not match"},
		"another method":    {func(o *order) { o.tamper = func(r *http.Request) { r.Method = "PUT" } }, "does not match"},
		"another header":    {func(o *order) { o.tamper = func(r *http.Request) { r.Header.Set("X-Two", "one") } }, "does not match"},
		"another host":      {func(o *order) { o.tamper = func(r *http.Request) { r.Host = "elsewhere.example" } }, "does not match"},
		"another secret":    {func(o *order) { o.with.SecretAccessKey += "x" }, "does not match"},
		"unknown key":       {func(o *order) { o.with.AccessKeyID = "AKIANOBODY0000000000" }, "does not match"},
		"another service":   {func(o *order) { o.service = "s3" }, "another service"},
		"another region":    {func(o *order) { o.want.Region = "us-east-1" }, "another region"},
		"a replay":          {func(o *order) { o.at = o.at.Add(-16 * time.Minute) }, "expired"},
		"from the future":   {func(o *order) { o.at = o.at.Add(16 * time.Minute) }, "not yet"},
		"another day":       {func(o *order) { o.tamper = header("20", "19", "Credential=") }, "scope"},
		"no signed headers": {func(o *order) { o.tamper = header("SignedHeaders=", "SignedHeaders=x;", "") }, ""},
		"host not signed":   {func(o *order) { o.tamper = header("host;", "", "") }, "host"},
		"no signature":      {func(o *order) { o.tamper = header("Signature=", "Nothing=", "") }, "incomplete"},
		"two headers": {func(o *order) {
			o.tamper = func(r *http.Request) { r.Header.Add("Authorization", "AWS4-HMAC-SHA256 x") }
		}, "one Authorization"},
	} {
		o := signedOrder()
		c.change(&o)
		p, err := o.send(t, keyed(t))
		var f *Failure
		if !errors.As(err, &f) || !strings.Contains(f.Reason, c.want) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// body puts another body in a request's place.
func body(text string) func(*http.Request) {
	return func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(text)) }
}

// header replaces a part of the Authorization header, the first behind a mark.
func header(old, next, behind string) func(*http.Request) {
	return func(r *http.Request) {
		a := r.Header.Get("Authorization")
		i := strings.Index(a, behind)
		i += strings.Index(a[i:], old)
		r.Header.Set("Authorization", a[:i]+next+a[i+len(old):])
	}
}

// TestSignaturesAreNotGuessed: an address that signs wrongly too often has to wait.
func TestSignaturesAreNotGuessed(t *testing.T) {
	a := keyed(t)
	o := signedOrder()
	o.with.SecretAccessKey = "wrong"
	var f *Failure
	for range 200 {
		if _, err := o.send(t, a); errors.As(err, &f) && f.RetryAfter > 0 {
			return
		}
	}
	t.Error("200 guesses were looked at")
}

func FuzzSigned(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20261123/r/codeartifact/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "20261123T000000Z", "a=b&c")
	a := New(nil)
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r := httptest.NewRequest("GET", "/v1/domain", nil)
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		r.URL.RawQuery = query
		if p, err := a.Signed(t.Context(), r, Signature{Service: "codeartifact"}, netip.Addr{}); err == nil {
			t.Errorf("somebody: %v", p)
		}
	})
}

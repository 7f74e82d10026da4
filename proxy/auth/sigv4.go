package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far a signed request's clock may be from ours, either way, as the service has it. Within it a request
// that somebody recorded could be sent again, over a connection that he can read; TLS is what keeps it from him.
const maxSkew = 15 * time.Minute

// scheme is the only version of AWS's signatures that is known here.
const scheme = "AWS4-HMAC-SHA256"

// Signature is what a signed request has to be signed for.
type Signature struct {
	Service string // "codeartifact"
	Region  string // empty: any
	// Payload is the SHA-256 of the body in hex. A caller that has not read it yet takes the client's word, and checks
	// the bytes when they come.
	Payload string
}

// IsSigned reports whether the request carries an AWS signature in its Authorization header.
func IsSigned(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), scheme+" ")
}

// Signed says who signed a request with AWS's Signature Version 4, in its header form. The error is a *Failure that
// tells what is wrong with the form, the scope or the time of the signature, but not whether the key exists.
func (a *Authority) Signed(ctx context.Context, r *http.Request, s Signature, remote netip.Addr) (*Principal, error) {
	q, err := parseSignature(r)
	if err != nil {
		return nil, err
	}
	if err := q.current(s, time.Now()); err != nil {
		return nil, err
	}
	if wait := a.failures.wait(remote); wait > 0 {
		return nil, &Failure{Reason: "too many wrong credentials from this address", RetryAfter: wait}
	}
	holder, secret, err := a.accessKey(ctx, q.key)
	if err != nil {
		return nil, err
	}
	want := q.sign(secret, r, s.Payload) // for an unknown key too, so that both take as long
	if !hmac.Equal([]byte(want), []byte(q.signature)) || holder == nil {
		a.failures.fail(remote)
		return nil, &Failure{Reason: "the request signature does not match: check the access key, the secret and what was signed"}
	}
	return a.admit(holder, remote)
}

// accessKeyMark begins the IDs of access keys that were issued, as it does AWS's.
const accessKeyMark = "AKIA"

// accessKeySecret is what the holder of an issued access key signs with. Verifying a signature needs the secret itself,
// so for these, and only for these, what is stored is as good as the key.
func accessKeySecret(t Token) string { return base64.RawURLEncoding.EncodeToString(t.Hash[:]) }

// accessKey finds an access key that is configured or was issued; its holder is nil if there is none.
func (a *Authority) accessKey(ctx context.Context, id string) (holder *known, secret string, err error) {
	if k, ok := a.directory.Load().keys[id]; ok {
		return &known{p: k.p}, string(k.secret), nil
	}
	stored, ok := a.tokens.(interface {
		TokenByID(ctx context.Context, id string) (Token, error)
	})
	if !ok || !strings.HasPrefix(id, accessKeyMark) {
		return nil, "", nil
	}
	t, err := stored.TokenByID(ctx, id)
	if err == nil {
		holder, err = a.holder(t)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	return holder, accessKeySecret(t), err
}

// signed is an Authorization header taken apart.
type signed struct {
	key, date, region, service string // of the scope
	headers                    []string
	signature                  string
	at                         string // X-Amz-Date
	time                       time.Time
}

// maxSignedHeaders bounds the work for a request that is not known to be anybody's.
const maxSignedHeaders = 64

func parseSignature(r *http.Request) (*signed, error) {
	bad := func(what string) error { return &Failure{Reason: "the request signature is incomplete: " + what} }
	all := r.Header.Values("Authorization")
	if len(all) != 1 || len(all[0]) > maxCredential {
		return nil, bad("one Authorization header is needed")
	}
	q := &signed{at: r.Header.Get("X-Amz-Date")}
	for field := range strings.SplitSeq(strings.TrimPrefix(all[0], scheme+" "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			parts := strings.Split(value, "/")
			if len(parts) != 5 || parts[4] != "aws4_request" {
				return nil, bad("Credential is KEY/DATE/REGION/SERVICE/aws4_request")
			}
			q.key, q.date, q.region, q.service = parts[0], parts[1], parts[2], parts[3]
		case "SignedHeaders":
			q.headers = strings.Split(value, ";")
		case "Signature":
			q.signature = value
		}
	}
	if q.key == "" || q.signature == "" || len(q.headers) > maxSignedHeaders {
		return nil, bad("Credential, SignedHeaders and Signature are needed")
	}
	if !slices.Contains(q.headers, "host") || !slices.Contains(q.headers, "x-amz-date") {
		return nil, bad("host and x-amz-date have to be signed")
	}
	var err error
	if q.time, err = time.Parse("20060102T150405Z", q.at); err != nil || q.date != q.time.Format("20060102") {
		return nil, bad("X-Amz-Date is a time, and its day that of the scope")
	}
	return q, nil
}

// current checks the scope and the time.
func (q *signed) current(s Signature, now time.Time) error {
	switch {
	case q.service != s.Service:
		return &Failure{Reason: "the request is signed for another service: Credential should be scoped to " + s.Service}
	case s.Region != "" && q.region != s.Region:
		return &Failure{Reason: "the request is signed for another region: Credential should be scoped to " + s.Region}
	case now.Sub(q.time) > maxSkew:
		return &Failure{Reason: "Signature expired: the request was signed more than 15 minutes ago"}
	case q.time.Sub(now) > maxSkew:
		return &Failure{Reason: "Signature not yet current: the request's clock is more than 15 minutes ahead"}
	}
	return nil
}

// sign returns the signature that the request has to have.
func (q *signed) sign(secret string, r *http.Request, payload string) string {
	canonical := sha256.Sum256([]byte(q.canonical(r, payload)))
	scope := strings.Join([]string{q.date, q.region, q.service, "aws4_request"}, "/")
	key := []byte("AWS4" + secret)
	for _, part := range []string{q.date, q.region, q.service, "aws4_request"} {
		key = hmacSHA256(key, part)
	}
	return hex.EncodeToString(hmacSHA256(key, strings.Join([]string{scheme, q.at, scope, hex.EncodeToString(canonical[:])}, "\n")))
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonical is the canonical request of AWS's documentation ("Create a signed AWS API request", step 1).
func (q *signed) canonical(r *http.Request, payload string) string {
	var headers strings.Builder
	for _, name := range q.headers {
		headers.WriteString(name)
		headers.WriteByte(':')
		headers.WriteString(signedHeader(r, name))
		headers.WriteByte('\n')
	}
	return strings.Join([]string{
		r.Method, canonicalPath(r.URL.EscapedPath()), canonicalQuery(r.URL.RawQuery), headers.String(), strings.Join(q.headers, ";"), payload,
	}, "\n")
}

// signedHeader is a header's value as it is signed. net/http keeps two of them elsewhere.
func signedHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(max(r.ContentLength, 0), 10)
	}
	all := r.Header.Values(name)
	trimmed := make([]string, len(all))
	for i, v := range all {
		trimmed[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(trimmed, ",")
}

// canonicalPath escapes each segment once more, as every service but S3 does.
func canonicalPath(escaped string) string {
	if escaped == "" {
		return "/"
	}
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	return strings.Join(segments, "/")
}

// canonicalQuery sorts the parameters, and escapes them in the one way that is signed.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{reescape(name), reescape(value)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = p[0] + "=" + p[1]
	}
	return strings.Join(parts, "&")
}

func reescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return escape(s)
}

// escape percent-encodes all but the unreserved characters of RFC 3986.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

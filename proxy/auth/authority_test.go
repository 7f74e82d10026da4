package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// memory is a Tokens in memory that counts its look-ups.
type memory struct {
	mu      sync.Mutex
	m       map[string]Token
	lookups int
	fail    error
}

func (m *memory) PutToken(_ context.Context, t Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = make(map[string]Token)
	}
	m.m[t.ID] = t
	return m.fail
}

func (m *memory) TokenByHash(_ context.Context, hash [sha256.Size]byte) (Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lookups++
	for _, t := range m.m {
		if t.Hash == hash {
			return t, m.fail
		}
	}
	if m.fail != nil {
		return Token{}, m.fail
	}
	return Token{}, fs.ErrNotExist
}

func (m *memory) TokensOf(_ context.Context, principal string) ([]Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.SortedFunc(maps.Values(m.m), func(a, b Token) int { return a.Created.Compare(b.Created) })
	return slices.DeleteFunc(list, func(t Token) bool { return principal != "" && t.Principal != principal }), m.fail
}

func (m *memory) DeleteToken(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.m[id]; !ok {
		return fs.ErrNotExist
	}
	delete(m.m, id)
	return m.fail
}

var (
	local  = netip.MustParseAddr("127.0.0.1")
	office = netip.MustParseAddr("10.1.2.3")
	abroad = netip.MustParseAddr("198.51.100.7")
)

func hash(t *testing.T, password string) Secret {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return Secret(h)
}

// newAuthority knows a user with a plain password, one with a hash, a static token, a key pair.
func newAuthority(t *testing.T) (*Authority, *memory) {
	t.Helper()
	m := new(memory)
	a := New(m)
	err := a.SetAccess(Access{
		Users: []User{
			{Name: "ann", Password: "plain", Level: PublishLevel, Account: "111122223333"},
			{Name: "bob", Password: hash(t, "hashed"), Level: ReadLevel},
		},
		Tokens: []StaticToken{{Name: "robot", Token: "static-token", Level: PublishLevel}},
		Keys:   []Key{{Name: "ci", AccessKeyID: "AKIA1", Secret: "key-secret", Level: AdminLevel}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, m
}

func with(headers ...string) *http.Request {
	r := &http.Request{Header: http.Header{}}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func basic(user, password string) *http.Request {
	r := with()
	r.SetBasicAuth(user, password)
	return r
}

func bearer(token string) *http.Request { return with("Authorization", "Bearer "+token) }

// who names what Authenticate says: a principal with its level, or the failure.
func who(t *testing.T, a *Authority, r *http.Request, remote netip.Addr) string {
	t.Helper()
	p, err := a.Authenticate(t.Context(), r, remote)
	var f *Failure
	switch {
	case errors.As(err, &f):
		return fmt.Sprint(f.Status())
	case err != nil:
		return err.Error()
	case p.Anonymous != (p.Name == ""):
		t.Errorf("principal %+v", p)
	}
	return strings.TrimSpace(p.Name + " " + p.Level.String())
}

func TestAuthenticate(t *testing.T) {
	a, _ := newAuthority(t)
	issued, row, err := a.IssueTo(t.Context(), "ann", Request{})
	if err != nil {
		t.Fatal(err)
	}
	if row.Hash != sha256.Sum256([]byte(issued)) || strings.Contains(fmt.Sprintf("%+v", row), issued) || !strings.HasPrefix(issued, row.Prefix) {
		t.Errorf("row %+v of %s", row, issued)
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"nothing", with(), "none"},
		{"empty bearer", with("Authorization", "Bearer "), "none"},
		{"bearer alone", with("Authorization", "Bearer"), "none"},
		{"empty basic", basic("", ""), "none"},
		{"basic alone", with("Authorization", "Basic"), "none"},
		{"issued bearer", bearer(issued), "ann publish"},
		{"bearer in capitals", with("Authorization", "BEARER "+issued), "ann publish"},
		{"issued raw", with("Authorization", issued), "ann publish"},
		{"issued as password of anybody", basic("aws", issued), "ann publish"},
		{"issued as user", basic(issued, ""), "ann publish"},
		{"issued api key", with("X-NuGet-ApiKey", issued), "ann publish"},
		{"issued, token scheme", with("Authorization", "token "+issued), "ann publish"},
		{"static bearer", bearer("static-token"), "robot publish"},
		{"static password", basic("x", "static-token"), "robot publish"},
		{"plain password", basic("ann", "plain"), "ann publish"},
		{"hashed password", basic("bob", "hashed"), "bob read"},
		{"key pair", basic("AKIA1", "key-secret"), "ci admin"},
		{"wrong password", basic("ann", "hashed"), "401"},
		{"wrong hashed password", basic("bob", "plain"), "401"},
		{"the hash itself", basic("bob", string(hash(t, "hashed"))), "401"},
		{"unknown user", basic("eve", "plain"), "401"},
		{"unknown user with somebody's password", basic("eve", "hashed"), "401"},
		{"password as bearer", bearer("plain"), "401"},
		{"key's name as user", basic("ci", "key-secret"), "401"},
		{"unknown token", bearer(NewToken()), "401"},
		{"not Basic", with("Authorization", "Basic %%%"), "401"},
		{"another scheme", with("Authorization", "Negotiate abc"), "401"},
		{"signed", with("Authorization", "AWS4-HMAC-SHA256 Credential=…"), "401"},
		{"two credentials", with("Authorization", "Bearer "+issued, "Authorization", "Bearer x"), "401"},
		{"two api keys", with("X-NuGet-ApiKey", issued, "X-NuGet-ApiKey", "x"), "401"},
		{"huge", bearer(strings.Repeat("x", maxCredential+1)), "401"},
		{"of a proxy", with("Proxy-Authorization", "Bearer "+issued), "none"},
	} {
		a.failures = limiter{}
		if got := who(t, a, tt.r, abroad); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	p, err := a.AuthenticateProxy(t.Context(), with("Proxy-Authorization", "Basic "+strings.TrimPrefix(basic("x", issued).Header.Get("Authorization"), "Basic ")), abroad)
	if err != nil || p.Name != "ann" || p.Account != "111122223333" || p.TokenID != row.ID {
		t.Errorf("as a proxy: %+v, %v", p, err)
	}
}

func TestAnonymous(t *testing.T) {
	for _, tt := range []struct {
		set           Anonymous
		local, abroad Level
	}{{LoopbackReads, ReadLevel, None}, {NobodyReads, None, None}, {EverybodyReads, ReadLevel, ReadLevel}} {
		a := New(new(memory))
		if err := a.SetAccess(Access{Anonymous: tt.set}); err != nil {
			t.Fatal(err)
		}
		for remote, want := range map[netip.Addr]Level{
			local: tt.local, netip.IPv6Loopback(): tt.local, netip.MustParseAddr("::ffff:127.0.0.1"): tt.local,
			office: tt.abroad, abroad: tt.abroad, {}: tt.abroad,
		} {
			p, err := a.Authenticate(t.Context(), with(), remote)
			if err != nil || !p.Anonymous || p.Level != want {
				t.Errorf("anonymous %d from %s: %+v, %v", tt.set, remote, p, err)
			}
		}
	}
}

// A token with a wrong sum costs no look-up, and one that was good costs one.
func TestLookups(t *testing.T) {
	a, m := newAuthority(t)
	secret, _, err := a.IssueTo(t.Context(), "ann", Request{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range secret {
		wrong := []byte(secret)
		wrong[i] ^= 1
		a.failures = limiter{}
		if got := who(t, a, bearer(string(wrong)), office); got != "401" {
			t.Errorf("%s passes as %s", wrong, got)
		}
	}
	if m.lookups != 0 {
		t.Errorf("%d look-ups of mistyped tokens", m.lookups)
	}
	for range 5 {
		if got := who(t, a, bearer(secret), office); got != "ann publish" {
			t.Error(got)
		}
	}
	if m.lookups != 1 {
		t.Errorf("%d look-ups of a good token, want 1", m.lookups)
	}
	m.fail = errors.New("disk on fire")
	if _, err := a.Authenticate(t.Context(), bearer(NewToken()), office); !errors.Is(err, m.fail) || errors.As(err, new(*Failure)) {
		t.Errorf("a broken store: %v", err)
	}
}

func TestRevokedTokensStopAtOnce(t *testing.T) {
	a, _ := newAuthority(t)
	ctx := t.Context()
	byID, row, _ := a.IssueTo(ctx, "ann", Request{})
	byItself, _, _ := a.IssueTo(ctx, "ann", Request{})
	other, otherRow, _ := a.IssueTo(ctx, "bob", Request{})
	for _, s := range []string{byID, byItself, other} {
		who(t, a, bearer(s), office) // remembered now
	}
	for _, wrong := range []string{other, otherRow.ID, "", "nothing", NewToken()} {
		if err := a.Revoke(ctx, "ann", wrong); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ann revoked %q: %v", wrong, err)
		}
	}
	before := a.Generation().Load()
	if err := errors.Join(a.Revoke(ctx, "ann", row.ID), a.Revoke(ctx, "ann", byItself)); err != nil {
		t.Fatal(err)
	}
	if a.Generation().Load() == before {
		t.Error("remembered answers live on")
	}
	for s, want := range map[string]string{byID: "401", byItself: "401", other: "bob read"} {
		if got := who(t, a, bearer(s), office); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if err := a.Revoke(ctx, "", otherRow.ID); err != nil { // an administrator
		t.Error(err)
	}
	if list, err := a.List(ctx, ""); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}

// Who is taken out of the configuration is not let in any more, with a password or a token.
func TestRemovedPrincipals(t *testing.T) {
	a, _ := newAuthority(t)
	secret, _, _ := a.IssueTo(t.Context(), "ann", Request{})
	for range 2 {
		if who(t, a, bearer(secret), office) != "ann publish" || who(t, a, basic("ann", "plain"), office) != "ann publish" {
			t.Fatal("ann is not let in")
		}
	}
	if err := a.SetAccess(Access{Users: []User{{Name: "carl", Password: "x"}, {Name: "carl", Password: "y"}}}); err == nil {
		t.Error("two users of one name")
	}
	if got := who(t, a, bearer(secret), office); got != "ann publish" {
		t.Errorf("after a broken configuration: %s", got)
	}
	if err := a.SetAccess(Access{Users: []User{{Name: "carl", Password: "x", Level: ReadLevel}}}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{bearer(secret), basic("ann", "plain"), bearer("static-token")} {
		if got := who(t, a, r, office); got != "401" {
			t.Errorf("%v: %s", r.Header, got)
		}
	}
}

func TestSetAccessRefuses(t *testing.T) {
	for _, access := range []Access{
		{Users: []User{{Name: "", Password: "x"}}},
		{Users: []User{{Name: "ann"}}},
		{Users: []User{{Name: "ann", Password: "$2y$nonsense"}}},
		{Tokens: []StaticToken{{Name: "a"}}},
		{Tokens: []StaticToken{{Name: "a", Token: "topsecret"}, {Name: "b", Token: "topsecret"}}},
		{Keys: []Key{{Name: "a", Secret: "x"}}},
		{Keys: []Key{{Name: "a", AccessKeyID: "x"}}},
		{Users: []User{{Name: "a", Password: "x"}}, Keys: []Key{{Name: "b", AccessKeyID: "a", Secret: "x"}}},
		{Users: []User{{Name: "a", Password: "x"}}, Keys: []Key{{Name: "a", AccessKeyID: "b", Secret: "x"}}},
	} {
		err := New(new(memory)).SetAccess(access)
		if err == nil || strings.Contains(err.Error(), "secret\"") || strings.Contains(err.Error(), "nonsense") {
			t.Errorf("%+v: %v", access, err)
		}
		if s := fmt.Sprintf("%v %+v %#v", access, access, access); strings.Contains(s, "topsecret") || strings.Contains(s, "nonsense") {
			t.Errorf("secrets show: %s", s)
		}
	}
}

func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newAuthority(t)
		secret, row, err := a.IssueTo(t.Context(), "ann", Request{Life: time.Hour})
		if err != nil || !row.Expires.Equal(time.Now().Add(time.Hour)) {
			t.Fatal(row, err)
		}
		time.Sleep(time.Hour - 1)
		if got := who(t, a, bearer(secret), office); got != "ann publish" {
			t.Errorf("before its end: %s", got)
		}
		time.Sleep(1)
		if got := who(t, a, bearer(secret), office); got != "401" {
			t.Errorf("after its end: %s", got)
		}
	})
}

// A token makes no token that can do more than itself.
func TestIssueDoesNotEscalate(t *testing.T) {
	a, _ := newAuthority(t)
	ctx := t.Context()
	small, _, err := a.IssueTo(ctx, "ann", Request{ReadOnly: true, Domain: "acme", CIDR: []string{"10.0.0.0/8", "::1"}, Life: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got := who(t, a, bearer(small), office); got != "ann read" {
		t.Errorf("a read-only token: %s", got)
	}
	if got := who(t, a, bearer(small), abroad); got != "401" {
		t.Errorf("from elsewhere: %s", got)
	}
	p, err := a.Authenticate(ctx, bearer(small), office)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Bound() {
		t.Errorf("%+v may be used from anywhere", p)
	}
	_, row, err := a.Issue(ctx, p, Request{Life: 48 * time.Hour})
	if err != nil || !row.ReadOnly || row.Domain != "acme" || !row.Expires.Equal(p.Expires) || !slices.Equal(row.CIDR, []string{"10.0.0.0/8", "::1/128"}) {
		t.Errorf("%+v, %v", row, err)
	}
	if _, row, err = a.Issue(ctx, p, Request{CIDR: []string{"10.2.3.4"}, Life: time.Minute}); err != nil || row.CIDR[0] != "10.2.3.4/32" || !row.Expires.Before(p.Expires) {
		t.Errorf("%+v, %v", row, err)
	}
	for _, q := range []Request{
		{Domain: "other"}, {CIDR: []string{"0.0.0.0/0"}}, {CIDR: []string{"10.0.0.0/8", "11.0.0.1"}}, {CIDR: []string{"x"}},
		{Life: -1}, {Note: strings.Repeat("n", maxNote+1)}, {Note: "\xff"},
	} {
		if _, _, err := a.Issue(ctx, p, q); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	nobody, _ := a.Authenticate(ctx, with(), local)
	if nobody.Bound() {
		t.Error("a client without a token is bound by one")
	}
	if _, _, err := a.Issue(ctx, nobody, Request{}); !errors.As(err, new(*Failure)) {
		t.Errorf("an anonymous token: %v", err)
	}
	if _, _, err := a.IssueTo(ctx, "nobody", Request{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a token of nobody: %v", err)
	}
}

func TestLogin(t *testing.T) {
	a, _ := newAuthority(t)
	bobs, _, _ := a.IssueTo(t.Context(), "bob", Request{})
	for _, tt := range []struct {
		user, password string
		ok             bool
	}{
		{"ann", "plain", true}, {"bob", "hashed", true}, {"AKIA1", "key-secret", true}, {"bob", bobs, true}, {"robot", "static-token", true},
		{"ann", "wrong", false}, {"ann", bobs, false}, {"ann", "", false}, {"", "static-token", false}, {"ann", "static-token", false},
	} {
		p, err := a.Login(t.Context(), tt.user, tt.password, office)
		if (err == nil) != tt.ok || err == nil && p.Name == "" {
			t.Errorf("Login(%s, %s) = %+v, %v", tt.user, tt.password, p, err)
		}
	}
}

// Last uses are stored in batches, at most once an hour for a token, and never bring a revoked one back.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, m := newAuthority(t)
		ctx := t.Context()
		secret, row, _ := a.IssueTo(ctx, "ann", Request{})
		gone, goneRow, _ := a.IssueTo(ctx, "ann", Request{})
		first := time.Now()
		for range 3 {
			who(t, a, bearer(secret), office)
			who(t, a, bearer(gone), office)
			time.Sleep(time.Minute)
		}
		if err := a.Revoke(ctx, "ann", gone); err != nil {
			t.Fatal(err)
		}
		if err := a.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if got := m.m[row.ID].Used; !got.Equal(first) {
			t.Errorf("used at %v, want %v", got, first)
		}
		if _, ok := m.m[goneRow.ID]; ok {
			t.Error("a revoked token is back")
		}
		who(t, a, bearer(secret), office)
		if n := len(a.uses.m); n != 0 {
			t.Errorf("%d uses noted within the hour", n)
		}
		time.Sleep(time.Hour)
		who(t, a, bearer(secret), office)
		if err := a.Flush(ctx); err != nil || !m.m[row.ID].Used.Equal(time.Now()) {
			t.Errorf("used at %v, %v", m.m[row.ID].Used, err)
		}
	})
}

// Any mixture of authenticating, issuing, revoking and reloading is safe, and a revoked token never passes afterwards.
func TestConcurrentUse(t *testing.T) {
	a, _ := newAuthority(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				secret, row, err := a.IssueTo(t.Context(), "ann", Request{})
				if err != nil {
					t.Error(err)
					return
				}
				if got := who(t, a, bearer(secret), office); got != "ann publish" {
					t.Errorf("a fresh token: %s", got)
				}
				who(t, a, basic("ann", "plain"), office)
				if err := errors.Join(a.Revoke(t.Context(), "ann", row.ID), a.Flush(t.Context())); err != nil {
					t.Error(err)
				}
				if p, err := a.Authenticate(t.Context(), bearer(secret), office); err == nil {
					t.Errorf("a revoked token passes as %+v", p)
				}
			}
		})
	}
	wg.Wait()
}

func TestVerifiedIsBounded(t *testing.T) {
	var v verified
	for i := range 3 * maxVerified {
		v.put(1, sha256.Sum256(fmt.Append(nil, i)), &known{})
	}
	if len(v.m) > maxVerified {
		t.Errorf("%d credentials are remembered", len(v.m))
	}
	key := sha256.Sum256(nil)
	v.put(2, key, &known{})
	v.put(1, key, &known{}) // what was found before a revocation
	if v.get(1, key) != nil || v.get(2, key) == nil {
		t.Error("generations mix")
	}
}

func BenchmarkAuthenticateAnonymous(b *testing.B) {
	a, r := New(new(memory)), with("Accept", "*/*")
	for b.Loop() {
		_, _ = a.Authenticate(b.Context(), r, local)
	}
}

func BenchmarkAuthenticateToken(b *testing.B) {
	a := New(new(memory))
	secret, _, _ := a.IssueTo(b.Context(), Administrator, Request{})
	r := bearer(secret)
	for b.Loop() {
		_, _ = a.Authenticate(b.Context(), r, local)
	}
}

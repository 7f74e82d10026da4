package npm

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestLogin(t *testing.T) {
	d := published(t)
	const path = "-/user/org.couchdb.user:ann"
	if got := ok(t, d, "PUT", path, `{"_id":"org.couchdb.user:ann","name":"ann","password":"secret"}`); !strings.Contains(got, `"token":"token-of-ann"`) {
		t.Error(got)
	}
	for body, want := range map[string]int{
		`{"name":"ann","password":"wrong"}`: 401, `{"name":"bob","password":"secret"}`: 400, `{"name":"ann"}`: 400, `{`: 400,
		`"` + strings.Repeat("x", 100_000) + `"`: 413,
	} {
		if _, err := serve(t, d, "PUT", path, body); status(err) != want {
			t.Errorf("%.50s: %v", body, err)
		}
	}
	if got := ok(t, d, "GET", "-/whoami", ""); got != `{"username":"ann"}`+"\n" {
		t.Error(got)
	}
	for _, path := range []string{"-/whoami", "-/npm/v1/user", "-/npm/v1/tokens"} {
		if _, err := serve(t, &formattest.Desk{}, "GET", path, ""); status(err) != 401 {
			t.Errorf("%s, anonymous: %v", path, err)
		}
	}
}

func TestTokens(t *testing.T) {
	d := published(t)
	var made struct{ Token, Key string }
	body := ok(t, d, "POST", "-/npm/v1/tokens", `{"password":"secret","readonly":true,"cidr_whitelist":["10.0.0.0/8"],"name":"ci","expires":7}`)
	if err := json.Unmarshal([]byte(body), &made); err != nil || made.Token != "token-1" || made.Key != "id-1" {
		t.Fatalf("%s %v", body, err)
	}
	want := `{"objects":[{"token":"token-","key":"id-1","name":"ci","cidr_whitelist":["10.0.0.0/8"],"readonly":true,` +
		`"created":"2026-05-04T03:02:01.000Z","updated":"2026-05-04T03:02:01.000Z","expires":"2026-05-11T03:02:01.000Z"}],"total":1,"urls":{}}` + "\n"
	if got := ok(t, d, "GET", "-/npm/v1/tokens", ""); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, bad := range []string{`{"cidr_whitelist":["x"]}`, `{"expires":-1}`, `[]`} {
		if _, err := serve(t, d, "POST", "-/npm/v1/tokens", bad); status(err) != 400 {
			t.Errorf("%s: %v", bad, err)
		}
	}
	ok(t, d, "DELETE", "-/npm/v1/tokens/token/id-1", "")
	if _, err := serve(t, d, "DELETE", "-/user/token/token-1", ""); status(err) != 404 {
		t.Errorf("a token that has ended: %v", err)
	}
}

// browser is an identity with a login by browser.
type browser struct {
	*formattest.Identity
	agreed bool
}

func (b *browser) Begin(context.Context) (id, poll string, err error) { return "page", "id/1", nil }

func (b *browser) Poll(_ context.Context, id string) (string, bool, error) {
	if id != "id/1" {
		return "", false, cache.ErrAbsent
	}
	return "fresh", b.agreed, nil
}

type browserDesk struct {
	*formattest.Desk
	who *browser
}

func (d browserDesk) Identity() format.Identity { return d.who }

func TestWebLogin(t *testing.T) {
	d := browserDesk{&formattest.Desk{}, &browser{Identity: &formattest.Identity{}}}
	send := func(method, path string) (*httptest.ResponseRecorder, error) {
		w, r := httptest.NewRecorder(), formattest.Request(method, path)
		bare, _, _ := strings.Cut(path, "?")
		want, err := Format{}.Parse(r, bare)
		if err != nil {
			t.Fatal(err)
		}
		return w, Format{}.Serve(w, r, want, format.View{Base: formattest.Base}, d)
	}
	w, err := send("POST", "-/v1/login")
	if want := `{"doneUrl":"` + formattest.Base + `-/v1/done?sessionId=id%2F1","loginUrl":"https://packages.example/login/page"}` + "\n"; err != nil || w.Body.String() != want {
		t.Errorf("%s %v", w.Body, err)
	}
	if w, err = send("GET", "-/v1/done?sessionId=id%2F1"); err != nil || w.Code != 202 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%v %v", w, err)
	}
	d.who.agreed = true
	if w, err = send("GET", "-/v1/done?sessionId=id%2F1"); err != nil || w.Body.String() != `{"token":"fresh"}`+"\n" {
		t.Errorf("%v %v", w, err)
	}
	if _, err = send("GET", "-/v1/done?sessionId=other"); status(err) != 404 {
		t.Errorf("%v", err)
	}
	if _, err := serve(t, &formattest.Desk{}, "POST", "-/v1/login", "{}"); status(err) != 404 {
		t.Errorf("without a browser: %v", err)
	}
}

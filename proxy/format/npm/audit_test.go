package npm

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format/formattest"
)

// walk is a desk with a registry that knows left and right, and with @acme/ui of its own.
func walk(t *testing.T, answers map[string]formattest.Answer) (*formattest.Desk, *formattest.Registry) {
	t.Helper()
	g := formattest.NewRegistry(map[string]string{
		"left":  `{"name":"left","versions":{"1.0.0":{}}}`,
		"right": `{"name":"right","versions":{"1.0.0":{}}}`,
	})
	maps.Copy(g.Answers, answers)
	d := published(t, "1.0.0")
	d.Format, d.Registries = Format{}, []*formattest.Registry{g}
	return d, g
}

const bulk = "-/npm/v1/security/advisories/bulk"

func zip(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, s)
	z.Close()
	return b.String()
}

func TestAuditTellsARegistryOnlyItsOwnPackages(t *testing.T) {
	for name, answer := range map[string]string{"plain": `{"left":[{"id":1}]}`, "gzip without a header": zip(`{"left":[{"id":1}]}`)} {
		d, g := walk(t, map[string]formattest.Answer{"POST " + bulk: {Body: answer}})
		got := ok(t, d, "POST", bulk, zip(`{"left":["1.0.0"],"@acme/ui":["1.0.0"],"secret-name":["1.0.0"],"../x":["1"]}`))
		if got != `{"left":[{"id":1}]}`+"\n" {
			t.Errorf("%s: %s", name, got)
		}
		if sent := g.Sent(); len(sent) != 1 || sent[0].Body != `{"left":["1.0.0"]}` {
			t.Errorf("%s: %+v", name, sent)
		}
	}
}

// TestANameOfOursIsNotTold holds for a name that has versions of a registry too, whichever comes first.
func TestANameOfOursIsNotTold(t *testing.T) {
	ours, theirs := cache.Version{Origin: cache.Origin{Repository: "team"}}, cache.Version{Origin: cache.Origin{Connection: "public:test"}}
	for want, versions := range map[string][]cache.Version{"": {theirs, ours}, "public:test": {theirs, theirs}} {
		if got := connectionOf(&cache.Listing{Versions: versions}); got != want {
			t.Errorf("%v comes from %q, want %q", versions, got, want)
		}
	}
}

func TestFailedAuditIsNeverCleared(t *testing.T) {
	for name, answer := range map[string]formattest.Answer{
		"down":         {Err: errors.New("no route")},
		"500":          {Status: 500, Body: `{}`},
		"400":          {Status: 400, Body: `{}`},
		"404":          {Status: 404, Body: `{}`},
		"html":         {Body: `<html>`},
		"cut":          {Body: `{"left":[`},
		"list":         {Body: `[]`},
		"null":         {Body: `null`},
		"empty":        {Body: ``},
		"cut gzip":     {Body: zip(`{"left":[]}`)[:20]},
		"wrong gzip":   {Body: "\x1f\x8bxxxxxxxxxxx"},
		"large answer": {Body: `{"left":"` + strings.Repeat("x", maxAuditAnswer) + `"}`},
	} {
		d, _ := walk(t, map[string]formattest.Answer{"POST " + bulk: answer})
		if w, err := serve(t, d, "POST", bulk, `{"left":["1.0.0"]}`); status(err) != 502 {
			t.Errorf("%s: %v %v", name, w, err)
		}
	}
	d, g := walk(t, map[string]formattest.Answer{"POST " + bulk: {Body: `{}`}})
	g.Answers["left"] = formattest.Answer{Status: 500}
	if w, err := serve(t, d, "POST", bulk, `{"left":["1.0.0"]}`); status(err) != 502 {
		t.Errorf("a package whose origin is not known: %v %v", w, err)
	}
	if w, err := serve(t, published(t, "1.0.0"), "POST", bulk, `{"left":["1.0.0"]}`); status(err) != 404 {
		t.Errorf("no registry: %v %v", w, err)
	}
}

func TestBadAuditBody(t *testing.T) {
	d, _ := walk(t, nil)
	for body, want := range map[string]int{
		`[]`: 400, `{`: 400, ``: 400, "\x1f\x8b": 400, zip(strings.Repeat(" ", maxAudit+1)): 413, strings.Repeat(" ", maxAudit+1): 413,
	} {
		if _, err := serve(t, d, "POST", bulk, body); status(err) != want {
			t.Errorf("%.20q: %v", body, err)
		}
	}
	for _, path := range []string{"-/npm/v1/security/audits/quick", "-/npm/v1/security/audits"} {
		if _, err := serve(t, d, "POST", path, strings.Repeat(`{"requires":`, 100_000)); status(err) != 400 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAuditOfATree(t *testing.T) {
	const path = "-/npm/v1/security/audits/quick"
	d, g := walk(t, map[string]formattest.Answer{"POST " + path: {Body: `{"advisories":{}}`}})
	got := ok(t, d, "POST", path, `{"name":"secret","version":"1.0.0","install":["secret"],"requires":{"left":"*","@acme/ui":"*"},`+
		`"dependencies":{"left":{"version":"1.0.0","requires":{"hidden":"*","right":"*"}},"@acme/ui":{"version":"1.0.0","dependencies":{"right":{"version":"1.0.0"}}}}}`)
	if got != `{"advisories":{}}` {
		t.Error(got)
	}
	want := `{"dependencies":{"left":{"requires":{"right":"*"},"version":"1.0.0"}},"install":[],"requires":{"left":"*"}}`
	if sent := g.Sent(); len(sent) != 1 || sent[0].Body != want {
		t.Errorf("%+v", sent)
	}
}

func TestSearch(t *testing.T) {
	const query = "-/v1/search?from=0&size=20&text=ui"
	one := `{"objects":[{"package":{"name":"ui"},"from":"one"},{"package":{"name":"ui-b"}}],"total":7}`
	two := `{"objects":[{"package":{"name":"ui"},"from":"two"},{"package":{"name":"ui-c"}}],"total":2}`
	names := func(body string) string {
		var answer struct {
			Objects []struct {
				Package struct{ Name string }
				From    string
			}
			Total int
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		out := fmt.Sprint(answer.Total)
		for _, o := range answer.Objects {
			out += " " + o.Package.Name + o.From
		}
		return out
	}
	d := &formattest.Desk{Registries: []*formattest.Registry{formattest.NewRegistry(map[string]string{query: one}), formattest.NewRegistry(map[string]string{query: two})}}
	if got := names(ok(t, d, "GET", "-/v1/search?text=ui", "")); got != "9 uione ui-b ui-c" {
		t.Error(got)
	}
	if got := names(ok(t, d, "GET", "-/v1/search?text=ui&size=19&from=1", "")); got != "9 ui-b ui-c" {
		t.Error(got)
	}
	d.Registries[0].Answers[query] = formattest.Answer{Status: 503}
	w, err := serve(t, d, "GET", "-/v1/search?text=ui", "")
	if err != nil || names(w.Body.String()) != "2 uitwo ui-c" || !strings.Contains(w.Header().Get("Npm-Notice"), "503") {
		t.Errorf("%v %v", w, err)
	}
	d.Registries[1].Answers[query] = formattest.Answer{Body: "<html>"}
	if _, err := serve(t, d, "GET", "-/v1/search?text=ui", ""); status(err) != 502 {
		t.Errorf("all fail: %v", err)
	}
	if got := names(ok(t, &formattest.Desk{}, "GET", "-/v1/search?text=ui", "")); got != "0" {
		t.Error(got)
	}
}

func TestKeys(t *testing.T) {
	d := &formattest.Desk{Registries: []*formattest.Registry{formattest.NewRegistry(map[string]string{"-/npm/v1/keys": `{"keys":[]}`})}}
	if got := ok(t, d, "GET", "-/npm/v1/keys", ""); got != `{"keys":[]}` {
		t.Error(got)
	}
	d.Registries[0].Answers["-/npm/v1/keys"] = formattest.Answer{Body: "<html>"}
	if _, err := serve(t, d, "GET", "-/npm/v1/keys", ""); status(err) != 502 {
		t.Errorf("%v", err)
	}
	if _, err := serve(t, &formattest.Desk{}, "GET", "-/npm/v1/keys", ""); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("%v", err)
	}
}

func TestVisibility(t *testing.T) {
	d, _ := walk(t, nil)
	for path, want := range map[string]string{"left": `{"public":true}`, "@acme%2fui": `{"public":false}`} {
		if got := ok(t, d, http.MethodGet, "-/package/"+path+"/visibility", ""); got != want+"\n" {
			t.Errorf("%s: %s", path, got)
		}
	}
}

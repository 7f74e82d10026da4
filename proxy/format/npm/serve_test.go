package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

var acmeUI = cache.Package{Format: "npm", Namespace: "acme", Name: "ui"}

// serve sends a request through Parse and Serve (or Encode), as the engine does.
func serve(t *testing.T, d *formattest.Desk, method, path, body string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	r := formattest.Request(method, path)
	r.Body = io.NopCloser(strings.NewReader(body))
	bare, _, _ := strings.Cut(path, "?")
	want, err := Format{}.Parse(r, bare)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	view := format.View{Name: want.View, Base: formattest.Base}
	if want.Kind == format.Document {
		l, err := d.Listing(t.Context(), want.Package)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		return w, Format{}.Encode(w, l, view)
	}
	err = Format{}.Serve(w, r, want, view, d)
	if n := d.OpenSpools(); n != 0 {
		t.Errorf("%s %s leaves %d spools open", method, path, n)
	}
	return w, err
}

// ok is serve for what must succeed; it returns the body.
func ok(t *testing.T, d *formattest.Desk, method, path, body string) string {
	t.Helper()
	w, err := serve(t, d, method, path, body)
	if err != nil || w.Code >= 300 {
		t.Fatalf("%s %s: %v %v", method, path, w, err)
	}
	return w.Body.String()
}

// status is the answer that the engine gives for an error.
func status(err error) int {
	var invalid *cache.Invalid
	var refused *cache.Refused
	var down *cache.Unavailable
	switch {
	case err == nil:
		return 200
	case errors.As(err, &invalid):
		return max(invalid.Status, 400)
	case errors.As(err, &refused) && refused.Login:
		return 401
	case errors.As(err, &refused):
		return 403
	case errors.As(err, &down):
		return 502
	case errors.Is(err, cache.ErrAbsent):
		return 404
	case errors.Is(err, cache.ErrTooLarge):
		return 413
	}
	return 500
}

// pack makes a tarball with these files, in order.
func pack(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// publication is what npm publish sends.
func publication(t *testing.T, name, version, tag string, tarball []byte) map[string]any {
	t.Helper()
	sha1, sha512 := sha1.Sum(tarball), sha512.Sum512(tarball)
	return map[string]any{
		"_id": name, "name": name, "description": "about " + version, "dist-tags": map[string]any{tag: version},
		"versions": map[string]any{version: map[string]any{
			"name": name, "version": version, "_id": name + "@" + version, "readme": "read " + version, "license": "MIT",
			"dist": map[string]any{
				"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sha512[:]), "shasum": hex.EncodeToString(sha1[:]),
				"tarball": "http://elsewhere.example/" + name + "/-/x.tgz", "fileCount": 1,
			},
		}},
		"access": nil,
		"_attachments": map[string]any{name + "-" + version + ".tgz": map[string]any{
			"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(tarball), "length": len(tarball),
		}},
	}
}

func packed(t *testing.T, name, version string) []byte {
	t.Helper()
	return pack(t, "package/index.js", "x", "package/package.json", fmt.Sprintf(`{"name":%q,"version":%q}`, name, version))
}

func encodeJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func published(t *testing.T, versions ...string) *formattest.Desk {
	t.Helper()
	d := &formattest.Desk{Who: &formattest.Identity{User: "ann", Users: map[string]string{"ann": "secret"}}}
	for _, v := range versions {
		ok(t, d, "PUT", "@acme%2fui", encodeJSON(t, publication(t, "@acme/ui", v, "latest", packed(t, "@acme/ui", v))))
	}
	return d
}

func TestPublishAndRead(t *testing.T) {
	d := published(t, "1.0.0", "1.1.0")
	for _, v := range []string{"1.0.0", "1.1.0"} {
		if got := d.Bytes(cache.AssetKey{Package: acmeUI, Version: v, Asset: Tarball}); !bytes.Equal(got, packed(t, "@acme/ui", v)) {
			t.Errorf("%s: %d bytes are not those of the upload", v, len(got))
		}
	}
	var doc struct {
		Rev, Readme string
		ID          string            `json:"_id"`
		RevText     string            `json:"_rev"`
		Tags        map[string]string `json:"dist-tags"`
		Time        map[string]string
		Maintainers []struct{ Name string }
		Versions    map[string]struct {
			Readme string
			Dist   map[string]any
			User   struct{ Name string } `json:"_npmUser"`
		}
	}
	if err := json.Unmarshal([]byte(ok(t, d, "GET", "@acme%2fui", "")), &doc); err != nil {
		t.Fatal(err)
	}
	v := doc.Versions["1.1.0"]
	switch {
	case doc.Tags["latest"] != "1.1.0", doc.ID != "@acme/ui", !strings.HasPrefix(doc.RevText, "2-"), doc.Readme != "read 1.1.0", v.Readme != "":
		t.Errorf("the packument says %+v", doc)
	case v.Dist["tarball"] != formattest.Base+"@acme/ui/-/ui-1.1.0.tgz" || v.Dist["fileCount"] != 1.0 || v.User.Name != "ann":
		t.Errorf("the manifest says %+v", v)
	case doc.Maintainers[0].Name != "ann" || doc.Time["1.0.0"] == "" || doc.Time["modified"] == "":
		t.Errorf("the packument says %+v", doc)
	}
}

func TestPublishGzipped(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, encodeJSON(t, publication(t, "@acme/ui", "1.0.0", "latest", packed(t, "@acme/ui", "1.0.0"))))
	z.Close()
	d := &formattest.Desk{}
	ok(t, d, "PUT", "@acme%2fui", b.String())
	if d.Holding(acmeUI) == nil {
		t.Error("nothing is stored")
	}
}

func TestPublishOverOtherBytes(t *testing.T) {
	d := published(t, "1.0.0")
	ok(t, d, "PUT", "@acme%2fui", encodeJSON(t, publication(t, "@acme/ui", "1.0.0", "latest", packed(t, "@acme/ui", "1.0.0"))))
	other := pack(t, "package/package.json", `{"name":"@acme/ui","version":"1.0.0","x":1}`)
	_, err := serve(t, d, "PUT", "@acme%2fui", encodeJSON(t, publication(t, "@acme/ui", "1.0.0", "latest", other)))
	if status(err) != 403 || err.Error() != "You cannot publish over the previously published versions: 1.0.0." {
		t.Errorf("%d: %v", status(err), err)
	}
}

// TestBadPublish holds that what is wrong is refused with a 4xx, and that nothing of it is stored.
func TestBadPublish(t *testing.T) {
	type object = map[string]any
	version := func(p object) object { return p["versions"].(object)["1.0.0"].(object) }
	attachments := func(p object) object { return p["_attachments"].(object) }
	attached := func(p object) object { return attachments(p)["@acme/ui-1.0.0.tgz"].(object) }
	replace := func(p object, tarball []byte) {
		fresh := publication(t, "@acme/ui", "1.0.0", "latest", tarball)
		version(p)["dist"] = version(fresh)["dist"]
		p["_attachments"] = fresh["_attachments"]
	}
	for name, c := range map[string]struct {
		change func(p object)
		want   int
	}{
		"name of the address":         {func(p object) { p["name"] = "@acme/other" }, 400},
		"name of the manifest":        {func(p object) { version(p)["name"] = "@acme/other" }, 400},
		"version of the manifest":     {func(p object) { version(p)["version"] = "1.0.1" }, 400},
		"name of the package.json":    {func(p object) { replace(p, packed(t, "@acme/other", "1.0.0")) }, 400},
		"version of the package.json": {func(p object) { replace(p, packed(t, "@acme/ui", "1.0.1")) }, 400},
		"two package.json": {func(p object) {
			replace(p, pack(t, "package/package.json", `{"name":"@acme/ui","version":"1.0.0"}`, "other/package.json", `{"name":"evil","version":"1.0.0"}`))
		}, 400},
		"keys of other case": {func(p object) { replace(p, pack(t, "package/package.json", `{"Name":"@acme/ui","Version":"1.0.0"}`)) }, 400},
		"no package.json":    {func(p object) { replace(p, pack(t, "package/index.js", "x")) }, 400},
		"no tarball":         {func(p object) { replace(p, []byte("hello")) }, 400},
		"cut tarball":        {func(p object) { b := packed(t, "@acme/ui", "1.0.0"); replace(p, b[:len(b)-9]) }, 400},
		"shasum":             {func(p object) { version(p)["dist"].(object)["shasum"] = strings.Repeat("0", 40) }, 400},
		"integrity": {func(p object) {
			version(p)["dist"].(object)["integrity"] = "sha512-" + base64.StdEncoding.EncodeToString(make([]byte, 64))
		}, 400},
		"length":                      {func(p object) { attached(p)["length"] = 1 }, 400},
		"base64":                      {func(p object) { attached(p)["data"] = "!!!!" }, 400},
		"base64 cut":                  {func(p object) { attached(p)["data"] = "AAA" }, 400},
		"no data":                     {func(p object) { delete(attached(p), "data") }, 400},
		"attachment's name":           {func(p object) { p["_attachments"] = object{"x-1.0.0.tgz": attached(p)} }, 400},
		"odd attachment":              {func(p object) { attachments(p)["x.zip"] = object{"data": "AAAA"} }, 400},
		"two tarballs":                {func(p object) { attachments(p)["y.tgz"] = object{"data": "AAAA"} }, 400},
		"two versions":                {func(p object) { p["versions"].(object)["2.0.0"] = object{} }, 400},
		"no version":                  {func(p object) { p["versions"] = object{} }, 400},
		"loose version":               {func(p object) { p["versions"] = object{"1.0": version(p)} }, 400},
		"tag of another version":      {func(p object) { p["dist-tags"] = object{"latest": "2.0.0"} }, 400},
		"tag that is a range":         {func(p object) { p["dist-tags"] = object{"1.x": "1.0.0"} }, 400},
		"bundle that is none":         {func(p object) { attachments(p)["@acme/ui-1.0.0.sigstore"] = object{"data": "{}"} }, 400},
		"huge manifest":               {func(p object) { version(p)["x"] = strings.Repeat("x", maxManifest) }, 413},
		"versions that are no object": {func(p object) { p["versions"] = []any{} }, 400},
		"deep":                        {func(p object) { p["x"] = json.RawMessage(strings.Repeat("[", 1000) + strings.Repeat("]", 1000)) }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			p := publication(t, "@acme/ui", "1.0.0", "latest", packed(t, "@acme/ui", "1.0.0"))
			c.change(p)
			d := &formattest.Desk{}
			_, err := serve(t, d, "PUT", "@acme%2fui", encodeJSON(t, p))
			if status(err) != c.want {
				t.Errorf("%d: %v", status(err), err)
			}
			if d.Holding(acmeUI) != nil {
				t.Error("something is stored")
			}
		})
	}
}

func TestPublishCutShort(t *testing.T) {
	body := encodeJSON(t, publication(t, "@acme/ui", "1.0.0", "latest", packed(t, "@acme/ui", "1.0.0")))
	for n := range len(body) {
		d := &formattest.Desk{}
		if _, err := serve(t, d, "PUT", "@acme%2fui", body[:n]); status(err) != 400 || d.Holding(acmeUI) != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestPublishNames(t *testing.T) {
	for _, name := range []string{"UI", "ui!", "node_modules", "-ui", strings.Repeat("a", 215)} {
		_, err := serve(t, &formattest.Desk{}, "PUT", name, encodeJSON(t, publication(t, name, "1.0.0", "latest", packed(t, name, "1.0.0"))))
		if status(err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPublishWithProvenance(t *testing.T) {
	p := publication(t, "@acme/ui", "1.0.0", "latest", packed(t, "@acme/ui", "1.0.0"))
	statement := base64.StdEncoding.EncodeToString([]byte(`{"predicateType":"https://slsa.dev/provenance/v1"}`))
	bundle := `{"mediaType":"b","dsseEnvelope":{"payload":"` + statement + `"}}`
	p["_attachments"].(map[string]any)["@acme/ui-1.0.0.sigstore"] = map[string]any{"data": bundle, "length": len(bundle)}
	d := &formattest.Desk{}
	ok(t, d, "PUT", "@acme%2fui", encodeJSON(t, p))
	want := `{"attestations":[{"predicateType":"https://slsa.dev/provenance/v1","bundle":` + bundle + `}]}`
	if got := d.Bytes(cache.AssetKey{Package: acmeUI, Version: "1.0.0", Asset: Attestations}); string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
	doc := ok(t, d, "GET", "@acme/ui/1.0.0", "")
	if !strings.Contains(doc, `"attestations":{"url":"`+formattest.Base+`-/npm/v1/attestations/@acme/ui@1.0.0","provenance":{`) {
		t.Error(doc)
	}
}

// change reads the packument as npm does before a change, lets fn change it, and sends it back.
func change(t *testing.T, d *formattest.Desk, path string, fn func(doc map[string]any)) error {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(ok(t, d, "GET", "@acme%2fui?write=true", "")), &doc); err != nil {
		t.Fatal(err)
	}
	fn(doc)
	_, err := serve(t, d, "PUT", strings.ReplaceAll(path, "REV", fmt.Sprint(doc["_rev"])), encodeJSON(t, doc))
	return err
}

func notice(t *testing.T, d *formattest.Desk, version string) string {
	t.Helper()
	var m struct{ Deprecated string }
	if err := json.Unmarshal([]byte(ok(t, d, "GET", "@acme%2fui/"+version, "")), &m); err != nil {
		t.Fatal(err)
	}
	return m.Deprecated
}

func TestDeprecate(t *testing.T) {
	d := published(t, "1.0.0", "1.1.0")
	for _, message := range []string{"use 1.1", ""} {
		err := change(t, d, "@acme%2fui", func(doc map[string]any) {
			doc["versions"].(map[string]any)["1.0.0"].(map[string]any)["deprecated"] = message
		})
		if err != nil || notice(t, d, "1.0.0") != message || notice(t, d, "1.1.0") != "" {
			t.Errorf("%v: %q, %q", err, notice(t, d, "1.0.0"), notice(t, d, "1.1.0"))
		}
	}
	if !strings.Contains(ok(t, d, "GET", "@acme%2fui/1.0.0", ""), `"tarball":"`+formattest.Base) {
		t.Error("the manifest is damaged")
	}
}

func TestChangeOfWhatChangedMeanwhile(t *testing.T) {
	d := published(t, "1.0.0")
	err := change(t, d, "@acme%2fui", func(map[string]any) {
		ok(t, d, "PUT", "-/package/@acme%2fui/dist-tags/next", `"1.0.0"`)
	})
	if status(err) != 409 {
		t.Errorf("%v", err)
	}
}

func TestOwner(t *testing.T) {
	d := published(t, "1.0.0")
	rev := ""
	if err := change(t, d, "@acme%2fui", func(doc map[string]any) { rev = doc["_rev"].(string) }); err != nil {
		t.Fatal(err)
	}
	_, err := serve(t, d, "PUT", "@acme%2fui/-rev/"+rev, `{"_id":"@acme/ui","_rev":"`+rev+`","maintainers":[]}`)
	if status(err) != 409 {
		t.Errorf("an old revision: %v", err)
	}
	ok(t, d, "PUT", "@acme%2fui/-rev/undefined", `{"_id":"@acme/ui","maintainers":[{"name":"bob","email":""}]}`)
	if got := ok(t, d, "GET", "-/package/@acme%2fui/collaborators", ""); got != `{"bob":"read-write"}`+"\n" {
		t.Error(got)
	}
	if err := d.Edit(t.Context(), acmeUI, func(h *cache.Holding) error { h.Meta = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := serve(t, d, "PUT", "@acme%2fui/-rev/undefined", `{"maintainers":[]}`); status(err) != 403 {
		t.Errorf("owners of what is only retained: %v", err)
	}
	if got := ok(t, d, "GET", "-/user/org.couchdb.user:bob", ""); !strings.Contains(got, `"name":"bob"`) {
		t.Error(got)
	}
}

// TestUnpublishVersion follows the requests of npm unpublish PACKAGE@VERSION.
func TestUnpublishVersion(t *testing.T) {
	d := published(t, "1.0.0", "1.1.0")
	err := change(t, d, "@acme%2fui/-rev/REV", func(doc map[string]any) {
		delete(doc["versions"].(map[string]any), "1.1.0")
		doc["dist-tags"] = map[string]any{"latest": "1.0.0"}
	})
	if err != nil {
		t.Fatal(err)
	}
	if d.Holding(acmeUI).Version("1.1.0") == nil {
		t.Error("a document without a version must not remove it")
	}
	var doc struct {
		Rev string `json:"_rev"`
	}
	if err := json.Unmarshal([]byte(ok(t, d, "GET", "@acme%2fui?write=true", "")), &doc); err != nil {
		t.Fatal(err)
	}
	ok(t, d, "DELETE", "@acme/ui/-/ui-1.1.0.tgz/-rev/"+doc.Rev, "")
	h := d.Holding(acmeUI)
	if h.Version("1.1.0") != nil || h.Version("1.0.0") == nil || h.Tags["latest"] != "1.0.0" {
		t.Errorf("%+v", h)
	}
	_, err = serve(t, d, "DELETE", "@acme/ui/-/ui-1.1.0.tgz/-rev/undefined", "")
	if status(err) != 404 {
		t.Errorf("again: %v", err)
	}
}

func TestUnpublishAll(t *testing.T) {
	d := published(t, "1.0.0", "1.1.0")
	ok(t, d, "DELETE", "@acme%2fui/-rev/undefined", "")
	if d.Holding(acmeUI) != nil {
		t.Error("something is left")
	}
	_, err := serve(t, d, "GET", "@acme%2fui", "")
	if status(err) != 404 {
		t.Errorf("%v", err)
	}
}

func TestWhatCameFromARegistryStays(t *testing.T) {
	d := published(t, "1.0.0", "1.1.0")
	err := d.Edit(t.Context(), acmeUI, func(h *cache.Holding) error {
		h.Versions[0].Origin = cache.Origin{Connection: "public:test"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := serve(t, d, "DELETE", "@acme/ui/-/ui-1.0.0.tgz/-rev/undefined", ""); status(err) != 403 {
		t.Errorf("unpublish: %v", err)
	}
	err = change(t, d, "@acme%2fui", func(doc map[string]any) {
		doc["versions"].(map[string]any)["1.0.0"].(map[string]any)["deprecated"] = "no"
	})
	if status(err) != 403 {
		t.Errorf("deprecate: %v", err)
	}
	ok(t, d, "DELETE", "@acme%2fui/-rev/undefined", "")
	if h := d.Holding(acmeUI); len(h.Versions) != 1 || h.Versions[0].Version != "1.0.0" || h.Tags["latest"] != "1.0.0" {
		t.Errorf("%+v", h)
	}
}

func TestDistTags(t *testing.T) {
	d := published(t, "1.0.0", "1.1.0")
	ok(t, d, "PUT", "-/package/@acme%2fui/dist-tags/old", `"1.0.0"`)
	if got := ok(t, d, "GET", "-/package/@acme%2fui/dist-tags", ""); got != `{"latest":"1.1.0","old":"1.0.0"}`+"\n" {
		t.Error(got)
	}
	ok(t, d, "DELETE", "-/package/@acme%2fui/dist-tags/old", "")
	if got := ok(t, d, "GET", "-/package/@acme%2fui/dist-tags", ""); got != `{"latest":"1.1.0"}`+"\n" {
		t.Error(got)
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"PUT", "-/package/@acme%2fui/dist-tags/edge", `"9.9.9"`, 404},
		{"PUT", "-/package/@acme%2fui/dist-tags/edge", `1.0.0`, 400},
		{"PUT", "-/package/@acme%2fui/dist-tags/edge", `"` + strings.Repeat("1", 5000) + `"`, 413},
		{"DELETE", "-/package/@acme%2fui/dist-tags/edge", ``, 404},
		{"DELETE", "-/package/@acme%2fui/dist-tags/latest", ``, 400},
		{"PUT", "-/package/none/dist-tags/edge", `"1.0.0"`, 404},
	} {
		if _, err := serve(t, d, c.method, c.path, c.body); status(err) != c.want {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
	}
}

func TestExplain(t *testing.T) {
	w := httptest.NewRecorder()
	Format{}.Explain(w, http.StatusForbidden, "held back\nuntil <tomorrow>")
	if w.Code != 403 || w.Body.String() != `{"error":"held back\nuntil \u003ctomorrow\u003e"}`+"\n" || w.Header().Get("Npm-Notice") != "held back until <tomorrow>" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
}

func FuzzUpload(f *testing.F) {
	var t testing.T
	f.Add([]byte(encodeJSON(&t, publication(&t, "@acme/ui", "1.0.0", "latest", packed(&t, "@acme/ui", "1.0.0")))))
	f.Add([]byte(`{"versions":{"1.0.0":{"deprecated":"x"}},"maintainers":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := published(t, "0.9.0")
		_, err := serve(t, d, "PUT", "@acme%2fui", string(body))
		if status(err) == 500 {
			t.Errorf("no error of the client: %v", err)
		}
	})
}

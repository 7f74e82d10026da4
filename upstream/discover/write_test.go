package discover

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestWrite(t *testing.T) {
	few := []Address{
		{"public:npmjs", "npm", "http://npm.registry.example/", "npm\nconfig", nil},
		{"public:go", "go", "http://go.registry.example/${x}", "go env GOPROXY", map[string]string{"sumdb": "sum.registry.example"}},
		{"public:npmjs", "npm", "http://second.registry.example/", "yarn", nil},
		{"private:npmjs", "npm", "http://corp.example/", "ENTREPOT_PRIVATE_NPMJS_URL", nil},
		{"private:who", "", "http://who.example/", "ENTREPOT_PRIVATE_WHO_URL", nil},
	}
	var many []Address
	for i := range 12 {
		format := []string{"maven", "npm", "go"}[min(i/9, 2)]
		many = append(many, Address{Connection: fmt.Sprintf("private:r%02d", i), Format: format, URL: "http://registry.example/", Source: "test"})
	}
	for name, addresses := range map[string][]Address{"few": few, "many": many, "none": nil} {
		var got bytes.Buffer
		if err := Write(&got, addresses); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile("testdata/"+name+".golden", got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + name + ".golden")
		if err != nil || got.String() != string(want) {
			t.Errorf("%s: got\n%s\nwant (%v)\n%s", name, &got, err, want)
		}
		if _, ds := hclsyntax.ParseConfig(got.Bytes(), name, hcl.InitialPos); ds.HasErrors() {
			t.Errorf("%s is no HCL: %v", name, ds)
		}
	}
	for i := range 20 {
		many = append(many, Address{Connection: fmt.Sprintf("private:s%02d", i), Format: "npm", URL: "http://registry.example/"})
	}
	if err := Write(&bytes.Buffer{}, many); err == nil {
		t.Error("a walk of more than 25 repositories was written")
	}
}

func TestFromEnvironment(t *testing.T) {
	formats := map[string]string{"public:npmjs": "npm", "public:maven-central": "maven", "private:a-b": "go", "private:a.b": "go", "private:x_y": "npm"}
	if got := EnvName("public:maven-central"); got != "ENTREPOT_PUBLIC_MAVEN_CENTRAL_URL" {
		t.Errorf("EnvName is %s", got)
	}
	got, err := FromEnvironment([]string{
		"ENTREPOT_PUBLIC_NPMJS_URL=http://npm.registry.example/",
		"ENTREPOT_PUBLIC_MAVEN_CENTRAL_URL=http://user:hunter2@registry.example/",
		"ENTREPOT_PRIVATE_A_B_URL=http://registry.example/", // a-b or a.b
		"ENTREPOT_PRIVATE_X_Y_URL=http://xy.registry.example/",
		"ENTREPOT_PRIVATE_CORP_URL=http://corp.registry.example/",
		"ENTREPOT_PRIVATE_NO_ONE_URL=http://registry.example/", // no-one, no_one, no.one …
		"ENTREPOT_PRIVATE_EMPTY_URL=", "ENTREPOT_PUBLIC_URL=nonsense", "HOME=/", "ENTREPOT_PRIVATE_FILE_URL=file:///x",
	}, formats)
	var said []string
	for _, a := range got {
		said = append(said, a.Connection+" "+a.Format+" "+a.URL+" "+a.Source)
	}
	want := []string{
		"private:corp  http://corp.registry.example/ ENTREPOT_PRIVATE_CORP_URL",
		"private:x_y npm http://xy.registry.example/ ENTREPOT_PRIVATE_X_Y_URL",
		"public:npmjs npm http://npm.registry.example/ ENTREPOT_PUBLIC_NPMJS_URL",
	}
	if !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
	for _, part := range []string{"ENTREPOT_PUBLIC_MAVEN_CENTRAL_URL", "ENTREPOT_PRIVATE_A_B_URL", "ENTREPOT_PRIVATE_FILE_URL"} {
		if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestOutputsOfTools(t *testing.T) {
	for list, want := range map[string][]string{
		"http://a.example,direct": {"http://a.example", ""}, "off": {""}, "a|b": {"a", "b"}, "": nil,
	} {
		if got := goProxies(list); !slices.Equal(got, want) {
			t.Errorf("goProxies(%q) = %q, want %q", list, got, want)
		}
	}
	out := "Registered Sources:\r\n  1.  NuGet Org [Disabled]\r\n      http://off.example\r\n  2.  b c [Enabled]\r\n      http://b.example\r\n"
	if got := nugetSources(out, "nuget-org"); !slices.Equal(got, []string{"http://b.example"}) {
		t.Errorf("nugetSources = %q", got)
	}
	if got := pipIndex("global.index-url='http://a.example'\n:env:.index-url='http://b.example'\n"); !slices.Equal(got, []string{"http://b.example"}) {
		t.Errorf("pipIndex = %q", got)
	}
}

func FuzzOutputs(f *testing.F) {
	f.Add("http://a.example,direct")
	f.Add("[source.crates-io]\nreplace-with = \"x\" # y\n")
	f.Add(class("A", "b", "C", "d"))
	f.Fuzz(func(t *testing.T, s string) {
		goProxies(s)
		nugetSources(s, "nuget-org")
		pipIndex(s)
		uvDefault(s)
		classConstant([]byte(s), "A")
		scalar(s)
		_ = unquoted(s)
		for _, a := range addresses(s) {
			if u, _, err := clean(a); err == nil && (u.User != nil || u.Hostname() == "") {
				t.Errorf("clean(%q) = %v", a, u)
			}
		}
	})
}

// jar returns an archive with one file.
func jar(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(text))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// class returns a Java class file with text constants: name, value, name, value …
func class(constants ...string) string {
	var pool, fields []byte
	u2 := binary.BigEndian.AppendUint16
	utf8 := func(s string) { pool = append(u2(append(pool, 1), uint16(len(s))), s...) }
	utf8("ConstantValue")                          // 1
	pool = append(pool, 5, 0, 0, 0, 0, 0, 0, 0, 7) // 2 and 3: a Long
	next := uint16(4)
	for i := 0; i < len(constants); i += 2 {
		utf8(constants[i])                 // next
		utf8(constants[i+1])               // next+1
		pool = u2(append(pool, 8), next+1) // next+2: the String
		for _, v := range []uint16{0x19, next, 0, 1, 1, 0, 2, next + 2} {
			fields = u2(fields, v)
		}
		next += 3
	}
	b := append([]byte{0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 61}, u2(nil, next)...)
	b = append(b, pool...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // access, this, super, no interfaces
	b = u2(b, uint16(len(constants)/2))
	return string(append(b, fields...))
}

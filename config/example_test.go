package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const example = "../config.example.hcl"

func exampleEnvironment(t *testing.T) {
	t.Setenv("NPM_REGISTRY", "https://registry.example/")
	for _, name := range []string{"CORP_TOKEN", "CI_SECRET", "DEPLOY_TOKEN", "ANNA_PASSWORD", "DOMAIN_KEY",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "only-in-this-test")
	}
}

func TestExampleLoads(t *testing.T) {
	exampleEnvironment(t)
	f, ds := Load(example)
	if ds.HasErrors() {
		t.Fatalf("\n%s", ds)
	}
	if d := f.Domain("acme"); d == nil || len(d.Repositories) != 5 || d.DefaultRepository != "team" {
		t.Errorf("domain is %+v", d)
	}
}

// TestExampleShowsWhatIsNotInForce uncomments the lines with "#:". Each block there, and nothing else, is refused for
// not being in force: so what comes into force is uncommented, and what is not says so.
func TestExampleShowsWhatIsNotInForce(t *testing.T) {
	exampleEnvironment(t)
	src, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^(\s*)#:`).ReplaceAllString(string(src), "$1")
	text = strings.ReplaceAll(text, `bearer = env("CORP_TOKEN")`, "") // one way to sign in is enough
	text = strings.ReplaceAll(text, `file("domain-policy.json")`, `"{\"Statement\": []}"`)
	_, ds := Parse([]byte(text), "config.example.hcl")
	var refused []string
	for _, d := range ds {
		what, ok := strings.CutSuffix(d.Message, " is not in force in this version")
		if !ok {
			t.Errorf("another problem: %s", d)
		}
		refused = append(refused, what)
	}
	want := []string{"auth codeartifact", "retention", "encryption"}
	if !reflect.DeepEqual(refused, want) {
		t.Errorf("refused: %q, want %q", refused, want)
	}
}

// TestExampleNamesEverything: every attribute and block that can be written is in the example.
func TestExampleNamesEverything(t *testing.T) {
	src, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var visit func(typ reflect.Type)
	visit = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		for field := range typ.Fields() {
			name, kind, _ := strings.Cut(field.Tag.Get("hcl"), ",")
			if name == "" || kind == "label" {
				continue
			}
			if !regexp.MustCompile(`\b` + name + `\b`).Match(src) {
				t.Errorf("the example does not name %s of %s", name, typ.Name())
			}
			if kind == "block" {
				visit(field.Type)
			}
		}
	}
	visit(reflect.TypeFor[File]())
}

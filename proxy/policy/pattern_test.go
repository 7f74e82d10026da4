package policy

import (
	"strings"
	"testing"
	"unicode/utf8"

	"entrepot/cache"
)

func parse(t testing.TB, s string) Pattern {
	t.Helper()
	p, err := ParsePattern(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func pkg(t testing.TB, s string) cache.Package {
	t.Helper()
	p, ok := cache.ParsePackage(s)
	if !ok {
		t.Fatalf("package %q", s)
	}
	return p
}

func TestPatternMatch(t *testing.T) {
	for _, tt := range []struct{ pattern, strong, weak, no string }{ // packages, separated by spaces
		{"/*", "npm//react maven/a.b/c", "", ""},
		{"/npm/*", "npm//react npm/acme/ui", "", "pypi//react"},
		{"/maven/com.acme~", "maven/com.acme/x maven/com.acme.ui/x", "maven/com-acme/x maven/COM.acme.ui/x maven/c0m.acme/x", "maven/com.acmeinc/x npm/com.acme/x maven/com/acme"},
		{"/npm/acme/*", "npm/acme/ui npm/acme/x", "npm/ACME/ui npm/аcme/ui npm/ａcme/ui", "npm/acme-x/ui npm//acme"},
		{"/npm/acme/ui~", "npm/acme/ui npm/acme/ui-kit npm/acme/ui.kit npm/acme/ui_x npm/acme/ui/x", "npm/Acme/ui npm/acme/Ui npm/acme/uі-kit", "npm/acme/uikit npm/acme/ui2 npm/acme/uiа npm/acme/u"},
		{"/npm/acme/ui-~", "npm/acme/ui-kit npm/acme/ui- npm/acme/ui--kit", "npm/acme/ui_kit", "npm/acme/ui npm/acme/uikit"},
		{"/npm//react$", "npm//react", "npm//React npm//reаct", "npm//react-dom npm/x/react npm//reac"},
		{"/npm//left-pad$", "npm//left-pad", "npm//left_pad npm//left.pad npm//left-_-pad npm//LEFT.PAD", "npm//leftpad npm//left-pad-"},
		{"/npm//lodash$", "npm//lodash", "npm//1odash npm//l0dash", "npm//iodash"},
		{"/pypi//My_Package$", "pypi//my-package", "pypi//my.package", "pypi//mypackage"},
		{"/python//requests$", "pypi//requests", "", "pypi//requests2"},
		{"/nuget//Acme.Core~", "nuget//acme.core nuget//acme.core.json", "nuget//acme-core", "nuget//acme.corex"},
		{"/go//host.example/acme~", "go//host.example/acme go//host.example/acme/mod/v2", "go//host.example/Acme/mod", "go//host.example/acmeinc"},
		{"/npm//é~", "npm//é npm//é-x", "npm//É", "npm//éa npm//é\u0301"},
	} {
		p := parse(t, tt.pattern)
		for want, list := range map[Strength]string{Strong: tt.strong, Weak: tt.weak, NoMatch: tt.no} {
			for s := range strings.FieldsSeq(list) {
				if got := p.Match(pkg(t, s)); got != want {
					t.Errorf("%s matches %s with strength %d, want %d", tt.pattern, s, got, want)
				}
			}
		}
	}
}

func TestParsePatternRefuses(t *testing.T) {
	for _, s := range []string{
		"", "*", "/", "npm/*", "/npm", "/npm/", "//x/*", "/NPM/*", "/n pm/*", "/*/x", "/npm/acme", "/npm/~", "/npm//~", "/npm//$", "/npm/acme$",
		"/npm/acme/ui", "/npm/acme/", "/npm/*/ui$", "/npm/acme/u*", "/npm/acme/u*~", "/npm/acme*", "/go/host.example/acme/*", "/**",
		"/npm//\xff$", "/npm//" + strings.Repeat("x", maxPattern) + "$",
	} {
		if p, err := ParsePattern(s); err == nil {
			t.Errorf("ParsePattern(%q) = %v", s, p)
		}
	}
}

func TestLookAlikes(t *testing.T) {
	for from, to := range lookAlikes {
		if to > 'z' || to < 'a' || from < utf8.RuneSelf && !strings.ContainsRune("01|", from) {
			t.Errorf("%q passes for %q", from, to)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"/*", "/npm/*", "/maven/com.acme~", "/npm/acme/*", "/npm/acme/ui~", "/npm//react$", "/pypi//A_b~", "/npm/a~/b$~", "/swift/A/B$"} {
		f.Add(s, "npm/acme/ui")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		p, err := ParsePattern(s)
		if err != nil {
			if len(err.Error()) > 4*maxPattern+200 {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
			return
		}
		if again, err := ParsePattern(p.String()); err != nil || again != p {
			t.Errorf("%q is written as %q, which is %v, %v", s, p, again, err)
		}
		if p.covers(&p) || p.compare(&p) != 0 {
			t.Errorf("%q is more than itself", s)
		}
		self := cache.Package{Format: p.format, Namespace: p.namespace, Name: p.name}
		if p.Match(self) != Strong {
			t.Errorf("%q does not match %v", s, self)
		}
		if x, ok := cache.ParsePackage(other); ok {
			folded := cache.Package{Format: x.Format, Namespace: fold(x.Namespace), Name: fold(x.Name)}
			if p.Match(x) != NoMatch && p.Match(folded) == NoMatch {
				t.Errorf("%q matches %v, but not %v", s, x, folded)
			}
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add("Left__Pad-0")
	f.Add("ＡПｐІe")
	f.Fuzz(func(t *testing.T, s string) {
		once := fold(s)
		if twice := fold(once); twice != once {
			t.Errorf("%q folds to %q, then to %q", s, once, twice)
		}
	})
}

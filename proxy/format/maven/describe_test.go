package maven

import (
	"errors"
	"reflect"
	"testing"

	"entrepot/cache"
	"entrepot/proxy/format"
	"entrepot/proxy/format/formattest"
)

func TestDescribe(t *testing.T) {
	files := formattest.Files{"a-1.jar": nil, "a-1.pom": []byte(`<?xml version="1.0" encoding="ISO-8859-1"?>
<project><parent><groupId>g</groupId><artifactId>p</artifactId><version>7</version></parent>
<name>A</name><description>does
 much</description><url>https://a.example</url><scm><url>https://code.example/a</url></scm>
<licenses><license><name>MIT</name><url>https://l.example</url></license></licenses>
<dependencyManagement><dependencies><dependency><groupId>no</groupId><artifactId>no</artifactId></dependency></dependencies></dependencyManagement>
<dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId><version>[1,2)</version></dependency>
<dependency><groupId>g</groupId><artifactId>c</artifactId><scope>test</scope></dependency>
<dependency><groupId>g</groupId><artifactId>d</artifactId><optional>true</optional></dependency></dependencies></project>`)}
	got, err := Format{}.Describe(t.Context(), files.Stored("1", nil), files.Open)
	need := func(name, kind, requirement string) format.Dependency {
		return format.Dependency{Package: cache.Package{Format: "maven", Namespace: "g", Name: name}, Kind: kind, Requirement: requirement}
	}
	want := &format.Description{
		DisplayName: "A", Summary: "does much", HomePage: "https://a.example", SourceCodeRepository: "https://code.example/a",
		Licenses:     []format.License{{Name: "MIT", URL: "https://l.example"}},
		Dependencies: []format.Dependency{need("p", "parent", "7"), need("b", "compile", "[1,2)"), need("c", "test", ""), need("d", "optional", "")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	bad := formattest.Files{"a.pom": []byte("no XML")}
	if _, err := (Format{}).Describe(t.Context(), bad.Stored("1", nil), bad.Open); !errors.Is(err, cache.ErrAbsent) {
		t.Errorf("no XML: %v", err)
	}
}

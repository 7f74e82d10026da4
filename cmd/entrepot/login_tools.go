package main

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// loginTool is how one client is configured.
type loginTool struct {
	format string
	// configure writes the client's files, and returns their paths.
	configure func(*toolAccess) ([]string, error)
	hint      func(*toolAccess) string // what is left to do; nil: nothing
}

// loginTools are the clients that login knows.
var loginTools = map[string]loginTool{
	"npm":    {"npm", configureNpm, nil},
	"pnpm":   {"npm", configureNpm, nil},
	"yarn":   {"npm", configureYarn, nil},
	"pip":    {"pypi", configurePip, nil},
	"uv":     {"pypi", configureUv, nil},
	"poetry": {"pypi", configurePoetry, hintPoetry},
	"twine":  {"pypi", configureTwine, func(*toolAccess) string { return "publish with: twine upload --repository entrepot FILE…" }},
	"maven":  {"maven", configureMaven, hintMaven},
	"gradle": {"maven", configureGradle, nil},
	"nuget":  {"nuget", configureNuget, nil},
	"cargo":  {"cargo", configureCargo, nil},
	"go":     {"go", configureGo, hintGo},
	"gem":    {"ruby", configureGem, nil},
}

// credential is the endpoint with the token in it, for clients that take it there.
func (a *toolAccess) credential(below string) string {
	u := *a.endpoint
	if below != "" {
		u.Path += below + "/"
	}
	u.User = url.UserPassword("aws", a.token) // the name that the service gives; the token alone counts
	return u.String()
}

// bare is the endpoint without a scheme, as npm's credentials are keyed.
func (a *toolAccess) bare() string { return "//" + a.endpoint.Host + a.endpoint.Path }

func (a *toolAccess) file(parts ...string) string {
	return filepath.Join(append([]string{a.home}, parts...)...)
}

func configureNpm(a *toolAccess) ([]string, error) {
	path := a.file(".npmrc")
	return []string{path}, setLines(path, [][2]string{
		{"registry=", a.endpoint.String()}, {a.bare() + ":_authToken=", a.token},
	})
}

// configureYarn writes what Yarn 1 reads, which is npm's file, and what later ones do.
func configureYarn(a *toolAccess) ([]string, error) {
	wrote, err := configureNpm(a)
	if err != nil {
		return nil, err
	}
	lines := [][2]string{
		{"npmRegistryServer: ", quoted(a.endpoint.String())}, {"npmAuthToken: ", quoted(a.token)}, {"npmAlwaysAuth: ", "true"},
	}
	if a.endpoint.Scheme == "http" {
		lines = append(lines, [2]string{"unsafeHttpWhitelist: ", "[" + quoted(a.endpoint.Hostname()) + "]"})
	}
	path := a.file(".yarnrc.yml")
	return append(wrote, path), setLines(path, lines)
}

func quoted(s string) string { return `"` + s + `"` } // addresses and tokens have nothing to escape

func configurePip(a *toolAccess) ([]string, error) {
	path := a.file(".config", "pip", "pip.conf")
	return []string{path}, setIni(path, "global", map[string]string{"index-url": strings.ReplaceAll(a.credential("simple"), "%", "%%")})
}

func configureUv(a *toolAccess) ([]string, error) {
	path := a.file(".config", "uv", "uv.toml")
	return []string{path}, setBlock(path, fmt.Sprintf("[[index]]\nname = \"entrepot\"\nurl = %q\npublish-url = %q\ndefault = true\n",
		a.credential("simple"), a.endpoint.String()))
}

func configurePoetry(a *toolAccess) ([]string, error) {
	credentials, settings := a.file(".config", "pypoetry", "auth.toml"), a.file(".config", "pypoetry", "config.toml")
	err := setBlock(credentials, fmt.Sprintf("[http-basic.entrepot]\nusername = \"aws\"\npassword = %q\n", a.token))
	if err != nil {
		return nil, err
	}
	return []string{credentials, settings}, setBlock(settings, fmt.Sprintf("[repositories.entrepot]\nurl = %q\n", a.endpoint.String()))
}

func hintPoetry(a *toolAccess) string {
	return "in each project, once: poetry source add --priority=primary entrepot " + a.endpoint.JoinPath("simple").String() + "/"
}

func configureTwine(a *toolAccess) ([]string, error) {
	path := a.file(".pypirc")
	if err := addToIniList(path, "distutils", "index-servers", "entrepot"); err != nil {
		return nil, err
	}
	return []string{path}, setIni(path, "entrepot", map[string]string{"repository": a.endpoint.String(), "username": "aws", "password": a.token})
}

func configureMaven(a *toolAccess) ([]string, error) {
	path := a.file(".m2", "settings.xml")
	return []string{path}, ownFile(path, fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!-- %s -->
<settings>
  <servers><server><id>entrepot</id><username>aws</username><password>%s</password></server></servers>
  <mirrors><mirror><id>entrepot</id><mirrorOf>*</mirrorOf><url>%s</url></mirror></mirrors>
</settings>
`, ownMark, escapeXML(a.token), escapeXML(a.endpoint.String())))
}

func hintMaven(a *toolAccess) string {
	return "publish with: mvn deploy -DaltDeploymentRepository=entrepot::" + a.endpoint.String()
}

func configureGradle(a *toolAccess) ([]string, error) {
	path := a.file(".gradle", "init.d", "entrepot.gradle")
	return []string{path}, ownFile(path, fmt.Sprintf(`// %s
def entrepot = { repositories ->
    repositories.clear()
    repositories.maven {
        name = 'entrepot'
        url = uri('%s')
        allowInsecureProtocol = %t
        credentials { username = 'aws'; password = '%s' }
    }
}
beforeSettings { settings -> entrepot(settings.pluginManagement.repositories) }
settingsEvaluated { settings -> settings.dependencyResolutionManagement { entrepot(repositories) } }
allprojects { buildscript { entrepot(repositories) }; afterEvaluate { entrepot(repositories) } }
`, ownMark, a.endpoint, a.endpoint.Scheme == "http", a.token))
}

func configureNuget(a *toolAccess) ([]string, error) {
	path := a.file(".nuget", "NuGet", "NuGet.Config")
	insecure := ""
	if a.endpoint.Scheme == "http" {
		insecure = ` allowInsecureConnections="true"`
	}
	return []string{path}, ownFile(path, fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
<!-- %s -->
<configuration>
  <packageSources>
    <clear />
    <add key="entrepot" value="%sv3/index.json" protocolVersion="3"%s />
  </packageSources>
  <packageSourceCredentials>
    <entrepot><add key="Username" value="aws" /><add key="ClearTextPassword" value="%s" /></entrepot>
  </packageSourceCredentials>
</configuration>
`, ownMark, escapeXML(a.endpoint.String()), insecure, escapeXML(a.token)))
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func configureCargo(a *toolAccess) ([]string, error) {
	settings, credentials := a.file(".cargo", "config.toml"), a.file(".cargo", "credentials.toml")
	err := setBlock(settings, fmt.Sprintf("[registries.entrepot]\nindex = \"sparse+%s\"\ncredential-provider = \"cargo:token\"\n\n"+
		"[source.crates-io]\nreplace-with = \"entrepot\"\n", a.endpoint))
	if err != nil {
		return nil, err
	}
	return []string{settings, credentials}, setBlock(credentials, fmt.Sprintf("[registries.entrepot]\ntoken = %q\n", a.token))
}

// configureGo sets the proxy in the file of go env -w. The go command sends no credential over plain HTTP: there the
// server has to let this machine read.
func configureGo(a *toolAccess) ([]string, error) {
	address := a.endpoint.String()
	if a.endpoint.Scheme == "https" {
		address = a.credential("")
	}
	path := a.file(".config", "go", "env")
	return []string{path}, setLines(path, [][2]string{{"GOPROXY=", address}})
}

func hintGo(a *toolAccess) string {
	if a.endpoint.Scheme == "https" {
		return "modules of your own need GOPRIVATE or GONOSUMDB as well"
	}
	return "the go command sends no token over plain HTTP: the server has to let this machine read (access { anonymous = \"read\" })"
}

func configureGem(a *toolAccess) ([]string, error) {
	sources, credentials, bundle := a.file(".gemrc"), a.file(".gem", "credentials"), a.file(".bundle", "config")
	if err := setBlock(sources, ":sources:\n- "+a.credential("")+"\n"); err != nil {
		return nil, err
	}
	if err := setLines(credentials, [][2]string{{a.endpoint.String() + ": ", quoted("Bearer " + a.token)}}); err != nil {
		return nil, err
	}
	return []string{sources, credentials, bundle}, setLines(bundle, [][2]string{{"BUNDLE_MIRROR__ALL: ", quoted(a.credential(""))}})
}

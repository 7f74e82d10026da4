package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"entrepot/proxy/forward/authority"
)

// variable is one of the environment.
type variable struct{ name, value string }

// trust are the files by which tools come to trust our authority.
type trust struct{ certificate, bundle, store string }

func trustIn(dir string) trust {
	return trust{filepath.Join(dir, authority.CertificateFile), filepath.Join(dir, authority.BundleFile), filepath.Join(dir, authority.TrustStoreFile)}
}

// replacing are the variables that name a file of all the roots that a tool trusts: ours has to have theirs in it.
var replacing = []string{
	"SSL_CERT_FILE",      // Go, OpenSSL: uv, gem, .NET …
	"REQUESTS_CA_BUNDLE", // Python's requests: poetry, twine
	"PIP_CERT",
	"CURL_CA_BUNDLE",
	"CARGO_HTTP_CAINFO",
	"GIT_SSL_CAINFO",
	"BUNDLE_SSL_CA_CERT",
	"AWS_CA_BUNDLE",
	"npm_config_cafile", // npm, pnpm, yarn 1
}

// adding are those that name a file of further roots.
var adding = []string{
	"NODE_EXTRA_CA_CERTS", // node: npm, pnpm, yarn, and bun
	"DENO_CERT",
}

// variables are what leads every tool through the proxy and makes it trust our authority. getenv tells what is set already.
// direct are the hosts that are reached without it.
func variables(proxy *url.URL, t trust, direct []string, getenv func(string) string) []variable {
	address := proxy.String()
	var out []variable
	set := func(value string, names ...string) {
		for _, name := range names {
			out = append(out, variable{name, value})
		}
	}
	// In capitals and not, since each tool reads its own; npm, yarn, pip and cargo prefer what their own files say.
	set(address, "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
		"npm_config_proxy", "npm_config_https_proxy", "YARN_HTTP_PROXY", "YARN_HTTPS_PROXY", "PIP_PROXY", "CARGO_HTTP_PROXY")
	set(strings.Join(direct, ","), "NO_PROXY", "no_proxy", "npm_config_noproxy")
	set("1", "NODE_USE_ENV_PROXY") // node's own client, since 24
	set(t.bundle, replacing...)
	set(t.certificate, adding...)
	jvm := strings.Join(jvmOptions(proxy, t, direct), " ")
	set(joined(getenv("MAVEN_OPTS"), jvm), "MAVEN_OPTS")
	// A daemon would outlive the proxy that it was started with.
	set(joined(getenv("GRADLE_OPTS"), jvm+" -Dorg.gradle.daemon=false"), "GRADLE_OPTS")
	return out
}

func joined(a, b string) string { return strings.TrimSpace(a + " " + b) }

// jvmOptions are the same for a JVM, whose tools read no variables of others.
func jvmOptions(proxy *url.URL, t trust, direct []string) []string {
	out := []string{
		"-Djavax.net.ssl.trustStore=" + t.store, "-Djavax.net.ssl.trustStoreType=PKCS12",
		"-Djavax.net.ssl.trustStorePassword=" + authority.TrustStorePassword,
		"-Daether.connector.http.useSystemProperties=true", // Maven 3.9 on
	}
	port := proxy.Port()
	if port == "" {
		port = "80"
	}
	for _, scheme := range []string{"http", "https"} {
		out = append(out, "-D"+scheme+".proxyHost="+proxy.Hostname(), "-D"+scheme+".proxyPort="+port)
		if proxy.User != nil {
			password, _ := proxy.User.Password()
			out = append(out, "-D"+scheme+".proxyUser="+proxy.User.Username(), "-D"+scheme+".proxyPassword="+password)
		}
	}
	if proxy.User != nil {
		out = append(out, "-Djdk.http.auth.tunneling.disabledSchemes=") // Basic is off by default
	}
	if len(direct) > 0 {
		hosts := make([]string, len(direct))
		for i, h := range direct {
			if hosts[i] = h; strings.HasPrefix(h, ".") {
				hosts[i] = "*" + h
			}
		}
		out = append(out, "-Dhttp.nonProxyHosts="+strings.Join(hosts, "|"))
	} else {
		out = append(out, "-Dhttp.nonProxyHosts=")
	}
	return out
}

// direct are the hosts that tools reach without us: those that the user has set, and this machine, unless a registry
// stands on it.
func direct(getenv func(string) string, here bool) []string {
	var out []string
	for h := range strings.SplitSeq(or(getenv("NO_PROXY"), getenv("no_proxy")), ",") {
		if h = strings.TrimSpace(h); h != "" {
			out = append(out, h)
		}
	}
	if !here {
		out = append(out, "localhost", "127.0.0.1", "::1")
	}
	return out
}

// publishTrust writes the files for the tools: the authority's own, or, if the user's tools were told to trust more than the
// system does, a copy with that in dir.
func publishTrust(ca *authority.Authority, dir string, getenv func(string) string) (trust, error) {
	if len(authority.SystemRoots()) == 0 {
		return trust{}, fmt.Errorf("the roots of this system are not in a file: set SSL_CERT_FILE to one that has them")
	}
	own := trustIn(filepath.Dir(ca.Path(authority.BundleFile)))
	more := authority.ReadRoots("")
	for _, name := range append(append([]string{}, replacing...), adding...) {
		if path := getenv(name); path != "" && path != own.bundle && path != own.certificate {
			more = append(more, authority.ReadRoots(path)...)
		}
	}
	if len(more) == 0 || dir == "" {
		if err := ca.Publish(); err != nil {
			return trust{}, err
		}
		return own, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return trust{}, err
	}
	return trustIn(dir), ca.PublishTo(dir, more...)
}

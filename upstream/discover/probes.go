package discover

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// errUnset reports a tool that has nothing to say.
var errUnset = errors.New("not set")

// probes returns, for each connection that a tool may know, whom to ask in which order: what is set before what is
// built in. No address stands here or behind it.
func probes() map[string][]probe {
	return map[string][]probe{
		"public:npmjs":               npm(),
		"public:go":                  golang(),
		"public:pypi":                python(),
		"public:crates-io":           cargo(),
		"public:maven-central":       mavenCentral(),
		"public:maven-googleandroid": gradleConstant("GOOGLE_URL"),
		"public:ruby-gems-org":       gem(),
		"public:nuget-org":           nuget(),
	}
}

// command is a probe that takes the addresses, one per line or separated by white space, that a program prints.
func command(name string, args ...string) probe {
	return commandWith(nil, name, args...)
}

// commandWith is command with a changed environment (runWith), of which the source tells nothing.
func commandWith(env []string, name string, args ...string) probe {
	return probe{strings.Join(append([]string{name}, args...), " "), func(ctx context.Context, m *machine) (answer, error) {
		out, err := m.runWith(ctx, env, name, args...)
		return answer{urls: addresses(out)}, err
	}}
}

// builtin marks a probe that asks for what a tool has built in.
func builtin(p probe) probe {
	p.source += " (built in)"
	return p
}

// addresses returns the http and https addresses among the words of a text.
func addresses(text string) []string {
	var found []string
	for word := range strings.FieldsSeq(text) {
		if u, err := url.Parse(word); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			found = append(found, word)
		}
	}
	return found
}

// npm asks npm, pnpm and yarn. With no configuration to read, npm tells its default.
func npm() []probe {
	p := commandWith([]string{"NPM_CONFIG_REGISTRY", "npm_config_registry"}, "npm", "config", "get", "registry", "--userconfig=no-user-file", "--globalconfig=no-global-file")
	p.source = "npm"
	return []probe{
		command("npm", "config", "get", "registry"),
		command("pnpm", "config", "get", "registry"),
		command("yarn", "config", "get", "registry"),
		command("yarn", "config", "get", "npmRegistryServer"),
		builtin(p),
	}
}

// gem asks RubyGems, without and with its configuration.
func gem() []probe {
	p := command("gem", "sources", "--norc")
	return []probe{command("gem", "sources"), builtin(p)}
}

// nuget asks dotnet; of several sources it prefers the one that has the connection's name.
func nuget() []probe {
	return []probe{{"dotnet nuget list source", func(ctx context.Context, m *machine) (answer, error) {
		out, err := m.run(ctx, "dotnet", "nuget", "list", "source")
		return answer{urls: nugetSources(out, "nuget-org")}, err
	}}}
}

var (
	nugetSource = regexp.MustCompile(`(?m)^\s*\d+\.\s+(.+?)\s+\[(Enabled|Disabled)\]\s*\n\s*(\S+)`)
	notWord     = regexp.MustCompile(`[^a-z0-9]+`)
)

// nugetSources reads the numbered list of dotnet: name and state, then the address in the next line.
func nugetSources(out, preferred string) []string {
	var first, rest []string
	for _, s := range nugetSource.FindAllStringSubmatch(strings.ReplaceAll(out, "\r", ""), -1) {
		switch name := notWord.ReplaceAllString(strings.ToLower(s[1]), "-"); {
		case s[2] != "Enabled":
		case name == preferred:
			first = append(first, s[3])
		default:
			rest = append(rest, s[3])
		}
	}
	return append(first, rest...)
}

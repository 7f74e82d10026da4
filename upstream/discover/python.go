package discover

import (
	"context"
	"regexp"
	"strings"
)

// python asks pip and uv what is set, then both for what they have built in.
func python() []probe {
	return []probe{
		{"pip config list", func(ctx context.Context, m *machine) (answer, error) {
			out, err := m.run(ctx, "pip", "config", "list")
			return answer{urls: pipIndex(out)}, err
		}},
		{"uv", uvSet},
		pipDefault("python3"),
		pipDefault("python"),
		builtin(probe{"uv pip install --help", func(ctx context.Context, m *machine) (answer, error) {
			out, err := m.run(ctx, "uv", "pip", "install", "--help")
			return answer{urls: uvDefault(out)}, err
		}}),
	}
}

// pipDefault asks pip's own code, isolated from the environment (-I).
func pipDefault(interpreter string) probe {
	const program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
	p := command(interpreter, "-I", "-c", program)
	p.source = "pip of " + interpreter
	return builtin(p)
}

var pipSetting = regexp.MustCompile(`(?m)^(:env:|install|global)\.+index-url='?([^'\s]+)'?\s*$`)

// pipIndex reads KEY='VALUE' lines. The environment goes before the section of the command, and that before global.
func pipIndex(out string) []string {
	set := map[string]string{}
	for _, s := range pipSetting.FindAllStringSubmatch(out, -1) {
		set[s[1]] = s[2]
	}
	for _, section := range []string{":env:", "install", "global"} {
		if u := set[section]; u != "" {
			return []string{u}
		}
	}
	return nil
}

// uvSet reads what uv would: its variables, then its file for the user, then that for the system.
func uvSet(_ context.Context, m *machine) (answer, error) {
	for _, name := range []string{"UV_DEFAULT_INDEX", "UV_INDEX_URL"} {
		if u := m.getenv(name); u != "" {
			_, after, named := strings.Cut(u, "=") // NAME=URL
			if named && !strings.Contains(strings.SplitN(u, "=", 2)[0], ":") {
				u = after
			}
			return answer{urls: []string{u}}, nil
		}
	}
	config := m.getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = m.home(".config")
	}
	for _, path := range []string{config + "/uv/uv.toml", "/etc/uv/uv.toml"} {
		for _, t := range readTOML(path) {
			switch {
			case t.name == "index" && t.values["default"] == "true" && t.values["url"] != "":
				return answer{urls: []string{t.values["url"]}}, nil
			case (t.name == "" || t.name == "pip") && t.values["index-url"] != "":
				return answer{urls: []string{t.values["index-url"]}}, nil
			}
		}
	}
	return answer{}, errUnset
}

var uvHelp = regexp.MustCompile(`(?i)default:?\s*<?(https?://[^\s>\])]+)`)

// uvDefault finds the default index in uv's own help.
func uvDefault(help string) []string {
	if m := uvHelp.FindStringSubmatch(help); m != nil {
		return []string{m[1]}
	}
	return nil
}

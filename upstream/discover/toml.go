package discover

import (
	"os"
	"strings"
)

// table is one table of a TOML file, as far as settings of addresses need it.
type table struct {
	name   string // a.b.c, without quotes
	values map[string]string
}

// readTOML reads the tables of a file with their simple values: KEY = "text", KEY = true. It passes over all else, and
// over a file that is not there.
func readTOML(path string) []table {
	b, err := readSmall(path)
	if err != nil {
		return nil
	}
	tables := []table{{values: map[string]string{}}}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			name, _, _ := strings.Cut(strings.TrimLeft(line, "["), "]")
			tables = append(tables, table{unquoted(name), map[string]string{}})
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		tables[len(tables)-1].values[unquoted(key)] = scalar(value)
	}
	return tables
}

// unquoted is a dotted key without quotes and spaces.
func unquoted(key string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"' \t", r) {
			return -1
		}
		return r
	}, key)
}

// scalar is a value without its quotes or the comment behind it.
func scalar(v string) string {
	v = strings.TrimSpace(v)
	if v != "" && (v[0] == '"' || v[0] == '\'') {
		text, _, _ := strings.Cut(v[1:], v[:1])
		return text
	}
	v, _, _ = strings.Cut(v, "#")
	return strings.TrimSpace(v)
}

// maxSettings bounds a tool's settings file.
const maxSettings = 1 << 20

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSettings {
		return nil, errUnset
	}
	return os.ReadFile(path)
}

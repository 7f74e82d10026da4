package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// How login changes clients' files: what a user wrote stays, what login wrote before is replaced, and a file that holds
// a token is for its owner alone.

// The marks around what login writes into a file, and in a file that is all its own.
const (
	beginMark = "# >>> entrepot login >>>"
	endMark   = "# <<< entrepot login <<<"
	ownMark   = "written by entrepot login; the next one replaces it"
)

func readText(path string) (string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

// writeText replaces a file as a whole, such that no reader sees half of it.
func writeText(path, text string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a dot file may be kept elsewhere
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".entrepot-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// setLines puts lines into a file of settings: of those that begin alike, only the new one stays.
func setLines(path string, lines [][2]string) error {
	text, err := readText(path)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(splitLines(text), func(line string) bool {
		return slices.ContainsFunc(lines, func(l [2]string) bool {
			bare := strings.ReplaceAll(line, " ", "")
			return strings.HasPrefix(bare, strings.ReplaceAll(l[0], " ", ""))
		})
	})
	for _, l := range lines {
		kept = append(kept, l[0]+l[1])
	}
	return writeText(path, strings.Join(kept, "\n")+"\n")
}

func splitLines(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// setBlock puts a block at the end of a file, in place of the one that is there. A TOML file stays one.
func setBlock(path, block string) error {
	text, err := readText(path)
	if err != nil {
		return err
	}
	if before, rest, ok := strings.Cut(text, beginMark+"\n"); ok {
		_, after, ok := strings.Cut(rest, endMark+"\n")
		if !ok {
			return fmt.Errorf("%s: the line %q is missing", path, endMark)
		}
		text = before + after
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	text += beginMark + "\n" + block + endMark + "\n"
	if strings.HasSuffix(path, ".toml") {
		var settings map[string]any
		if err := toml.Unmarshal([]byte(text), &settings); err != nil {
			return fmt.Errorf("%s has settings of its own that are in the way (%v); add by hand:\n%s", path, err, block)
		}
	}
	return writeText(path, text)
}

// ownFile writes a file that is all ours. One that somebody else wrote stays.
func ownFile(path, text string) error {
	have, err := readText(path)
	if err != nil {
		return err
	}
	if strings.TrimSpace(have) != "" && !strings.Contains(have, ownMark) {
		return fmt.Errorf("%s has settings of its own, and was left alone; take from this what is missing there:\n%s", path, text)
	}
	return writeText(path, text)
}

// setIni sets values in a section of an INI file.
func setIni(path, section string, values map[string]string) error {
	text, err := readText(path)
	if err != nil {
		return err
	}
	var out []string
	in, done := false, false
	finish := func() {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			out = append(out, key+" = "+values[key])
		}
		done = true
	}
	for _, line := range splitLines(text) {
		bare := strings.TrimSpace(line)
		if strings.HasPrefix(bare, "[") {
			in = bare == "["+section+"]"
			out = append(out, line)
			if in && !done {
				finish()
			}
			continue
		}
		key, _, _ := strings.Cut(bare, "=")
		if _, ours := values[strings.TrimSpace(key)]; !in || !ours {
			out = append(out, line)
		}
	}
	if !done {
		out = append(out, "["+section+"]")
		finish()
	}
	return writeText(path, strings.Join(out, "\n")+"\n")
}

// addToIniList adds a name to a value that is a list, one name a line or all on one.
func addToIniList(path, section, key, name string) error {
	text, err := readText(path)
	if err != nil {
		return err
	}
	lines := splitLines(text)
	at := slices.IndexFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "["+section+"]" })
	if at < 0 {
		lines = append(lines, "["+section+"]", key+" =", "    "+name)
		return writeText(path, strings.Join(lines, "\n")+"\n")
	}
	for i := at + 1; i < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[i]), "["); i++ {
		k, v, ok := strings.Cut(lines[i], "=")
		if !ok || strings.TrimSpace(k) != key {
			continue
		}
		names := strings.Fields(v)
		for j := i + 1; j < len(lines) && lines[j] != strings.TrimLeft(lines[j], " \t"); j++ {
			names = append(names, strings.Fields(lines[j])...)
		}
		if !slices.Contains(names, name) {
			lines = slices.Insert(lines, i+1, "    "+name)
		}
		return writeText(path, strings.Join(lines, "\n")+"\n")
	}
	lines = slices.Insert(lines, at+1, key+" =", "    "+name)
	return writeText(path, strings.Join(lines, "\n")+"\n")
}

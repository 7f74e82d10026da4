package discover

import (
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// golang asks the go command, as it is set and as it is without any setting.
func golang() []probe {
	return []probe{
		{"go env GOPROXY", func(ctx context.Context, m *machine) (answer, error) { return goEnv(ctx, m, nil) }},
		builtin(probe{"go env GOPROXY", func(ctx context.Context, m *machine) (answer, error) {
			return goEnv(ctx, m, []string{"GOENV=off", "GOPROXY=", "GOSUMDB="})
		}}),
	}
}

func goEnv(ctx context.Context, m *machine, env []string) (answer, error) {
	out, err := m.runWith(ctx, env, "go", "env", "-json", "GOPROXY", "GOSUMDB", "GOROOT")
	if err != nil {
		return answer{}, err
	}
	var v struct{ GOPROXY, GOSUMDB, GOROOT string }
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		return answer{}, err
	}
	a := answer{urls: goProxies(v.GOPROXY)}
	if v.GOSUMDB != "" && v.GOSUMDB != "off" {
		a.extra = map[string]string{"sumdb": sumdb(ctx, v.GOSUMDB, v.GOROOT)}
	}
	return a, nil
}

// goProxies returns the addresses of a GOPROXY list. "direct" and "off" end it: who set nothing else wants no proxy.
func goProxies(list string) []string {
	var urls []string
	for _, e := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '|' }) {
		switch e = strings.TrimSpace(e); e {
		case "direct", "off":
			return append(urls, "")
		default:
			urls = append(urls, e)
		}
	}
	return urls
}

// sumdb completes the bare name of a checksum database with the key that the go command has built in.
func sumdb(ctx context.Context, set, goroot string) string {
	fields := strings.Fields(set)
	if len(fields) == 0 || strings.Contains(fields[0], "+") {
		return set
	}
	program := filepath.Join(goroot, "bin", "go")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	// The form of golang.org/x/mod/sumdb/note: name, hash of 8 hexadecimal digits, base64 of an algorithm and 32 bytes.
	key := regexp.MustCompile(regexp.QuoteMeta(fields[0]) + `\+[0-9a-f]{8}\+[A-Za-z0-9+/]{43}[A-Za-z0-9+/=]`)
	found := scan(ctx, program, []byte(fields[0]+"+"), key)
	if _, err := note.NewVerifier(found); err != nil {
		return set
	}
	fields[0] = found
	return strings.Join(fields, " ")
}

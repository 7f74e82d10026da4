package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"entrepot/proxy/forward/authority"
)

func printEnv(_ context.Context, env *environment, args []string) error {
	fs := flags(env, "env", "[--format sh|github|dotenv]",
		"Prints the variables that lead every tool through a running server, and make it trust the server's authority:\n"+
			"  eval \"$(entrepot env)\"\n  entrepot env --format github >> \"$GITHUB_ENV\"")
	var s settings
	s.register(env, fs, "config", "data", "listen")
	form := fs.String("format", "sh", "`FORM`: sh, github or dotenv")
	user := fs.String("user", "", "`NAME:TOKEN` for a server that asks its proxy's clients who they are")
	if err := parse(env, fs, args, 0); err != nil {
		return err
	}
	write, ok := map[string]func(io.Writer, variable){"sh": writeShell, "github": writePlain, "dotenv": writeDotenv}[*form]
	if !ok {
		return &usageError{"env: the format is sh, github or dotenv", false}
	}
	file, dir, err := s.open()
	if err != nil {
		return err
	}
	if file.TLS != nil {
		fmt.Fprintln(env.stderr, "entrepot: the port speaks TLS; cargo, Maven, Gradle and gem cannot use such a proxy")
	}
	proxy, err := proxyURL(file.Listen, file.TLS != nil)
	if err != nil {
		return err
	}
	if name, token, ok := strings.Cut(*user, ":"); ok {
		proxy.User = url.UserPassword(name, token)
	}
	ca, err := authority.Open(caDir(dir))
	if err != nil {
		return err
	}
	t, err := publishTrust(ca, "", env.getenv)
	if err != nil {
		return err
	}
	for _, v := range variables(proxy, t, direct(env.getenv, false), env.getenv) {
		write(env.stdout, v)
	}
	return nil
}

// proxyURL is the address of a listener as clients on this machine reach it.
func proxyURL(listen string, secure bool) (*url.URL, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if secure {
		u.Scheme = "https"
	}
	return u, nil
}

func writeShell(w io.Writer, v variable) {
	fmt.Fprintf(w, "export %s='%s'\n", v.name, strings.ReplaceAll(v.value, "'", `'\''`))
}

func writePlain(w io.Writer, v variable) { fmt.Fprintf(w, "%s=%s\n", v.name, v.value) }

// dotenv files know no escapes that all readers agree on; values of ours need quotes for spaces only.
func writeDotenv(w io.Writer, v variable) {
	fmt.Fprintf(w, "%s=\"%s\"\n", v.name, strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`).Replace(v.value))
}

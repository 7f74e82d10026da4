package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"entrepot/proxy/forward/authority"
)

func ca(_ context.Context, env *environment, args []string) error {
	const text = "show prints the certificate of this data directory's authority, which is made at the first use, and where the\n" +
		"files are that tools can be pointed at. rotate replaces its key; clients that trust the old certificate go on\n" +
		"working for 90 days, and a running server takes the new one at the next connection."
	fs := flags(env, "ca", "show | rotate", text)
	var s settings
	s.register(env, fs, "config", "data")
	pemOnly := fs.Bool("pem", false, "show: print the certificates alone")
	verb, rest := "", args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		verb, rest = args[0], args[1:]
	}
	if err := parse(env, fs, rest, 0); err != nil {
		return err
	}
	if verb != "show" && verb != "rotate" {
		return &usageError{"ca: say show or rotate", false}
	}
	_, dir, err := s.open()
	if err != nil {
		return err
	}
	a, err := authority.Open(caDir(dir))
	if err != nil {
		return err
	}
	if verb == "rotate" {
		err = a.Rotate()
	} else {
		err = a.Publish() // the system's roots may have changed since
	}
	if err != nil {
		return err
	}
	showAuthority(env, a, *pemOnly)
	return nil
}

func showAuthority(env *environment, a *authority.Authority, pemOnly bool) {
	for i, c := range a.Roots() {
		if !pemOnly {
			what := "authority"
			if i > 0 {
				what = "before, still trusted"
			}
			fmt.Fprintf(env.stdout, "# %s: %s\n# SHA-256 %s\n# good until %s\n", what, c.Subject.CommonName,
				authority.Fingerprint(c), c.NotAfter.UTC().Format(time.DateOnly))
		}
		_ = pem.Encode(env.stdout, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // as every other print
	}
	if pemOnly {
		return
	}
	fmt.Fprintf(env.stdout, "# certificate:          %s\n# with system's roots:  %s\n# for the JVM:          %s (password %s)\n",
		a.Path(authority.CertificateFile), a.Path(authority.BundleFile), a.Path(authority.TrustStoreFile), authority.TrustStorePassword)
}

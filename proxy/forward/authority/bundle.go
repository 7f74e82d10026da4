package authority

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"software.sslmate.com/src/go-pkcs12"
)

// TrustStorePassword is the one that Java's own stores have. It protects nothing: certificates are public.
const TrustStorePassword = "changeit"

// systemRoots are where systems keep their roots as one file (the same places as crypto/x509 looks in).
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/tls/cacert.pem",                           // OpenELEC
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
	"/etc/ssl/cert.pem",                                 // Alpine, macOS, BSD
}

// maxRoots bounds a file of roots; systems have some 250 KB.
const maxRoots = 8 << 20

// SystemRoots returns the roots that this machine trusts, from the file that SSL_CERT_FILE names or the system's own.
// Where there is none (Windows keeps them elsewhere), it returns none.
func SystemRoots() []*x509.Certificate {
	for _, path := range append([]string{os.Getenv("SSL_CERT_FILE")}, systemRoots...) {
		if certs := ReadRoots(path); len(certs) > 0 {
			return certs
		}
	}
	return nil
}

// ReadRoots returns the certificates of a PEM file. What is no certificate is passed over.
func ReadRoots(path string) []*x509.Certificate {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxRoots {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == certBlock {
			out = append(out, c)
		}
	}
	return out
}

// Publish writes the files that other programs read, beside the key.
func (a *Authority) Publish() error { return a.PublishTo(a.dir) }

// PublishTo writes them into another directory, with more roots beside the system's: those that the tools of one user
// were told to trust already.
func (a *Authority) PublishTo(dir string, more ...*x509.Certificate) error {
	ours := a.Roots()
	all := unique(append(append(slices.Clip(ours), SystemRoots()...), more...))
	// A store without our roots' own names would do; Java's tools list them by name.
	entries := make([]pkcs12.TrustStoreEntry, len(all))
	for i, c := range all {
		entries[i] = pkcs12.TrustStoreEntry{Cert: c, FriendlyName: fmt.Sprintf("%03d %s", i, c.Subject)}
	}
	store, err := pkcs12.Modern.EncodeTrustStoreEntries(entries, TrustStorePassword)
	if err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	for name, data := range map[string][]byte{CertificateFile: encode(ours), BundleFile: encode(all), TrustStoreFile: store} {
		if err := replace(filepath.Join(dir, name), data, 0o644, false); err != nil {
			return fmt.Errorf("authority: %w", err)
		}
	}
	return nil
}

func encode(certs []*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		_ = pem.Encode(&b, &pem.Block{Type: certBlock, Bytes: c.Raw}) // a Buffer does not fail
	}
	return b.Bytes()
}

func unique(certs []*x509.Certificate) []*x509.Certificate {
	seen := make(map[string]bool, len(certs))
	out := certs[:0]
	for _, c := range certs {
		if !seen[string(c.Raw)] {
			seen[string(c.Raw)] = true
			out = append(out, c)
		}
	}
	return out
}

// Portable reports whether the bundle can stand in for the system's own roots: where these are not in a file, tools have
// to be told of ours in another way.
func Portable() bool { return len(SystemRoots()) > 0 }

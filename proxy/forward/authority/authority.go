// Package authority is the certificate authority behind intercepted connections and behind the port's own TLS: made at
// first use, and trusted by nobody but the clients that are told to.
//
// It guarantees:
//
//   - the key stays in one file that only its owner can read; what other programs need is written beside it;
//   - a certificate and its key are replaced together, so that no reader sees one without the other;
//   - the authority signs server certificates and nothing else: it is constrained to them, by key usage, extended key
//     usage and the length of the path;
//   - after a rotation, clients that trust the old certificate go on working for Grace: the new one is also signed by
//     the old key, and both stand in the bundle;
//   - what it holds in memory is bounded.
package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The files of an authority's directory.
const (
	secretFile = "authority.pem" // key and certificates; 0600
	// CertificateFile has the certificates that a client has to trust: the newest first.
	CertificateFile = "ca.crt"
	// BundleFile has these and the roots of the system, for tools that replace their roots with a file's.
	BundleFile = "bundle.pem"
	// TrustStoreFile is the same as PKCS#12, for the JVM; its password is TrustStorePassword.
	TrustStoreFile = "truststore.p12"
)

const (
	// life is how long an authority lasts. Its certificate is installed by hand on some machines.
	life = 10 * 365 * 24 * time.Hour
	// Grace is how long a certificate that was rotated out stays trusted: build images live that long.
	Grace = 90 * 24 * time.Hour
	// skew is how far a client's clock may be behind.
	skew = 24 * time.Hour
)

// Authority signs server certificates. It is safe for concurrent use, and for several processes over one directory:
// each sees what another rotated.
type Authority struct {
	dir string
	key *ecdsa.PrivateKey // of all leaves: it lives in memory alone

	mu      sync.Mutex // guards what follows
	stamp   stamp      // of the file that was read
	current *secret
	leaves  map[string]*tls.Certificate
}

// stamp tells versions of a file apart.
type stamp struct {
	modified time.Time
	size     int64
}

// secret is what the one file holds. It is immutable.
type secret struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// cross is cert's key signed by the authority before, and old that authority's own certificate; nil: there is none,
	// or Grace is over.
	cross, old *x509.Certificate
}

// Open opens the authority of a directory, and makes it if there is none.
func Open(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, key: key, leaves: map[string]*tls.Certificate{}}
	if err := a.refresh(); errors.Is(err, fs.ErrNotExist) {
		err = a.found()
		if err != nil {
			return nil, fmt.Errorf("authority: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	return a, nil
}

// found makes the first certificate. Of several processes that do so at once, one wins, and all use what it made.
func (a *Authority) found() error {
	s, err := newSecret(time.Now(), nil)
	if err != nil {
		return err
	}
	if err := s.write(a.dir, true); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := a.refresh(); err != nil {
		return err
	}
	return a.Publish()
}

// Rotate puts a new key and certificate in the place of the present ones.
func (a *Authority) Rotate() error {
	if err := a.refresh(); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	s, err := newSecret(time.Now(), a.secret())
	if err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	if err := s.write(a.dir, false); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	if err := a.refresh(); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	return a.Publish()
}

// refresh reads the file if it is not the one that was read last.
func (a *Authority) refresh() error {
	info, err := os.Stat(filepath.Join(a.dir, secretFile))
	if err != nil {
		return err
	}
	now := stamp{info.ModTime(), info.Size()}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current != nil && a.stamp == now {
		return nil
	}
	s, err := readSecret(filepath.Join(a.dir, secretFile), time.Now())
	if err != nil {
		return err
	}
	a.current, a.stamp = s, now
	clear(a.leaves)
	return nil
}

func (a *Authority) secret() *secret {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current
}

// Roots are the certificates that a client of ours may have to trust: the newest first.
func (a *Authority) Roots() []*x509.Certificate {
	s := a.secret()
	if s.old != nil {
		return []*x509.Certificate{s.cert, s.old}
	}
	return []*x509.Certificate{s.cert}
}

// Path is the absolute path of one of the directory's files.
func (a *Authority) Path(file string) string { return filepath.Join(a.dir, file) }

// Fingerprint is the SHA-256 of a certificate, as tools show it.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	parts := make([][]byte, len(sum))
	for i, b := range sum {
		parts[i] = []byte(hex.EncodeToString([]byte{b}))
	}
	return string(bytes.ToUpper(bytes.Join(parts, []byte(":"))))
}

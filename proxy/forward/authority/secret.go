package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// newSecret makes a key with its certificate, signed by itself and, if there was one before, by that one too.
func newSecret(now time.Time, before *secret) (*secret, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := rootTemplate(now)
	if err != nil {
		return nil, err
	}
	s := &secret{key: key}
	if s.cert, err = sign(template, template, &key.PublicKey, key); err != nil || before == nil {
		return s, err
	}
	bridge := *template
	bridge.NotAfter = earlier(now.Add(Grace), before.cert.NotAfter)
	if bridge.SerialNumber, err = serial(); err != nil {
		return nil, err
	}
	bridge.MaxPathLen, bridge.MaxPathLenZero = 0, true
	s.old = before.cert
	s.cross, err = sign(&bridge, before.cert, &key.PublicKey, before.key)
	return s, err
}

// rootTemplate is the certificate of an authority. The path may have one more authority below it: its successor.
func rootTemplate(now time.Time) (*x509.Certificate, error) {
	n, err := serial()
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	name := pkix.Name{Organization: []string{"Entrepot"}, CommonName: fmt.Sprintf("Entrepot CA %s %x", host, n.Bytes()[:4])}
	const longest = 64 // RFC 5280, ub-common-name
	if len(name.CommonName) > longest {
		name.CommonName = fmt.Sprintf("Entrepot CA %x", n.Bytes()[:4])
	}
	return &x509.Certificate{
		SerialNumber: n, Subject: name,
		NotBefore: now.Add(-skew), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: 1,
	}, nil
}

// serial is a random number of 120 bits (CA/Browser Forum baseline requirements, 7.1: at least 64, not zero).
func serial() (*big.Int, error) {
	b := make([]byte, 15)
	_, err := rand.Read(b)
	b[0] |= 0x40
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b), err
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, by *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// The types of the blocks in the one file, in their order. The last two may be missing.
const (
	keyBlock  = "EC PRIVATE KEY"
	certBlock = "CERTIFICATE"
)

// maxSecret bounds the file; it has 3 KB.
const maxSecret = 64 << 10

func readSecret(path string, now time.Time) (*secret, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("%s is not what was written there: it is too long", path)
	}
	s, err := parseSecret(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.cross != nil && now.After(s.cross.NotAfter) {
		s.cross, s.old = nil, nil
	}
	return s, nil
}

func parseSecret(data []byte) (*secret, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != keyBlock {
		return nil, errors.New("it does not begin with a key")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for block, rest = pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	s := &secret{key: key}
	switch len(certs) {
	case 3:
		s.cross, s.old = certs[1], certs[2]
		fallthrough
	case 1:
		s.cert = certs[0]
	default:
		return nil, fmt.Errorf("it has %d certificates", len(certs))
	}
	if !key.PublicKey.Equal(s.cert.PublicKey) {
		return nil, errors.New("the key is not that of the certificate")
	}
	return s, nil
}

// write replaces the file. If it is to be the first, an existing one is an error that is fs.ErrExist.
func (s *secret) write(dir string, first bool) error {
	der, err := x509.MarshalECPrivateKey(s.key)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: keyBlock, Bytes: der}) // a Buffer does not fail
	for _, c := range []*x509.Certificate{s.cert, s.cross, s.old} {
		if c != nil {
			_ = pem.Encode(&b, &pem.Block{Type: certBlock, Bytes: c.Raw})
		}
	}
	return replace(filepath.Join(dir, secretFile), b.Bytes(), 0o600, first)
}

// replace writes a file as a whole: nobody sees a part of it. first: not in the place of another.
func replace(path string, data []byte, mode fs.FileMode, first bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if first {
		return os.Link(f.Name(), path)
	}
	return os.Rename(f.Name(), path)
}

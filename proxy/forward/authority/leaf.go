package authority

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

const (
	// leafLife is short enough for every client's own limit (398 days at most), and leaves are made again at half of it.
	leafLife = 30 * 24 * time.Hour
	// maxLeaves bounds the cache: 2 KB each. A new leaf costs 240 µs, so what is dropped is soon made again.
	maxLeaves = 1024
)

// Leaf returns a certificate with its key and chain for names: DNS names or IP addresses, at least one.
func (a *Authority) Leaf(names ...string) (*tls.Certificate, error) {
	if err := a.refresh(); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	id, now := strings.Join(names, " "), time.Now()
	a.mu.Lock()
	leaf, by := a.leaves[id], a.current
	a.mu.Unlock()
	if leaf != nil && now.Before(leaf.Leaf.NotAfter.Add(-leafLife/2)) {
		return leaf, nil
	}
	leaf, err := a.issue(by, names, now)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == by {
		for old := range a.leaves {
			if len(a.leaves) < maxLeaves {
				break
			}
			delete(a.leaves, old)
		}
		a.leaves[id] = leaf
	}
	return leaf, nil
}

func (a *Authority) issue(by *secret, names []string, now time.Time) (*tls.Certificate, error) {
	n, err := serial()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("authority: a certificate needs a name")
	}
	template := &x509.Certificate{
		SerialNumber: n, Subject: pkix.Name{Organization: []string{"Entrepot"}},
		NotBefore: now.Add(-skew), NotAfter: earlier(now.Add(leafLife), by.cert.NotAfter),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, ip.WithZone("").AsSlice())
			continue
		}
		if !hostname(name) {
			return nil, fmt.Errorf("authority: %.100q is no host name", name)
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	cert, err := sign(template, by.cert, &a.key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	out := &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: a.key, Leaf: cert}
	if by.cross != nil {
		out.Certificate = append(out.Certificate, by.cross.Raw)
	}
	return out, nil
}

// hostname reports whether a name can stand in a certificate (RFC 1123, 2.1; underscores are seen in the wild).
func hostname(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

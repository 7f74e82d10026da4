package authority

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leaf(t *testing.T, a *Authority, names ...string) *tls.Certificate {
	t.Helper()
	c, err := a.Leaf(names...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verify checks a leaf as a client does that trusts root.
func verify(c *tls.Certificate, root *x509.Certificate, name string) error {
	o := x509.VerifyOptions{DNSName: name, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	o.Roots.AddCert(root)
	for _, der := range c.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		o.Intermediates.AddCert(cert)
	}
	_, err := c.Leaf.Verify(o)
	return err
}

func TestALeafIsGoodForItsNamesAndNoOther(t *testing.T) {
	a := open(t, t.TempDir())
	c := leaf(t, a, "registry.example", "127.0.0.1", "::1")
	for _, name := range []string{"registry.example", "127.0.0.1", "::1"} {
		if err := verify(c, a.Roots()[0], name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if verify(c, a.Roots()[0], "other.example") == nil {
		t.Error("the leaf is good for a name that it does not have")
	}
}

func TestNamesThatAreNoneGetNoCertificate(t *testing.T) {
	a := open(t, t.TempDir())
	for _, names := range [][]string{nil, {""}, {"a..b"}, {"*.example"}, {"a b"}, {"-a.example"}, {"a\x00.example"}} {
		if _, err := a.Leaf(names...); err == nil {
			t.Errorf("%q: a certificate was made", names)
		}
	}
}

func TestTheKeyIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	info, err := os.Stat(filepath.Join(dir, secretFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	for _, name := range []string{CertificateFile, BundleFile, TrustStoreFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(data) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProcessesThatBeginTogetherShareOneAuthority(t *testing.T) {
	dir := t.TempDir()
	var all [8]*Authority
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i], _ = Open(dir) })
	}
	wg.Wait()
	for _, a := range all {
		if a == nil || !a.Roots()[0].Equal(all[0].Roots()[0]) {
			t.Fatal("they differ")
		}
	}
}

func TestAfterARotationOldAndNewClientsAreServed(t *testing.T) {
	dir := t.TempDir()
	a, other := open(t, dir), open(t, dir)
	before := a.Roots()[0]
	stale := leaf(t, other, "registry.example")
	if err := a.Rotate(); err != nil {
		t.Fatal(err)
	}
	now := a.Roots()[0]
	if now.Equal(before) {
		t.Fatal("nothing was rotated")
	}
	c := leaf(t, other, "registry.example") // another process sees it
	if c == stale {
		t.Error("a leaf of the old key is still given away")
	}
	for name, root := range map[string]*x509.Certificate{"old": before, "new": now} {
		if err := verify(c, root, "registry.example"); err != nil {
			t.Errorf("a client that trusts the %s certificate: %v", name, err)
		}
	}
	bundle := ReadRoots(a.Path(BundleFile))
	if len(bundle) < 2 || !bundle[0].Equal(now) || !bundle[1].Equal(before) {
		t.Error("the bundle does not begin with both")
	}
	data, err := os.ReadFile(filepath.Join(dir, secretFile))
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSecret(data)
	if err != nil {
		t.Fatal(err)
	}
	late, err := readSecret(filepath.Join(dir, secretFile), s.cross.NotAfter.Add(1))
	if err != nil || late.old != nil || late.cross != nil {
		t.Errorf("the old certificate outlives its grace: %v, %v", late, err)
	}
}

func TestLeavesAreKeptAndBounded(t *testing.T) {
	a := open(t, t.TempDir())
	first := leaf(t, a, "a.example")
	if leaf(t, a, "a.example") != first {
		t.Error("a leaf is made twice")
	}
	for i := range maxLeaves + 10 {
		leaf(t, a, fmt.Sprintf("h%d.example", i))
	}
	if n := len(a.leaves); n > maxLeaves {
		t.Errorf("%d leaves are kept", n)
	}
}

func TestTheTrustStoreHasOurRoots(t *testing.T) {
	a := open(t, t.TempDir())
	data, err := os.ReadFile(a.Path(TrustStoreFile))
	if err != nil {
		t.Fatal(err)
	}
	certs, err := pkcs12.DecodeTrustStore(data, TrustStorePassword)
	if err != nil || len(certs) == 0 || !certs[0].Equal(a.Roots()[0]) {
		t.Fatalf("%d certificates, %v", len(certs), err)
	}
}

func TestABrokenFileIsAnErrorAndStays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, secretFile)
	if err := os.WriteFile(path, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Fatal("it was taken")
	}
	if data, _ := os.ReadFile(path); string(data) != "not a key" {
		t.Error("it was overwritten")
	}
}

func FuzzParseSecret(f *testing.F) {
	dir := f.TempDir()
	if _, err := Open(dir); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, secretFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseSecret(data); err == nil && (s.key == nil || s.cert == nil) {
			t.Error("half a secret")
		}
	})
}

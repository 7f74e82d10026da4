package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"entrepot/config"
	"entrepot/proxy/forward/authority"
)

func TestSelfSignedPortHasACertificateForEachOfItsNames(t *testing.T) {
	dir := t.TempDir()
	file := config.Default()
	file.TLS = &config.TLS{Self: true}
	file.Hosts, file.PublicURL = []string{"packages.example", "*.wild.example"}, "https://public.example/x"
	c, err := portTLS(file, dir, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ca, err := authority.Open(caDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Roots()[0])
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = conn.(*tls.Conn).Handshake(); conn.Close() }()
		}
	}()
	for name, good := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "packages.example": true, "a.wild.example": true, "public.example": true,
		"other.example": false, "wild.example": false,
	} {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots})
		if err == nil {
			conn.Close()
		}
		if (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARenewedCertificateIsTakenAndABrokenOneIsNot(t *testing.T) {
	ca, err := authority.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &pair{cert: filepath.Join(dir, "c.pem"), key: filepath.Join(dir, "k.pem"), log: zerolog.Nop()}
	if _, err := p.load(); err == nil {
		t.Error("files that are missing are no error")
	}
	put := func(name string) {
		c, err := ca.Leaf(name)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		write(t, p.key, "PRIVATE KEY", der)
		write(t, p.cert, "CERTIFICATE", c.Certificate[0])
	}
	for _, name := range []string{"one.example", "longer.two.example"} {
		put(name)
		if c, err := p.load(); err != nil || c.Leaf.DNSNames[0] != name {
			t.Fatalf("%s: %v", name, err)
		}
	}
	write(t, p.cert, "CERTIFICATE", []byte("broken"))
	if c, err := p.load(); err != nil || c.Leaf.DNSNames[0] != "longer.two.example" {
		t.Errorf("a broken renewal: %v", err)
	}
	if err := os.Remove(p.key); err != nil {
		t.Fatal(err)
	}
	if _, err := p.load(); err != nil {
		t.Errorf("a missing key, with a certificate in hand: %v", err)
	}
}

func write(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

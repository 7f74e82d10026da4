package connection

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
)

// clientTLS trusts a test server.
func clientTLS(servers ...*httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	for _, s := range servers {
		roots.AddCert(s.Certificate())
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

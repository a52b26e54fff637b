package startup

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Services are endpoints of AWS over TLS, as functions meet them: certificates of RSA keys, and a bundle with all the roots of this machine,
// which whoever calls first has to read.
type Services struct {
	env     []string
	dir     string
	servers []*http.Server

	mu        sync.Mutex
	connected func()
	answered  func()
	opened    map[string]int // connections, by variable
}

// ServeTLS puts TLS in front of handlers, by the environment variable that is to lead to each: AWS_ENDPOINT_URL_DYNAMODB, TONGLI_BASE_URL.
func ServeTLS(services map[string]http.Handler) (*Services, error) {
	s := &Services{opened: map[string]int{}}
	var err error
	if s.dir, err = os.MkdirTemp("", "startup"); err != nil {
		return nil, err
	}
	cert, root, err := certificate()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	bundle := filepath.Join(s.dir, "bundle.pem")
	if err := os.WriteFile(bundle, append(roots(), root...), 0o644); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	empty := filepath.Join(s.dir, "empty") // Go reads the directories besides the bundle
	if err := os.Mkdir(empty, 0o755); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.env = []string{"SSL_CERT_FILE=" + bundle, "SSL_CERT_DIR=" + empty}
	for variable, h := range services {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		server := &http.Server{
			Handler: s.counted(h), ReadHeaderTimeout: timeout, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // DynamoDB speaks HTTP/1.1
			ErrorLog:     log.New(io.Discard, "", 0),
			ConnState: func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					s.tell(variable)
				}
			},
		}
		s.servers = append(s.servers, server)
		go func() { _ = server.ServeTLS(l, "", "") }() // ends with Close
		s.env = append(s.env, variable+"=https://"+l.Addr().String())
	}
	return s, nil
}

// Proxy is a plain endpoint behind TLS: the engines.
func Proxy(target string) (http.Handler, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	p := httputil.NewSingleHostReverseProxy(to)
	p.ErrorLog = log.New(io.Discard, "", 0)
	return p, nil
}

// Env are the variables that lead to the services.
func (s *Services) Env() []string { return s.env }

// Connections counts the connections to a service so far: each begins with a TLS handshake.
func (s *Services) Connections(variable string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened[variable]
}

// Close ends them.
func (s *Services) Close() error {
	var err error
	for _, server := range s.servers {
		err = errors.Join(err, server.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Services) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush() // what comes after it is not the caller's wait
		s.tell("")
	})
}

// watch has a measurement told of connections and answers until the returned function is called.
func (s *Services) watch(connected, answered func()) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected, s.answered = connected, answered
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connected, s.answered = nil, nil
	}
}

// tell of a connection to that service, or of an answer.
func (s *Services) tell(connectionTo string) {
	s.mu.Lock()
	f := s.answered
	if connectionTo != "" {
		f = s.connected
		s.opened[connectionTo]++
	}
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// roots are the machine's own.
func roots() []byte {
	for _, file := range []string{"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"} {
		if raw, err := os.ReadFile(file); err == nil {
			return append(raw, '\n')
		}
	}
	return nil
}

// certificate is one for 127.0.0.1, and the root that signed it.
func certificate() (tls.Certificate, []byte, error) {
	rootKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leafKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	from, to := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "startup root"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &leafKey.PublicKey, rootKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	var b strings.Builder
	err = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: rootDER})
	return tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}, []byte(b.String()), err
}

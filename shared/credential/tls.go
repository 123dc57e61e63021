package credential

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// How long certificates hold. A server's is made again by the same command that made it.
const (
	caValidity     = 10 * 365 * 24 * time.Hour
	serverValidity = 398 * 24 * time.Hour // what the CA/Browser Forum allowed for years, so that nobody's client refuses it
	backdate       = time.Hour            // for clocks that are late
)

// CAPath returns where the certificate is by which an auth directory's servers are trusted.
func CAPath(dir string) string { return filepath.Join(dir, "tls", "ca.pem") }

// ServerCertPath and ServerKeyPath return where the servers' certificate and its key are.
func ServerCertPath(dir string) string { return filepath.Join(dir, "tls", "server.pem") }

// ServerKeyPath returns where the key of the servers' certificate is.
func ServerKeyPath(dir string) string { return filepath.Join(dir, "tls", "server.key") }

func caKeyPath(dir string) string { return filepath.Join(dir, "tls", "ca.key") }

// Certificate is what is known of the certificate of a server, or of who signs them.
type Certificate struct {
	Path      string    `json:"path"`
	Names     []string  `json:"names,omitempty"` // host names and addresses that it is for
	ExpiresAt time.Time `json:"expires_at"`
}

// MakeTLS makes a certificate for servers under the names and addresses in hosts, signed by the directory's own authority, which it makes
// if there is none yet. A server's certificate that is there already is replaced.
func (d *Directory) MakeTLS(ctx context.Context, hosts []string) error {
	if len(hosts) == 0 || len(hosts) > 256 {
		return api.Errorf(api.Invalid, "give 1 to 256 host names or addresses of the servers").WithFields("san")
	}
	release, err := lock(ctx, d.path)
	if err != nil {
		return err
	}
	defer release()
	if err := os.MkdirAll(filepath.Join(d.path, "tls"), 0o700); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	now := d.now()
	ca, caKey, err := d.authority(now)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Mabus NATS server"}, NotBefore: now.Add(-backdate), NotAfter: now.Add(serverValidity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if template.NotAfter.After(ca.NotAfter) {
		template.NotAfter = ca.NotAfter
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	cert, key, _, err := certify(template, ca, caKey)
	if err != nil {
		return err
	}
	// The key goes first: whoever is killed between the two finds that they do not fit, and makes them again.
	return errors.Join(writeFile(ServerKeyPath(d.path), key, 0o600), writeFile(ServerCertPath(d.path), cert, 0o600))
}

// authority returns who signs the servers' certificates.
func (d *Directory) authority(now time.Time) (*x509.Certificate, crypto.Signer, error) {
	if exists(CAPath(d.path)) { // its key was written before it
		pair, err := tls.LoadX509KeyPair(CAPath(d.path), caKeyPath(d.path))
		if err != nil {
			return nil, nil, api.Errorf(api.FailedPrecondition, "%s has no key here that fits: it is another's, who is to sign the servers' certificate (--tls-cert, --tls-key): %v", CAPath(d.path), err)
		}
		signer, ok := pair.PrivateKey.(crypto.Signer)
		if !ok || now.After(pair.Leaf.NotAfter) {
			return nil, nil, api.Errorf(api.FailedPrecondition, "%s has expired: remove it and make certificates again; clients need the new one", CAPath(d.path))
		}
		return pair.Leaf, signer, nil
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Mabus authority"}, NotBefore: now.Add(-backdate), NotAfter: now.Add(caValidity),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	cert, key, private, err := certify(template, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(writeFile(caKeyPath(d.path), key, 0o600), writeFile(CAPath(d.path), cert, 0o600)); err != nil {
		return nil, nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificates: %w", err)
	}
	return pair.Leaf, private, nil
}

// certify makes a key and has it signed by a parent, or by itself.
func certify(template, parent *x509.Certificate, signer crypto.Signer) (cert, key []byte, private crypto.Signer, err error) {
	private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make certificates: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, nil, fmt.Errorf("make certificates: %w", err)
	}
	if parent == nil {
		parent, signer = template, private
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), signer)
	if err != nil {
		return nil, nil, nil, api.Errorf(api.Invalid, "the certificate cannot be made: %v", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make certificates: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), private, nil
}

// TakeTLS copies the certificate of a server, its key, and those by which it is trusted, into the directory.
func (d *Directory) TakeTLS(ctx context.Context, certFile, keyFile, caFile string) error {
	release, err := lock(ctx, d.path)
	if err != nil {
		return err
	}
	defer release()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return api.Errorf(api.Invalid, "the certificate cannot be used: %v", err).WithFields("tls-cert", "tls-key")
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return api.Errorf(api.Invalid, "the authority's certificate cannot be read: %v", err).WithFields("tls-ca")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return api.Errorf(api.Invalid, "%s holds no certificate", caFile).WithFields("tls-ca")
	}
	between := x509.NewCertPool()
	for _, raw := range pair.Certificate[1:] {
		if c, err := x509.ParseCertificate(raw); err == nil {
			between.AddCert(c)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: d.now()}); err != nil {
		return api.Errorf(api.Invalid, "the certificate is not trusted by %s: %v", caFile, err).WithFields("tls-cert", "tls-ca")
	}
	if err := os.MkdirAll(filepath.Join(d.path, "tls"), 0o700); err != nil {
		return fmt.Errorf("take certificates: %w", err)
	}
	if err := os.Remove(caKeyPath(d.path)); err != nil && !errors.Is(err, os.ErrNotExist) { // it is no longer who signs
		return fmt.Errorf("take certificates: %w", err)
	}
	for to, from := range map[string]string{ServerKeyPath(d.path): keyFile, ServerCertPath(d.path): certFile, CAPath(d.path): caFile} {
		data, err := os.ReadFile(from)
		if err == nil {
			err = writeFile(to, data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("take certificates: %w", err)
		}
	}
	return nil
}

// Certificates returns what the directory has of certificates: none, or the authority's and the servers'.
func (d *Directory) Certificates() ([]Certificate, error) {
	var out []Certificate
	for _, path := range []string{CAPath(d.path), ServerCertPath(d.path)} {
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(data)
		if block == nil {
			return nil, api.Errorf(api.FailedPrecondition, "%s holds no certificate", path)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, api.Errorf(api.FailedPrecondition, "%s: %v", path, err)
		}
		names := slices.Clone(c.DNSNames)
		for _, ip := range c.IPAddresses {
			names = append(names, ip.String())
		}
		out = append(out, Certificate{Path: path, Names: names, ExpiresAt: c.NotAfter})
	}
	return out, nil
}

// ServerTLS returns how a server shows itself, or nil if the directory has no certificate.
func (d *Directory) ServerTLS() (*tls.Config, error) {
	if !exists(ServerCertPath(d.path)) {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(ServerCertPath(d.path), ServerKeyPath(d.path))
	if err != nil {
		return nil, api.Errorf(api.FailedPrecondition, "the server's certificate cannot be used: make it again with `mabus auth init --tls`: %v", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// ClientTLS returns how a client trusts servers, by the certificates in a file or those of the system, and what it shows to them.
func ClientTLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		data, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		if cfg.RootCAs = x509.NewCertPool(); !cfg.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s holds no certificate", caFile)
		}
	}
	if (certFile == "") != (keyFile == "") {
		return nil, errors.New("a certificate and its key go together")
	}
	if certFile != "" {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate to show: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

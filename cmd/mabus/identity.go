package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
)

// identity is as whom a command connects, and how it trusts the server.
type identity struct {
	principal   string
	credentials string
	tls         *tls.Config
}

// defaultOperator is who a command on the machine of a strict server is unless it is told.
const defaultOperator = "operator"

// authDir is where the keys of the data directory's server are, unless --auth says otherwise.
func (o *options) authDir() string {
	if o.auth != "" {
		return o.auth
	}
	return filepath.Join(o.data, "auth")
}

// identity is identityOf a person who runs the system.
func (o *options) identity() (identity, error) { return o.identityOf(defaultOperator) }

// identityOf finds credentials: those of --creds, or else, for the server of the data directory, those that its auth directory has for
// --as, or for who is named unless that is given.
func (o *options) identityOf(name string) (identity, error) {
	id := identity{principal: o.principal, credentials: o.credentials}
	var err error
	if id.tls, err = o.clientTLS(); err != nil {
		return id, err
	}
	if id.credentials == "" && (o.server == "" || o.auth != "") && credential.Exists(o.authDir()) {
		if id.principal == "" {
			id.principal = name
		}
		if err := o.issued(&id); err != nil {
			return id, err
		}
		return id, nil
	}
	if id.credentials != "" && id.principal == "" {
		id.principal, err = credential.NameIn(id.credentials)
	}
	return id, err
}

// issued takes the credentials of a principal from the auth directory.
func (o *options) issued(id *identity) error {
	if err := api.CheckID("--as", id.principal); err != nil {
		return err
	}
	auth, err := o.openAuth()
	if err != nil {
		return err
	}
	id.credentials = auth.CredentialsPath(o.namespace, id.principal)
	if !exists(id.credentials) {
		kind := api.KindAgent
		if id.principal == defaultOperator {
			kind = api.KindOperator
		}
		return fmt.Errorf("%[1]s has no credentials in %[2]s: make some with `mabus auth add %[1]s --kind %[3]s`, or name a file with --creds", id.principal, o.authDir(), kind)
	}
	return nil
}

// clientTLS is what the flags say, or else how the auth directory's own server is trusted.
func (o *options) clientTLS() (*tls.Config, error) {
	ca := o.tlsCA
	if ca == "" && (o.server == "" || o.auth != "") {
		if path := credential.CAPath(o.authDir()); exists(path) {
			ca = path
		}
	}
	if ca == "" && o.tlsCert == "" && o.tlsKey == "" {
		return nil, nil
	}
	cfg, err := credential.ClientTLS(ca, o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return cfg, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// hint says what to do about a connection that was not made.
func (o *options) hint(err error, id identity) error {
	switch {
	case api.ReasonOf(err) == api.ReasonCredentials && id.credentials == "":
		return fmt.Errorf("%w; name your credentials with --creds", err)
	case api.ReasonOf(err) == api.ReasonCredentials:
		return fmt.Errorf("%w; the credentials in %s were revoked, have expired, or are another server's: ask an operator for new ones (`mabus auth add`)", err, id.credentials)
	case api.CodeOf(err) == api.Unavailable && strings.Contains(err.Error(), "x509: "):
		return fmt.Errorf("%w; name the file of who has signed the server's certificate with --tls-ca, or the auth directory with --auth", err)
	case api.CodeOf(err) == api.Unavailable:
		return fmt.Errorf("%w; start one with `mabus up`, or name yours with --server", err)
	}
	return err
}

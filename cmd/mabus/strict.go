package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/natsd"
)

// Who the processes on the machine of an embedded strict server are, unless --as says otherwise.
const (
	defaultService = "mabus"
	defaultHost    = "host"
)

// strictNATS is the embedded server in strict mode: who its processes are, and its auth directory.
type strictNATS struct {
	auth       *credential.Directory
	self       identity // of this process
	operator   identity
	violations *violationTeller
}

// secure puts the embedded server in strict mode if that is wanted, or if its data is that of a strict one; it returns nil if not. Self is
// who this process is, with credentials of its own or those of a kind.
func (o *options) secure(ctx context.Context, cfg *natsd.Config, strict bool, self identity, kind api.Kind, operator string) (*strictNATS, error) {
	if !credential.Exists(o.authDir()) {
		if natsd.WasStrict(cfg.DataDir) { // new keys would be those of other accounts, which see nothing of what is there
			return nil, api.Errorf(api.FailedPrecondition, "%s is the data of a strict server, and its auth directory is not at %s: name it with --auth, or restore it", cfg.DataDir, o.authDir())
		}
		if !strict {
			return nil, nil
		}
	}
	if natsd.Plain(cfg.DataDir) {
		return nil, api.Errorf(api.FailedPrecondition, "%s is the data of a server that lets in everybody, which a strict one does not see: make a back-up with `mabus admin backup`, and restore it under a new --data with --strict", cfg.DataDir)
	}
	auth, err := credential.Init(ctx, o.authDir(), o.namespace, credential.Options{})
	if err != nil {
		return nil, err
	}
	s := &strictNATS{auth: auth, self: self, operator: identity{principal: operator}}
	if s.self.credentials == "" {
		if s.self.credentials, err = o.ensure(ctx, auth, s.self.principal, kind); err != nil {
			return nil, err
		}
	}
	s.operator.credentials, err = o.ensure(ctx, auth, s.operator.principal, api.KindOperator)
	switch {
	case errors.Is(err, errRevoked): // the system does not stand still for want of an operator
		cfg.Log.Warn().Err(err).Msg("there is no operator, so commands on this machine and the console need credentials of their own")
	case err != nil:
		return nil, err
	}
	if cfg.TLS, err = auth.ServerTLS(); err != nil {
		return nil, err
	}
	if s.self.tls, err = o.clientTLS(); err != nil {
		return nil, err
	}
	s.operator.tls = s.self.tls
	material, err := auth.Material()
	if err != nil {
		return nil, err
	}
	cfg.Strict = &material
	s.violations = newViolationTeller(o.namespace, cfg.Log)
	cfg.OnViolation = s.violations.add
	if cfg.TLS == nil && cfg.Host != "" && !loopback(cfg.Host) {
		cfg.Log.Warn().Str("listen", cfg.Host).Msg("credentials are not sent in the clear, but what is said is: make certificates with `mabus auth init --tls`")
	}
	return s, nil
}

var errRevoked = errors.New("credentials were revoked")

// ensure returns the credentials of a principal, which it makes if there never were any, or if they have expired. Those that were revoked stay so.
func (o *options) ensure(ctx context.Context, auth *credential.Directory, name string, kind api.Kind) (string, error) {
	users, err := auth.List(o.namespace)
	if err != nil {
		return "", err
	}
	path, now := auth.CredentialsPath(o.namespace, name), time.Now()
	i := slices.IndexFunc(users, func(u credential.User) bool { return u.Name == name && u.Valid(now) })
	switch {
	case i >= 0 && users[i].Kind != kind:
		return "", api.Errorf(api.FailedPrecondition, "%s has credentials as %s, and this takes those of a %s: give another name with --as", name, users[i].Kind, kind)
	case i >= 0 && exists(path):
		return path, nil
	case i < 0 && slices.ContainsFunc(users, func(u credential.User) bool { return u.Name == name && u.RevokedAt != nil && u.Kind == kind }):
		return "", fmt.Errorf("%w: those of %s; make new ones with `mabus auth add %s --kind %s`", errRevoked, name, name, kind)
	}
	_, err = auth.Add(ctx, o.namespace, credential.AddRequest{Names: []string{name}, Kind: kind})
	if err != nil && api.CodeOf(err) != api.Conflict { // another process was quicker
		return "", err
	}
	return path, nil
}

// started tells a server that another process runs what is new, and where the operator's credentials are.
func (s *strictNATS) started(ctx context.Context, url string, owned bool, log zerolog.Logger) error {
	if !owned {
		if _, err := s.auth.Push(ctx, credential.Server{URL: url, TLS: s.self.tls}); err != nil {
			return fmt.Errorf("have the server know of this process: %w", err)
		}
	}
	if s.operator.credentials == "" {
		return nil
	}
	log.Info().Str("operator", s.operator.principal).Str("creds", s.operator.credentials).Msg("strict: commands on this machine use the operator's credentials")
	return nil
}

package natsd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/mabus-project/mabus/shared/credential"
)

// tlsSeconds is how long a client may take to agree on a key.
const tlsSeconds = 5

// accountsDir is where a strict server keeps the accounts that it was told of, so that what was revoked stays so when it starts again.
func accountsDir(dataDir string) string { return filepath.Join(dataDir, "accounts") }

// operate puts the server in operator mode.
func (c *Config) operate(opts *server.Options) error {
	operator, err := jwt.DecodeOperatorClaims(c.Strict.Operator)
	if err != nil {
		return fmt.Errorf("the operator's JWT: %w", err)
	}
	// What is no longer in the operator's hands is not deleted behind his back.
	resolver, err := server.NewDirAccResolver(accountsDir(c.DataDir), 0, credential.SyncInterval, server.NoDelete)
	if err != nil {
		return fmt.Errorf("keep the accounts: %w", err)
	}
	for public, token := range c.Strict.Accounts {
		if err := keepNewer(resolver, public, token); err != nil {
			return err
		}
	}
	opts.TrustedOperators = []*jwt.OperatorClaims{operator}
	opts.SystemAccount, opts.AccountResolver = c.Strict.System, resolver
	return nil
}

// keepNewer stores an account unless the server was told of a later one since.
func keepNewer(resolver *server.DirAccResolver, public, token string) error {
	claims, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return fmt.Errorf("the account %s: %w", public, err)
	}
	kept, err := resolver.Fetch(public)
	if err == nil {
		if old, err := jwt.DecodeAccountClaims(kept); err == nil && old.IssuedAt >= claims.IssuedAt {
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the account %s: %w", public, err)
	}
	if err := resolver.Store(public, token); err != nil {
		return fmt.Errorf("the account %s: %w", public, err)
	}
	return nil
}

// accounts are those that streams may be in.
func (c *Config) accounts() []string {
	if c.Strict == nil {
		return []string{server.DEFAULT_GLOBAL_ACCOUNT}
	}
	return slices.Sorted(maps.Values(c.Strict.Namespaces))
}

// Plain tells whether a data directory holds streams of a server that let in everybody. A strict server does not see them.
func Plain(dataDir string) bool {
	streams, err := os.ReadDir(filepath.Join(dataDir, "jetstream", server.DEFAULT_GLOBAL_ACCOUNT, "streams"))
	return err == nil && len(streams) > 0
}

// WasStrict tells whether a data directory is that of a strict server. One that lets in everybody does not see its streams.
func WasStrict(dataDir string) bool {
	kept, err := os.ReadDir(accountsDir(dataDir))
	return err == nil && len(kept) > 0
}

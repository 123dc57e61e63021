package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
)

// Secrets sets the secrets of the namespace, which agents refer to as secret:NAME. Values are sealed here, before anything is sent.
type Secrets struct {
	conn *rpc.Conn
	seen *session
}

// sealTries is how often a secret is sealed anew because the key was replaced meanwhile.
const sealTries = 3

// Set seals a value and keeps it under a name, in the place of what was there. With only given, it is sealed to that public key, and
// refused as secret_key_changed when that is not the namespace's present one: so a registry that cannot be trusted cannot name a key of its
// own. Other errors: secret_key_missing, too_many_secrets, and invalid for a value that is empty or larger than api.MaxSecretValue.
// The value stays the caller's.
func (s Secrets) Set(ctx context.Context, name string, value []byte, only string) (*api.Secret, error) {
	for try := 1; ; try++ {
		key := only
		if key == "" {
			keys, err := s.Keys(ctx)
			if err != nil {
				return nil, err
			}
			if key = keys.Current; key == "" {
				return nil, api.Errorf(api.FailedPrecondition, "the namespace has no key to seal secrets to: make one with mabus secrets init").WithReason(api.ReasonSecretKeyMissing)
			}
		}
		req, err := secret.Seal(key, s.conn.Namespace, name, value)
		if err != nil {
			return nil, err
		}
		resp, err := rpc.Call(ctx, s.conn, api.SecretsSet, req)
		if only == "" && try < sealTries && api.ReasonOf(err) == api.ReasonSecretKeyChanged {
			continue
		}
		return changed(s.seen, func(v *api.Secret) string { return v.Revision }, resp, err)
	}
}

// Reseal opens a secret with one of the keys and seals it to another, if it is as it was read: version_mismatch if it has been set since.
func (s Secrets) Reseal(ctx context.Context, name string, keys *secret.Keys, to string) (*api.Secret, error) {
	sealed, err := s.Get(ctx, api.GetRequest{ID: name})
	if err != nil {
		return nil, err
	}
	value, err := keys.Open(s.conn.Namespace, sealed)
	if err != nil {
		return nil, err
	}
	defer value.Wipe()
	req, err := secret.Seal(to, s.conn.Namespace, name, value.Bytes())
	if err != nil {
		return nil, err
	}
	req.Version = &sealed.Version
	resp, err := rpc.Call(ctx, s.conn, api.SecretsSet, req)
	return changed(s.seen, func(v *api.Secret) string { return v.Revision }, resp, err)
}

// Get returns a secret as it is sealed: not_found (secret_not_found) if there is none.
func (s Secrets) Get(ctx context.Context, req api.GetRequest) (*api.Secret, error) {
	return read(s.seen, req.MinRevision, func(rev string) (*api.Secret, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, s.conn, api.SecretsGet, &req)
	})
}

// List returns one page of secrets, without what is sealed.
func (s Secrets) List(ctx context.Context, req api.SecretsListRequest) (*api.SecretsListResponse, error) {
	return read(s.seen, req.MinRevision, func(rev string) (*api.SecretsListResponse, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, s.conn, api.SecretsList, &req)
	})
}

// All returns all secrets that meet the request's conditions, without what is sealed. An error ends it.
func (s Secrets) All(ctx context.Context, req api.SecretsListRequest) iter.Seq2[api.Secret, error] {
	return pages(func(cursor string) ([]api.Secret, string, error) {
		req.Cursor = cursor
		resp, err := s.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Secrets, resp.Next, nil
	})
}

// Remove removes a secret, and tells whether there was one.
func (s Secrets) Remove(ctx context.Context, name string) (bool, error) {
	resp, err := rpc.Call(ctx, s.conn, api.SecretsRemove, &api.DeregisterRequest{ID: name})
	if err != nil {
		return false, err
	}
	s.seen.wrote(resp.Revision)
	return resp.Existed, nil
}

// Keys returns the public keys of the namespace.
func (s Secrets) Keys(ctx context.Context) (*api.SecretKeysResponse, error) {
	return rpc.Call(ctx, s.conn, api.SecretKeysList, &api.Empty{})
}

// AddKey makes a public key the present one, in the place of expect: secret_key_changed if that is not the present one now.
func (s Secrets) AddKey(ctx context.Context, public, expect string) (*api.SecretKeysResponse, error) {
	return rpc.Call(ctx, s.conn, api.SecretKeysAdd, &api.SecretKeyAddRequest{Key: public, Expect: expect})
}

// RemoveKey retires a public key: secret_key_in_use for the present one, and one that something is sealed to.
func (s Secrets) RemoveKey(ctx context.Context, public string) (*api.SecretKeysResponse, error) {
	return rpc.Call(ctx, s.conn, api.SecretKeysRemove, &api.SecretKeyRemoveRequest{Key: public})
}

package registry

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
)

// Bounds of the buckets of secrets, in bytes.
const (
	secretBytes    = 256 << 20
	secretKeyBytes = 1 << 20
)

// secretKeys is the one key of the bucket of keys.
const secretKeys = "keys"

// secrets is what the registry keeps of the namespace's secrets. It holds no private key, and sees no value.
type secrets struct {
	sealed *directory[api.Secret]
	keys   *kv.Table[api.SecretKeysResponse]
	outbox *kv.Outbox // of keys
}

func (s *Service) openSecrets(ctx context.Context, requests *kv.Requests) (err error) {
	s.secrets.sealed, err = openDirectory(ctx, s.conn, s.cfg, requests, kind[api.Secret]{
		noun: "secrets", bytes: secretBytes, terms: roster.SecretTerms,
		stamp: func(v *api.Secret, rev string) { v.Revision = rev },
		miss: func(id string) error {
			return api.Errorf(api.NotFound, "there is no secret %s: set it with mabus secrets set", id).WithReason(api.ReasonSecretNotFound)
		},
	})
	if err != nil {
		return err
	}
	s.secrets.sealed.outbox.Shorten(withoutBox)
	bucket, err := kv.Open(ctx, s.conn.JS, kv.Config{Namespace: s.conn.Namespace, Name: "secret_keys", Replicas: s.cfg.Replicas, MaxBytes: secretKeyBytes})
	if err != nil {
		return err
	}
	s.secrets.keys = kv.NewTable[api.SecretKeysResponse](bucket, "registry", requests)
	s.secrets.outbox = kv.NewOutbox(bucket, "registry", "secret_keys", s.cfg.Log)
	return nil
}

// withoutBox leaves out of an event what is sealed.
func withoutBox(data []byte) []byte {
	var v api.Secret
	if codec.Read(data, &v) != nil {
		return nil
	}
	short, err := codec.Marshal(told(&v))
	if err != nil {
		return nil
	}
	return short
}

// told returns a copy of a secret without what is sealed.
func told(v *api.Secret) *api.Secret {
	c := *v
	c.Sender, c.Box = "", ""
	return &c
}

func (x *secrets) start(ctx context.Context) error {
	x.outbox.Start()
	if err := x.sealed.start(ctx); err != nil {
		x.outbox.Stop()
		return err
	}
	return nil
}

func (x *secrets) stop() {
	x.sealed.stop()
	x.outbox.Stop()
}

func (s *Service) handleSecrets(srv *rpc.Server) {
	rpc.Handle(srv, api.SecretsSet, s.setSecret)
	rpc.Handle(srv, api.SecretsGet, s.secrets.sealed.present) // a program that is started after a secret was set has that one
	rpc.Handle(srv, api.SecretsList, s.listSecrets)
	rpc.Handle(srv, api.SecretsRemove, func(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
		return s.secrets.sealed.remove(ctx, r.ID, func(old *api.Secret, _ time.Time) (*api.Secret, roster.Event, error) { return roster.RemoveSecret(old) })
	})
	rpc.Handle(srv, api.SecretKeysList, s.secrets.present)
	rpc.Handle(srv, api.SecretKeysAdd, s.addSecretKey)
	rpc.Handle(srv, api.SecretKeysRemove, s.removeSecretKey)
}

// setSecret keeps a secret that is sealed to the present key. The key may be replaced, and then retired, while the secret is written, so
// it is looked at again after that: whoever sealed to the old one hears so, and seals anew.
func (s *Service) setSecret(ctx context.Context, r *api.SecretSetRequest) (*api.Secret, error) {
	if err := secret.CheckKey(r.Key); err != nil {
		return nil, err
	}
	if err := secret.CheckKey(r.Sender); err != nil {
		return nil, err
	}
	keys, err := s.secrets.keys.Get(ctx, secretKeys)
	if err != nil {
		return nil, err
	}
	cause, many := rpc.CauseFrom(ctx), s.secrets.sealed.mirror.Len() >= api.MaxSecrets
	v, err := s.secrets.sealed.write(ctx, r.Name, func(old *api.Secret, now time.Time) (*api.Secret, roster.Event, error) {
		return roster.SetSecret(old, r, keys.Value, many, cause.Principal, now)
	})
	if err != nil {
		return nil, err
	}
	if keys, err = s.secrets.keys.Get(ctx, secretKeys); err != nil {
		return nil, err
	}
	if keys.Value == nil || keys.Value.Current != r.Key {
		return nil, roster.SecretKeyChanged().MaybeExecuted()
	}
	return told(v), nil
}

func (s *Service) listSecrets(ctx context.Context, r *api.SecretsListRequest) (*api.SecretsListResponse, error) {
	p, err := s.secrets.sealed.list(ctx, roster.SecretFilter(r), r.Cursor, r.Limit, r.MinRevision)
	if err != nil {
		return nil, err
	}
	for i := range p.items {
		p.items[i] = *told(&p.items[i])
	}
	return &api.SecretsListResponse{Secrets: p.items, Next: p.next, Revision: p.revision}, nil
}

// present returns the keys as the store's leader has them.
func (x *secrets) present(ctx context.Context, _ *api.Empty) (*api.SecretKeysResponse, error) {
	res, err := x.keys.Get(ctx, secretKeys)
	if err != nil {
		return nil, err
	}
	return answerKeys(res), nil
}

func answerKeys(res kv.Result[api.SecretKeysResponse]) *api.SecretKeysResponse {
	keys := &api.SecretKeysResponse{Keys: []api.SecretKey{}}
	if res.Value != nil {
		*keys = *res.Value
	}
	keys.Revision = res.Token
	return keys
}

func (s *Service) addSecretKey(ctx context.Context, r *api.SecretKeyAddRequest) (*api.SecretKeysResponse, error) {
	if err := secret.CheckKey(r.Key); err != nil {
		return nil, err
	}
	cause := rpc.CauseFrom(ctx)
	return s.secrets.change(ctx, cause, func(old *api.SecretKeysResponse, now time.Time) (*api.SecretKeysResponse, roster.Event, error) {
		return roster.AddSecretKey(old, r, cause.Principal, now.UTC())
	})
}

// removeSecretKey retires a key once nothing is sealed to it. That is counted after the keys were read, by which it is not the present one:
// before, it may still become so for a while, and have a secret set to it.
func (s *Service) removeSecretKey(ctx context.Context, r *api.SecretKeyRemoveRequest) (*api.SecretKeysResponse, error) {
	return s.secrets.change(ctx, rpc.CauseFrom(ctx), func(old *api.SecretKeysResponse, _ time.Time) (*api.SecretKeysResponse, roster.Event, error) {
		if err := s.secrets.sealed.mirror.CatchUp(ctx); err != nil {
			return nil, roster.NoChange, err
		}
		return roster.RemoveSecretKey(old, r, len(s.secrets.sealed.with(roster.Term{Field: roster.FieldKey, Value: r.Key})))
	})
}

func (x *secrets) change(ctx context.Context, cause api.Cause, rule func(old *api.SecretKeysResponse, now time.Time) (*api.SecretKeysResponse, roster.Event, error)) (*api.SecretKeysResponse, error) {
	res, err := x.keys.Update(ctx, cause, secretKeys, func(old *api.SecretKeysResponse, now time.Time) (*api.SecretKeysResponse, string, error) {
		next, event, err := rule(old, now)
		return next, string(event), err
	})
	if err != nil {
		return nil, err
	}
	return answerKeys(res), nil
}

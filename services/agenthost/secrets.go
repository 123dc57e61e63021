package agenthost

import (
	"context"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
)

// openSecrets makes what finds the secrets of agents. Secrets of the namespace are asked for in the host's own name.
func (s *Service) openSecrets() (err error) {
	s.secrets, err = secret.NewResolver(s.cfg.Secrets, s.conn.Namespace, s.env.Strict, func(ctx context.Context, name string) (*api.Secret, error) {
		return rpc.Call(ctx, s.conn, api.SecretsGet, &api.GetRequest{ID: name})
	})
	return err
}

// secretsOf finds what an exec agent needs. wipe ends the values' use.
func (s *Service) secretsOf(ctx context.Context, spec *api.AgentSpec) (found map[string]*secret.Value, wipe func(), err error) {
	found = make(map[string]*secret.Value, len(spec.Secrets))
	wipe = func() {
		for _, v := range found {
			v.Wipe()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Secrets)) {
		ref := spec.Secrets[name]
		v, err := s.secrets.Resolve(ctx, ref)
		if err != nil {
			wipe()
			return nil, nil, needs(name, ref, err)
		}
		found[name] = v
	}
	return found, wipe, nil
}

// needs tells which reference of an agent leads nowhere.
func needs(name string, ref api.SecretRef, err error) error {
	e := api.AsError(err)
	if e == nil {
		return err
	}
	c := *e
	c.Message = "secrets: " + name + " needs " + string(ref) + ": " + e.Message
	return &c
}

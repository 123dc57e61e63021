package http

import (
	"context"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

// findKey finds the bearer token, if the endpoint needs one. That is done for each message, so the token can change while the host
// runs, and the message keeps the one that it began with. It is kept nowhere else.
func (c *call) findKey() error {
	spec := &c.e.spec
	var v *secret.Value
	var err error
	switch {
	case spec.Key != "":
		v, err = c.e.secrets.Recent(c.ctx, spec.Key)
	case spec.KeyEnv != "":
		if v, err = c.e.secrets.KeyEnv(spec.KeyEnv); api.ReasonOf(err) == api.ReasonSecretNotFound {
			return noVariable(spec.KeyEnv)
		}
	default:
		return nil
	}
	if err != nil {
		return err
	}
	defer v.Wipe()
	c.key = strings.TrimSpace(string(v.Bytes()))
	switch ok := validValue(c.key); {
	case spec.KeyEnv != "" && c.key == "":
		return noVariable(spec.KeyEnv)
	case spec.KeyEnv != "" && !ok:
		return api.Errorf(api.FailedPrecondition, "%s in the environment of the agent host holds characters that no header may have", spec.KeyEnv).WithReason(api.ReasonEndpointError)
	case c.key == "" || !ok:
		return api.Errorf(api.FailedPrecondition, "%s is empty, or holds characters that no header may have", spec.Key).WithReason(api.ReasonSecretUnreadable)
	}
	c.hide = secret.NewRedactor(secret.NewValue([]byte(c.key)))
	return nil
}

func noVariable(name string) error {
	return api.Errorf(api.FailedPrecondition, "the environment of the agent host has no %s, which http.key_env names: set it there", name).WithReason(api.ReasonEndpointError)
}

// noStore is where an endpoint without a host asks for secrets of the namespace.
func noStore(_ context.Context, name string) (*api.Secret, error) {
	return nil, api.Errorf(api.NotFound, "there is no secret %s: this endpoint has no agent host", name).WithReason(api.ReasonSecretNotFound)
}

// Package echo has the module "echo": an agent that answers with what it was sent. It is there to try things out with, and
// for measurements of everything around an agent.
package echo

import (
	"context"
	"encoding/json"

	"github.com/mabus-project/mabus/client/agent"
)

// Module is the module "echo".
var Module = agent.Module{
	Name: "echo",
	Doc:  "Answers with the message.",
	New: func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) { return m.Payload, nil }), nil
	},
}

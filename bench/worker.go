package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// worker is the module of agents that answer with the message after the time that their config names: {"work":"5ms"}.
var worker = agent.Module{
	Name: "bench-worker",
	Doc:  "Answers with the message after a while.",
	New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var cfg struct {
			Work api.Duration `json:"work"`
		}
		if err := codec.Decode(env.Spec.Config, &cfg); err != nil {
			return nil, err
		}
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			work(cfg.Work.Std())
			return m.Payload, nil
		}), nil
	},
}

// work takes d without using the CPU, on both sides alike.
func work(d time.Duration) { time.Sleep(d) }

func works(d time.Duration) json.RawMessage { return fmt.Appendf(nil, `{"work":%q}`, d) }

// payload is a JSON object of 128 bytes.
var payload = json.RawMessage(`{"id":"7f3c0a52-1f0e-4b0a-9a55-0d6f1c1b2e10","kind":"measurement","at":"2026-01-02T03:04:05.678Z","values":[1,2,3,5],"ok":true}  `)

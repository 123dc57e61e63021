// Command gohost is an agent host with an agent type of its own: how to bring Go code to Mabus. Start Mabus (`mabus up`),
// then:
//
//	go run ./examples/gohost
//	mabus agents start r1 --module reverse --capability reverse
//	mabus call r1 '{"text":"olleh"}'
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/rpc"
)

// text is both what the agent is sent and what it answers.
type text struct {
	Text string `json:"text"`
}

var reverse = agent.Module{
	Name: "reverse",
	Doc:  "Turns a text round.",
	New: func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.Func(func(_ context.Context, in *text) (*text, error) {
			runes := []rune(in.Text)
			slices.Reverse(runes)
			return &text{string(runes)}, nil
		}), nil
	},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = "nats://127.0.0.1:4222"
	}
	err := daemon.Run(ctx, daemon.Config{
		NATS: rpc.Options{URL: url, Name: "gohost"}, Version: "1.0.0", Log: zerolog.New(os.Stderr),
	}, []daemon.Service{agenthost.New(agenthost.Config{Modules: []agent.Module{reverse}})})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Command approval is an agent for long tasks: it pays orders, and asks a person about the large ones, which may take days.
//
//	go build -o bin/approval ./examples/goworker/approval
//	mabus agents start payer --capability pay -- $PWD/bin/approval
//	mabus tasks submit pay --id march '{"orders":[{"id":"a","amount":20},{"id":"b","amount":5000}],"limit":100}'
//	mabus tasks follow march
//	mabus tasks answer march true
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/codec"
)

type orders struct {
	Orders []struct {
		ID     string `json:"id"`
		Amount int64  `json:"amount"`
	} `json:"orders"`
	Limit int64 `json:"limit"`
}

type state struct {
	Next    int      `json:"next"`
	Paid    []string `json:"paid"`
	Refused []string `json:"refused"`
}

func handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	in, at := orders{Limit: 100}, state{Paid: []string{}, Refused: []string{}}
	if err := codec.Decode(m.Payload, &in); err != nil {
		return nil, err
	}
	if m.Checkpoint != nil {
		if err := codec.Read(m.Checkpoint, &at); err != nil {
			return nil, err
		}
	}
	for at.Next < len(in.Orders) {
		if err := pay(ctx, m, &in, &at); err != nil {
			return nil, err
		}
	}
	return codec.Marshal(map[string][]string{"paid": at.Paid, "refused": at.Refused})
}

// pay settles one order and saves that it has.
func pay(ctx context.Context, m *agent.Message, in *orders, at *state) error {
	order := in.Orders[at.Next]
	answer := json.RawMessage("true")
	if order.Amount > in.Limit {
		question, err := codec.Marshal(map[string]any{"approve": order})
		if err != nil {
			return err
		}
		if answer, err = m.Parts.Ask(ctx, question); err != nil {
			return err // the task is put aside until somebody answers, and then comes back with its checkpoint
		}
	}
	if string(answer) == "true" {
		at.Paid = append(at.Paid, order.ID) // here the order would be paid, by its id
	} else {
		at.Refused = append(at.Refused, order.ID)
	}
	at.Next++
	saved, err := codec.Marshal(at)
	if err != nil {
		return err
	}
	if err := m.Parts.Checkpoint(ctx, saved); err != nil {
		return err
	}
	return m.Parts.Progress(ctx, fmt.Appendf(nil, `{"done":%d,"of":%d}`, at.Next, len(in.Orders)))
}

func main() {
	err := exec.Serve(func(context.Context, agent.Env) (agent.Handler, error) { return agent.HandlerFunc(handle), nil })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

package main

import (
	"context"
	"encoding/json"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// payment is what the members decide on.
type payment struct {
	Invoice string `json:"invoice"`
	To      string `json:"to"`
	Amount  int    `json:"amount"`
}

// books are the configuration of a juror: the invoices that it knows.
type books struct {
	Invoices []payment `json:"invoices"`
}

// juror is the kind of agent that tells whether a payment is right. That is all it has to do: its host runs the protocol.
var juror = agent.Module{
	Name: "juror",
	Doc:  "Approves of payments that are in its books.",
	New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var b books
		if err := codec.Decode(env.Spec.Config, &b); err != nil {
			return nil, err
		}
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			var q api.SessionQuestion
			var proposal api.ByzantineProposal
			var p payment
			if err := codec.Read(m.Payload, &q); err != nil {
				return nil, err
			}
			if q.Phase != api.PhaseValidate {
				return nil, api.Errorf(api.Invalid, "a juror is asked whether a proposal is valid, not %.40q", q.Phase)
			}
			if err := codec.Read(q.Ask, &proposal); err != nil {
				return nil, err
			}
			if err := codec.Decode(proposal.Value, &p); err != nil {
				return codec.Marshal(false) // it is no payment
			}
			return codec.Marshal(b.has(p))
		}), nil
	},
}

func (b *books) has(p payment) bool {
	for _, known := range b.Invoices {
		if known == p {
			return true
		}
	}
	return false
}

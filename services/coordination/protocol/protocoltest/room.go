package protocoltest

import (
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Fill plays a large session to its end, without looking at it after each answer as Play does, which is too slow for a thousand members.
// It returns how many bytes questions and answers have, counting questions as the chain of hashes writes them, and the result.
func Fill(t TB, p protocol.Protocol, s *api.Session, answer Answer) (transcript int, result []byte) {
	t.Helper()
	if err := Check(p, s); err != nil {
		t.Fatalf("%v", err)
	}
	for {
		step := p.Step(s)
		if step.Round == nil {
			result, err := codec.Marshal(step.Result)
			if err != nil || step.Reason != "" {
				t.Fatalf("%v %s", err, step.Reason)
			}
			return transcript, result
		}
		r := api.SessionRound{Number: len(s.Rounds) + 1, Phase: step.Round.Phase}
		for _, a := range step.Round.Asks {
			r.Asks = append(r.Asks, api.SessionAsk{Member: a.Member, Ask: a.Body})
		}
		s.Rounds = append(s.Rounds, r)
		for i := range r.Asks {
			a := &r.Asks[i]
			body, ok := answer(a.Member, &r, a)
			if a.Answer, a.State = body, api.AskSilent; !ok {
				continue
			}
			if err := p.Accept(s, a, body); err != nil {
				t.Fatalf("%v", err)
			}
			a.State = api.AskAnswered
			written, _ := codec.Marshal(string(a.Ask)) // a text can be written
			transcript += len(written) + len(body)
		}
	}
}

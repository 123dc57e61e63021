package refine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/services/coordination/refine"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Whatever Check allows has room in a session, even when everybody uses all that it may say.
func TestRoom(t *testing.T) {
	for _, row := range []struct {
		n      int
		params string
	}{
		{20, `{"max_rounds":%d,"similarity":"agent"}`}, {2, `{"max_rounds":%d,"similarity":"agent","judge":"member_0"}`},
	} {
		rounds := 20
		s := protocoltest.New(api.SessionIterative, "", "")
		for i := range row.n {
			s.Members = append(s.Members, api.SessionMember{ID: fmt.Sprintf("member_%d", i)})
		}
		for ; ; rounds-- {
			params := strings.Replace(row.params, `}`, `,"convergence_threshold":1,"quality_threshold":1}`, 1)
			s.Params = json.RawMessage(fmt.Sprintf(params, rounds))
			if _, err := (refine.Refinement{}).Check(s); err == nil {
				break
			}
		}
		transcript, result := run(t, s, func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
			switch round.Phase {
			case refine.PhaseProposal:
				var a api.RefineProposalAsk
				_ = codec.Read(ask.Ask, &a)
				return json.RawMessage(`"` + strings.Repeat(string(rune('a'+a.Round)), a.MaxBytes) + `"`), true
			case refine.PhaseFeedback:
				var a api.RefineFeedbackAsk
				_ = codec.Read(ask.Ask, &a)
				said := map[string]api.RefineRating{}
				for _, p := range a.Proposals {
					said[p.Member] = api.RefineRating{QualityScore: api.Decimal(a.Round % 2 * 200_000), Comment: strings.Repeat("c", a.MaxBytes)}
				}
				raw, _ := codec.Marshal(said)
				return raw, true
			}
			return json.RawMessage(`{}`), true
		})
		if len(result) > api.MaxSessionResult || transcript > api.MaxSessionBytes {
			t.Errorf("%+v, %d rounds: %d bytes, and a result of %d", row, rounds, transcript, len(result))
		}
		if len(s.Rounds) < 2*rounds {
			t.Errorf("%+v: %d phases of %d rounds", row, len(s.Rounds), rounds)
		}
	}
}

// run plays a large session, all of whose members answer, without looking at it after each answer as protocoltest does. It returns how
// many bytes questions and answers have, counting questions as the chain of hashes writes them, and the result.
func run(t *testing.T, s *api.Session, answer protocoltest.Answer) (transcript int, result []byte) {
	t.Helper()
	if err := protocoltest.Check(refine.Refinement{}, s); err != nil {
		t.Fatal(err)
	}
	for {
		step := (refine.Refinement{}).Step(s)
		if step.Round == nil {
			result, err := codec.Marshal(step.Result)
			if err != nil || step.Reason != "" {
				t.Fatal(err, step.Reason)
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
			if err := (refine.Refinement{}).Accept(s, a, body); err != nil {
				t.Fatal(err)
			}
			a.State = api.AskAnswered
			written, _ := codec.Marshal(string(a.Ask))
			transcript += len(written) + len(body)
		}
	}
}

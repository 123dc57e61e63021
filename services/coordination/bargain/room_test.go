package bargain_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/bargain"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Whatever Check allows has room in a session, even when everybody uses all that it may say.
func TestRoom(t *testing.T) {
	for _, row := range []struct {
		n                 int
		algorithm, params string
	}{
		{50, "", `{"max_rounds":100}`}, {50, "", ``}, {2, "", `{"max_rounds":100}`}, {50, "nash", ``}, {3, "nash", ``}, {50, "", `{"max_rounds":20,"issues":{"x":["` + strings.Repeat("y", 60) + `"]}}`},
	} {
		s := protocoltest.New(api.SessionNegotiation, row.algorithm, row.params)
		for i := range row.n {
			s.Members = append(s.Members, api.SessionMember{ID: fmt.Sprintf("member_%d", i)})
		}
		transcript, result := run(t, s, func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
			var a api.BargainOfferAsk
			if round.Phase == bargain.PhaseResponse {
				return json.RawMessage(`"no"`), true
			}
			if round.Phase == bargain.PhaseUtilities {
				var u api.BargainUtilitiesAsk
				_ = codec.Read(ask.Ask, &u)
				return json.RawMessage("[" + strings.TrimSuffix(strings.Repeat("999999999.999999,", len(u.Candidates)), ",") + "]"), true
			}
			_ = codec.Read(ask.Ask, &a)
			if len(a.Issues) > 0 {
				return json.RawMessage(`{"x":"` + a.Issues["x"][0] + `"}`), true
			}
			name := fmt.Sprintf("%s/%d/", member, round.Number)
			return json.RawMessage(`"` + name + strings.Repeat("x", a.MaxBytes-len(name)-2) + `"`), true
		})
		if len(result) > api.MaxSessionResult || transcript > api.MaxSessionBytes {
			t.Errorf("%d members, %s %.40s: %d bytes, and a result of %d", row.n, row.algorithm, row.params, transcript, len(result))
		}
	}
}

// run plays a large session, all of whose members answer, without looking at it after each answer as protocoltest does. It returns how
// many bytes questions and answers have, counting questions as the chain of hashes writes them, and the result.
func run(t *testing.T, s *api.Session, answer protocoltest.Answer) (transcript int, result []byte) {
	t.Helper()
	if err := protocoltest.Check(bargain.Negotiation{}, s); err != nil {
		t.Fatal(err)
	}
	for {
		step := (bargain.Negotiation{}).Step(s)
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
			if err := (bargain.Negotiation{}).Accept(s, a, body); err != nil {
				t.Fatal(err)
			}
			a.State = api.AskAnswered
			written, _ := codec.Marshal(string(a.Ask))
			transcript += len(written) + len(body)
		}
	}
}

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
		transcript, result := protocoltest.Fill(t, refine.Refinement{}, s, func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
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

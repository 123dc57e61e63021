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
		transcript, result := protocoltest.Fill(t, bargain.Negotiation{}, s, func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
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

package ballot_test

import (
	"encoding/json"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/ballot"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

// BenchmarkStep is what one answer costs in a ballot of as many members as there may be, when nearly all have answered.
func BenchmarkStep(b *testing.B) {
	for _, algorithm := range []string{api.BallotMajority, api.BallotRankedChoice} {
		b.Run(algorithm, func(b *testing.B) {
			s := protocoltest.New(api.SessionConsensus, algorithm, "", names(api.MaxSessionMembers)...)
			if err := protocoltest.Check(ballot.Consensus{}, s); err != nil {
				b.Fatal(err)
			}
			r := api.SessionRound{Number: 1}
			for i, m := range s.Members {
				r.Asks = append(r.Asks, api.SessionAsk{Member: m.ID, State: api.AskAnswered, Answer: json.RawMessage([]string{`"yes"`, `{"choice":"no"}`}[i%2])})
			}
			r.Asks[0].State = api.AskOpen
			s.Rounds = []api.SessionRound{r}
			for b.Loop() {
				ballot.Consensus{}.Step(s)
			}
		})
	}
}

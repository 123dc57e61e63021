package hierarchy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/hierarchy"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// A thousand members, a third of whom delegate in circles and a third of whom are silent, fit in a session, and what would not is
// refused before it begins.
func TestManyMembers(t *testing.T) {
	for _, row := range []struct {
		n, name int
		params  string
		fits    bool
	}{
		{1000, 10, ``, true},
		{1000, 10, `{"cluster_size":3,"delegation":"proportional"}`, true},
		{1000, 40, `{"cluster_size":9}`, true},
		{400, 64, `{"cluster_size":3,"delegation":"size_based"}`, true},
		{1000, 64, `{"cluster_size":2}`, false},
		{1001, 4, ``, false},
	} {
		s := protocoltest.New(api.SessionHierarchical, "", row.params)
		for i := range row.n {
			s.Members = append(s.Members, api.SessionMember{ID: fmt.Sprintf("%0*d", row.name, i)})
		}
		if _, err := (hierarchy.Hierarchy{}).Check(s); (err == nil) != row.fits {
			t.Errorf("%+v: %v", row, err)
		}
		if !row.fits {
			continue
		}
		place := map[string]int{}
		transcript, result := protocoltest.Fill(t, hierarchy.Hierarchy{}, s, func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
			if round.Phase == hierarchy.PhaseElection {
				return json.RawMessage(`"` + member + `"`), true
			}
			var shown api.HierarchyVoteAsk
			_ = codec.Read(ask.Ask, &shown)
			place[fmt.Sprint(shown.Cluster)]++
			switch n, at := len(shown.Members), place[fmt.Sprint(shown.Cluster)]; {
			case at == 1:
				return nil, false
			case n > 2 && at == 2:
				return json.RawMessage(`{"delegate":"` + shown.Members[n-1] + `"}`), true
			case n > 2 && at == n:
				return json.RawMessage(`{"delegate":"` + shown.Members[1] + `"}`), true
			}
			return json.RawMessage([]string{`"yes"`, `"no"`}[strings.Count(member, "1")%2]), true
		})
		if len(result) > api.MaxSessionResult || transcript > api.MaxSessionBytes {
			t.Errorf("%+v: %d bytes, and a result of %d", row, transcript, len(result))
		}
	}
}

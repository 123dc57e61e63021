package ballot_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/ballot"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestAccept(t *testing.T) {
	const abc = `{"options":["a","b","C c"]}`
	for _, row := range []struct {
		algorithm, params, good, bad string // answers, separated by |
	}{
		{
			"majority", "", `"yes"|" Yes "|"NO\n"|true|false|{"choice":"yes"}|{"choice":"no","reason":"because"}|"abstain"|{"abstain":true}| "yes" `,
			`"maybe"|""|" "|null|1|[]|["yes"]|{}|{"choice":""}|{"choice":1}|{"choice":"yes","abstain":true}|{"vote":"yes"}|{"ranking":["yes"]}|tru|"yes" "no"|{"choice":"yes","choice":"no"}|{"abstain":false}`,
		},
		{"plurality", abc, `"a"|"c C"|{"choice":"c c"}`, `"d"|true|false|["a","b"]`},
		{"majority", `{"abstain":false}`, `"yes"`, `"abstain"|{"abstain":true}`},
		{
			"ranked_choice", abc, `["a","b"]|["b"]|"a"|{"ranking":["C C","a","b"]}|{"choice":"a"}|"abstain"`,
			`[]|["a","a"]|["a","A"]|["d"]|[1]|[["a"]]|{"ranking":[]}|{"ranking":["a"],"choice":"b"}|{"approvals":["a"]}|["abstain"]`,
		},
		{"approval", abc, `["a","b"]|[]|{"approvals":[]}|{"approvals":["b"]}|"a"`, `["a","a"]|{"ranking":["a"]}|{"approvals":null}|{}`},
	} {
		s := protocoltest.New(api.SessionVoting, row.algorithm, row.params, "m0", "m1")
		if err := protocoltest.Check(ballot.Consensus{}, s); err != nil {
			t.Fatal(err)
		}
		for _, a := range strings.Split(row.good, "|") {
			if err := (ballot.Consensus{}).Accept(s, &api.SessionAsk{Member: "m0"}, json.RawMessage(a)); err != nil {
				t.Errorf("%s refuses %s: %v", row.algorithm, a, err)
			}
		}
		for _, a := range strings.Split(row.bad, "|") {
			if err := (ballot.Consensus{}).Accept(s, &api.SessionAsk{Member: "m0"}, json.RawMessage(a)); api.ReasonOf(err) != api.ReasonInvalidAnswer || api.CodeOf(err) != api.Invalid {
				t.Errorf("%s on %s: %v", row.algorithm, a, err)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 201)
	many, _ := codec.Marshal(map[string]any{"options": names(101)})
	ranked, _ := codec.Marshal(map[string]any{"options": names(33)})
	for _, row := range []struct{ algorithm, params, field string }{
		{"quorum", "", "algorithm"},
		{"", `{"threshold":0.6}`, "threshold"},
		{"supermajority", `{"threshold":0.5}`, "threshold"},
		{"supermajority", `{"threshold":1.000001}`, "threshold"},
		{"supermajority", `{"threshold":"0.6"}`, "/threshold"},
		{"supermajority", `{"quorum":0.6}`, "quorum"},
		{"weighted_quorum", `{"quorum":0.4}`, "quorum"},
		{"weighted_quorum", `{"quorum":1}`, "quorum"},
		{"weighted_quorum", `{"weights":{"m1":-1}}`, "weights"},
		{"weighted_quorum", `{"weights":{"m1":1000.5}}`, "weights"},
		{"weighted_quorum", `{"weights":{"m0":0,"m1":0}}`, "weights"},
		{"majority", `{"weights":{"m1":1}}`, "weights"},
		{"", `{"options":[]}`, "options"},
		{"", `{"options":["a"]}`, "options"},
		{"", `{"options":["a","A "]}`, "options"},
		{"", `{"options":["a",""]}`, "options"},
		{"", `{"options":["a"," \t"]}`, "options"},
		{"", `{"options":["a","b\u0007"]}`, "options"},
		{"", `{"options":["a","Abstain"]}`, "options"},
		{"", `{"options":["a","` + long + `"]}`, "options"},
		{"", string(many), "options"},
		{"ranked_choice", string(ranked), "options"},
		{"", `{"min_turnout":1.1}`, "min_turnout"},
		{"", `{"min_turnout":-0.1}`, "min_turnout"},
		{"", `{"tie":"last"}`, "tie"},
		{"", `{"option":["a","b"]}`, "/option"},
		{"", `[]`, "params"},
		{"", `null`, "params"},
		{"", `{"options":["a","b"]`, "params"},
	} {
		_, err := (ballot.Consensus{}).Check(protocoltest.New(api.SessionConsensus, row.algorithm, row.params, "m0", "m1"))
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || e.Details.Reason != api.ReasonConfiguration || !strings.Contains(strings.Join(e.Details.Fields, " "), row.field) {
			t.Errorf("%s %.50s: %v", row.algorithm, row.params, err)
		}
	}
}

// Settings are in full, and checking them again changes nothing.
func TestCheckFillsIn(t *testing.T) {
	for algorithm, want := range map[string]string{
		"":                `{"options":["yes","no"],"abstain":true,"tie":"none"}`,
		"supermajority":   `{"options":["yes","no"],"threshold":0.666667,"abstain":true,"tie":"none"}`,
		"weighted_quorum": `{"options":["yes","no"],"quorum":0.5,"abstain":true,"tie":"none"}`,
	} {
		s := protocoltest.New(api.SessionConsensus, algorithm, "")
		s.Members = nil
		for range 2 {
			if err := protocoltest.Check(ballot.Consensus{}, s); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, string(s.Params)); diff != "" || s.Timeout != api.Duration(ballot.Timeout) || s.Priority != api.PriorityLow {
				t.Errorf("%s: %v %s\n%s", algorithm, s.Timeout, s.Priority, diff)
			}
		}
	}
}

func TestAsk(t *testing.T) {
	for algorithm, want := range map[string]string{
		"majority":      `{"options":["a","b"],"answer":"choice","abstain":false}`,
		"ranked_choice": `{"options":["a","b"],"answer":"ranking","abstain":false}`,
		"approval":      `{"options":["a","b"],"answer":"approvals","abstain":false}`,
	} {
		s, _ := play(t, algorithm, `{"options":["a","b"],"abstain":false}`, "a a", nil)
		if got := string(s.Rounds[0].Asks[1].Ask); got != want || s.Rounds[0].Phase != "vote" {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}

// FuzzAnswer feeds any bytes as answers: what is accepted counts, what is not is silence, and the session ends.
func FuzzAnswer(f *testing.F) {
	for _, a := range []string{`"yes"`, `["a","b"]`, `{"choice":"a"}`, `{"ranking":["b"]}`, `{"approvals":[]}`, `{"abstain":true}`, `null`, `1e400`, "\"a\"\v", `[[[[`, "\"\xff\"", `{"choice":"a","reason":"x"}`} {
		f.Add(a, `"a"`, uint8(0))
	}
	f.Fuzz(func(t *testing.T, one, two string, which uint8) {
		algorithm := api.BallotAlgorithms[int(which)%len(api.BallotAlgorithms)]
		s := protocoltest.New(api.SessionVoting, algorithm, `{"options":["a","b","yes"]}`, "m0", "m1", "m2")
		s = protocoltest.Play(t, ballot.Consensus{}, s, func(m string, _ *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
			return json.RawMessage(map[string]string{"m0": one, "m1": two, "m2": `"a"`}[m]), true
		}, nil)
		var r api.BallotResult
		protocoltest.Result(t, s, &r)
		answered := 0
		for _, a := range s.Rounds[0].Asks {
			if a.State == api.AskAnswered {
				answered++
			}
		}
		if r.Participants != answered || r.Participants < 1 && !r.DecidedEarly {
			t.Errorf("%d have answered: %+v", answered, r)
		}
	})
}

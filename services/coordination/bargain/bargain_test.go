package bargain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/bargain"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

// script is what each member says, one text after the other, whatever it is asked; who has no more to say is silent.
type script map[string][]string

func (x script) answer() protocoltest.Answer {
	said := map[string]int{}
	return func(m string, _ *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
		i := said[m]
		if said[m]++; i >= len(x[m]) || x[m][i] == "" {
			return nil, false
		}
		return json.RawMessage(x[m][i]), true
	}
}

func play(t protocoltest.TB, algorithm, params string, members []string, x script) (*api.Session, api.BargainResult) {
	s := protocoltest.Play(t, bargain.Negotiation{}, protocoltest.New(api.SessionNegotiation, algorithm, params, members...), x.answer(), nil)
	var r api.BargainResult
	protocoltest.Result(t, s, &r)
	return s, r
}

var (
	ab  = []string{"a", "b"}
	abc = []string{"a", "b", "c"}
)

func TestTurns(t *testing.T) {
	for name, row := range map[string]struct {
		algorithm, params string
		members           []string
		script            script
		deal, by, why     string // of the agreement, or why there is none
		offer             int
	}{
		"at once":                 {"", `{"total":10}`, ab, script{"a": {`{"a":6,"b":4}`}, "b": {`"accept"`}}, `{"a":6,"b":4}`, "a", "", 1},
		"a counter":               {"bilateral_bargaining", `{"total":10}`, ab, script{"a": {`{"a":9,"b":1}`, `true`}, "b": {`{"response":"counter","offer":{"a":5,"b":5}}`}}, `{"a":5,"b":5}`, "b", "", 2},
		"a refusal":               {"", `{"total":10}`, ab, script{"a": {`{"a":9,"b":1}`, `"yes"`}, "b": {`"no"`, `{"offer":{"a":4,"b":6}}`}}, `{"a":4,"b":6}`, "b", "", 2},
		"three, in turn":          {"", ``, abc, script{"a": {`"x"`, `"accept"`, `"no"`}, "b": {`"accept"`, `"y"`, `"no"`}, "c": {`"reject"`, `"reject"`, `"z"`}}, "", "", "deadline", 0},
		"the first counter":       {"", ``, abc, script{"a": {`"x"`, `"yes"`}, "b": {`{"offer":"y"}`}, "c": {`{"offer":"z"}`, `"yes"`}}, `"y"`, "b", "", 2},
		"a counter out of turn":   {"", ``, abc, script{"a": {`"x"`, `"yes"`}, "b": {`"no"`, `"yes"`}, "c": {`{"response":"counter","offer":"z"}`}}, `"z"`, "c", "", 2},
		"the first after b":       {"", ``, abc, script{"a": {`"x"`, `{"offer":"p"}`, `"yes"`}, "b": {`{"offer":"y"}`, `"yes"`}, "c": {`"no"`, `{"offer":"q"}`}}, `"q"`, "c", "", 3},
		"the first after c":       {"", ``, abc, script{"a": {`"x"`, `{"offer":"p"}`}, "b": {`"no"`, `{"offer":"q"}`, `"yes"`}, "c": {`{"offer":"y"}`, `"yes"`}}, `"p"`, "a", "", 3},
		"silence is no consent":   {"", `{"max_rounds":1}`, abc, script{"a": {`"x"`}, "b": {`"yes"`}}, "", "", "deadline", 0},
		"or abstention":           {"", `{"absent":"abstain"}`, abc, script{"a": {`"x"`}, "b": {`"yes"`}}, `"x"`, "a", "", 1},
		"not all may abstain":     {"", `{"absent":"abstain","max_rounds":1}`, abc, script{"a": {`"x"`}}, "", "", "deadline", 0},
		"a silent proposer":       {"", ``, ab, script{"a": {"", `"yes"`}, "b": {`"x"`}}, `"x"`, "b", "", 2},
		"nobody offers":           {"", ``, ab, script{"b": {`{"pass":true}`}}, "", "", "no_offers", 0},
		"no offer is left":        {"", `{"max_rounds":1}`, ab, script{"a": {`"x"`}, "b": {`{"offer":"y"}`}}, "", "", "deadline", 0},
		"too little for all":      {"", `{"total":10,"reservations":{"a":6,"b":5}}`, ab, script{}, "", "", "no_zone_of_agreement", 0},
		"issues":                  {"", `{"issues":{"colour":["red","blue"],"size":["s","l"]}}`, ab, script{"a": {`{"size":"s","colour":"red"}`}, "b": {`{"response":"accept"}`}}, `{"colour":"red","size":"s"}`, "a", "", 1},
		"nobody is there, Keep 1": {"", ``, nil, nil, "", "", "no_members", 0},
	} {
		t.Run(name, func(t *testing.T) {
			params := row.params
			if name == "three, in turn" {
				params = `{"max_rounds":3}`
			}
			_, r := play(t, row.algorithm, params, row.members, row.script)
			if r.Agreement != (row.why == "") || string(r.Deal) != row.deal || r.ProposedBy != row.by || r.Reason != row.why || r.Offer != row.offer {
				t.Errorf("got %+v", r)
			}
			if r.Agreement != (len(r.Parties) > 0) || r.Offers == nil {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// Fix: the reference reported an agreement for any session, with 20 for everybody.
func TestFixAgreementIsReal(t *testing.T) {
	_, r := play(t, "", `{"total":100,"max_rounds":2}`, ab, script{"a": {`{"a":90,"b":10}`, `"no"`}, "b": {`"no"`, `{"a":10,"b":90}`}})
	if r.Agreement || r.Deal != nil || r.NashProduct != "" || r.ParetoEfficient != nil || len(r.Offers) != 2 {
		t.Errorf("got %+v", r)
	}
}

// In Rubinstein's game the first offers 1/(1+d) to itself when both discount by d, and the other accepts: refusing, it would have the
// same share one offer later.
func TestRubinstein(t *testing.T) {
	const own, other = `0.526316`, `0.473684` // 1/(1+0.9), and what is left, which is 0.9 of it
	_, r := play(t, "", `{"total":1,"discount":0.9}`, ab, script{"a": {`{"a":` + own + `,"b":` + other + `}`}, "b": {`"accept"`}})
	if r.Offer != 1 || r.Parties[1].Gain.String() != other {
		t.Fatalf("got %+v", r)
	}
	_, later := play(t, "", `{"total":1,"discount":0.9}`, ab, script{"a": {`{"a":1,"b":0}`, `"accept"`}, "b": {`{"response":"counter","offer":{"a":` + other + `,"b":` + own + `}}`}})
	if later.Offer != 2 || later.Parties[1].Discounted.String() != other {
		t.Errorf("b has %s by refusing, %s by accepting", later.Parties[1].Discounted, other)
	}
}

func TestAgreementInFull(t *testing.T) {
	_, r := play(t, "", `{"reservations":{"a":0.1},"discount":0.5,"discounts":{"b":1}}`, ab, script{
		"a": {`{"offer":"mine","utility":0.9}`, `{"response":"accept","utility":0.7}`},
		"b": {`{"response":"counter","utility":0.2,"reservation":0.05,"offer":"ours","offer_utility":0.6}`},
	})
	d := func(v api.Decimal) *api.Decimal { return &v }
	yes := true
	want := api.BargainResult{
		Algorithm: "alternating_offers", Agreement: true, Deal: json.RawMessage(`"ours"`), ProposedBy: "b", Offer: 2,
		Parties: []api.BargainParty{
			{Member: "a", Utility: d(700000), Discounted: d(350000), Reservation: 100000, Gain: d(250000)},
			{Member: "b", Utility: d(600000), Discounted: d(600000), Reservation: 50000, Gain: d(550000)},
		},
		NashProduct: "0.1375", ParetoEfficient: &yes,
		Offers: []api.BargainOffer{{Offer: 1, By: "a", Deal: json.RawMessage(`"mine"`)}, {Offer: 2, By: "b", Deal: json.RawMessage(`"ours"`), Accepted: 1}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
}

func TestParetoAmongOffers(t *testing.T) {
	_, r := play(t, "", `{"total":10}`, ab, script{"a": {`{"a":5,"b":5}`, `"yes"`}, "b": {`{"offer":{"a":4,"b":4}}`}})
	if r.ParetoEfficient == nil || *r.ParetoEfficient || r.NashProduct != "16" {
		t.Errorf("4 and 4 after an offer of 5 and 5: %+v", r)
	}
	_, r = play(t, "", ``, ab, script{"a": {`"x"`}, "b": {`"yes"`}})
	if r.ParetoEfficient != nil || r.NashProduct != "" {
		t.Errorf("nobody has told its utility: %+v", r)
	}
}

func TestNash(t *testing.T) {
	for name, row := range map[string]struct {
		params                 string
		members                []string
		script                 script
		deal, why, product, by string
	}{
		"the greatest product":    {`{"candidates":["x","y","z"]}`, ab, script{"a": {`[9,5,1]`}, "b": {`{"utilities":[1,4,9]}`}}, `"y"`, "", "20", ""},
		"gains, not utilities":    {`{"candidates":["x","y","z"],"reservations":{"a":4}}`, ab, script{"a": {`[9,5,1]`}, "b": {`[1,4,9]`}}, `"x"`, "", "5", ""},
		"a member's own":          {`{"candidates":["x","y"],"reservations":{"a":4}}`, ab, script{"a": {`{"utilities":[9,5],"reservation":0}`}, "b": {`[1,4]`}}, `"y"`, "", "20", ""},
		"a tie goes to the sum":   {`{"candidates":["x","y"]}`, ab, script{"a": {`[0,0]`}, "b": {`[1,4]`}}, `"y"`, "", "0", ""},
		"then to the first":       {`{"candidates":["x","y"]}`, ab, script{"a": {`[1,4]`}, "b": {`[4,1]`}}, `"x"`, "", "4", ""},
		"two losses are no gain":  {`{"candidates":["x","y"]}`, ab, script{"a": {`[-9,1]`}, "b": {`[-9,1]`}}, `"y"`, "", "1", ""},
		"nothing for everybody":   {`{"candidates":["x","y"]}`, ab, script{"a": {`[-1,1]`}, "b": {`[1,-1]`}}, "", "no_common_deal", "", ""},
		"the members' candidates": {``, ab, script{"a": {`"x"`, `[5,1]`}, "b": {`{"offer":"y"}`, `[2,9]`}}, `"x"`, "", "10", "a"},
		"the same twice":          {`{"total":4}`, abc, script{"a": {`{"a":1, "b":2}`, `[1]`}, "b": {`{"b":2,"a":1}`, `[2]`}, "c": {"", `[1]`}}, `{"a":1,"b":2}`, "", "2", "a"},
		"somebody is silent":      {`{"candidates":["x"]}`, abc, script{"a": {`[1]`}, "b": {`[1]`}}, "", "silent_members", "", ""},
		"somebody abstains":       {`{"candidates":["x"],"absent":"abstain"}`, abc, script{"a": {`[1]`}, "b": {`[1]`}}, `"x"`, "", "1", ""},
		"all but one abstain":     {`{"candidates":["x"],"absent":"abstain"}`, abc, script{"a": {`[1]`}}, "", "silent_members", "", ""},
		"no candidates":           {``, ab, script{"a": {`{"pass":true}`}}, "", "no_offers", "", ""},
		"no members, Keep 1":      {``, nil, nil, "", "no_members", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := play(t, "nash", row.params, row.members, row.script)
			if r.Agreement != (row.why == "") || string(r.Deal) != row.deal || r.Reason != row.why || r.NashProduct != row.product || r.ProposedBy != row.by {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestExactProduct(t *testing.T) {
	if got := bargain.Written(bargain.Product([]api.Decimal{1, 1, 1}), 3); got != "0.000000000000000001" {
		t.Errorf("got %s", got)
	}
	big := bargain.Product([]api.Decimal{api.DecimalLimit, api.DecimalLimit, 1_000_001})
	if got := bargain.Written(big, 3); got != "1000001000000000000" {
		t.Errorf("got %s", got)
	}
	if got := bargain.Written(bargain.Product([]api.Decimal{-api.One, -api.One}), 2); got != "0" {
		t.Errorf("two losses multiply to %s", got)
	}
}

func TestDiscounted(t *testing.T) {
	for _, row := range []struct {
		u, d   string
		offers int
		want   string
	}{{"1", "0.9", 0, "1"}, {"1", "0.9", 1, "0.9"}, {"1", "0.9", 2, "0.81"}, {"1", "0.9", 10, "0.348678"}, {"-1", "0.5", 1, "-0.5"}, {"1000000000", "0.000001", 99, "0"}, {"0.000001", "0.5", 1, "0.000001"}} {
		u, _ := api.ParseDecimal(row.u)
		d, _ := api.ParseDecimal(row.d)
		if got := bargain.Discounted(u, d, row.offers); got.String() != row.want {
			t.Errorf("%s after %d offers at %s: got %s, want %s", row.u, row.offers, row.d, got, row.want)
		}
	}
}

// What members are asked.
func TestAsks(t *testing.T) {
	s, _ := play(t, "", `{"total":10,"max_rounds":2}`, ab, script{"a": {`{"a":9,"b":1}`, `"no"`}, "b": {`"no"`, `{"a":1,"b":9}`}})
	var got []string
	for _, r := range s.Rounds {
		got = append(got, r.Phase+" "+r.Asks[0].Member+" "+string(r.Asks[0].Ask))
	}
	want := []string{
		`offer a {"offer":1,"max_rounds":2,"total":10,"max_bytes":16384}`,
		`response b {"offer":1,"max_rounds":2,"by":"a","deal":{"a":9,"b":1},"total":10,"max_bytes":16384}`,
		`offer b {"offer":2,"max_rounds":2,"total":10,"max_bytes":16384,"rejected":{"a":9,"b":1}}`,
		`response a {"offer":2,"max_rounds":2,"by":"b","deal":{"a":1,"b":9},"total":10,"max_bytes":16384}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(strings.ReplaceAll(diff, "\t", " "))
	}
}

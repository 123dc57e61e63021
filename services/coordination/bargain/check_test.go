package bargain_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/bargain"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

func TestDefaults(t *testing.T) {
	set, err := bargain.Negotiation{}.Check(&api.Session{})
	if want := `{"max_rounds":10,"discount":1,"absent":"reject"}`; err != nil || string(set.Params) != want || set.Algorithm != "alternating_offers" {
		t.Errorf("got %+v with %s, %v", set, set.Params, err)
	}
	s := protocoltest.New(api.SessionNegotiation, "nash", `{"total":3,"candidates":[{"b": 1.0 ,"a":2}],"discounts":{"a":0.5}}`, "a", "b")
	for range 2 {
		if err := protocoltest.Check(bargain.Negotiation{}, s); err != nil {
			t.Fatal(err)
		}
		if want := `{"total":3,"candidates":[{"a":2,"b":1}],"max_rounds":10,"discount":1,"discounts":{"a":0.5},"absent":"reject"}`; string(s.Params) != want {
			t.Errorf("got %s", s.Params)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for params, field := range map[string]string{
		`{"total":0}`: "total", `{"total":1,"issues":{"x":["y"]}}`: "total", `{"total":"x"}`: "/total", `{"issues":{"x":[]}}`: "issues", `{"issues":{"":["x"]}}`: "issues",
		`{"issues":{"x":["y","y"]}}`: "issues", `{"issues":{"x":[""]}}`: "issues", `{"candidates":["x"]}`: "candidates", `{"max_rounds":0}`: "max_rounds", `{"max_rounds":101}`: "max_rounds",
		`{"discount":0}`: "discount", `{"discount":1.1}`: "discount", `{"discounts":{"a":0}}`: "discounts", `{"discounts":{"x":1}}`: "discounts", `{"reservations":{"x":1}}`: "reservations",
		`{"absent":"wait"}`: "absent", `{"colour":"red"}`: "/colour",
	} {
		_, err := bargain.Negotiation{}.Check(protocoltest.New(api.SessionNegotiation, "", params, "a", "b"))
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || e.Details.Reason != api.ReasonConfiguration || len(e.Details.Fields) == 0 || e.Details.Fields[0] != field {
			t.Errorf("%s: %v names %+v", params, err, e)
		}
	}
	for params, algorithm := range map[string]string{`{}`: "haggling", `{"candidates":[null]}`: "nash", `{"total":1,"candidates":[{"a":2}]}`: "nash"} {
		if _, err := (bargain.Negotiation{}).Check(protocoltest.New(api.SessionNegotiation, algorithm, params, "a", "b")); api.ReasonOf(err) != api.ReasonConfiguration {
			t.Errorf("%s, %s: %v", algorithm, params, err)
		}
	}
}

func TestNumbersOfMembers(t *testing.T) {
	members := make([]string, 51)
	for i := range members {
		members[i] = fmt.Sprintf("m%d", i)
	}
	for _, row := range []struct {
		algorithm, params string
		n                 int
		reason            string
	}{
		{"", ``, 0, ""},
		{"", ``, 1, api.ReasonFewParticipants},
		{"", ``, 2, ""},
		{"", ``, 50, ""},
		{"", ``, 51, api.ReasonManyParticipants},
		{"bilateral_bargaining", ``, 0, api.ReasonEmptyAgentPool},
		{"bilateral_bargaining", ``, 1, api.ReasonFewParticipants},
		{"bilateral_bargaining", ``, 2, ""},
		{"bilateral_bargaining", ``, 3, api.ReasonManyParticipants},
		{"nash", ``, 50, ""},
		{"", `{"total":1,"max_rounds":100}`, 50, api.ReasonConfiguration},
		{"nash", `{"total":1}`, 50, api.ReasonManyParticipants},
		{"nash", `{"total":1}`, 40, ""},
	} {
		if _, err := (bargain.Negotiation{}).Check(protocoltest.New(api.SessionNegotiation, row.algorithm, row.params, members[:row.n]...)); api.ReasonOf(err) != row.reason {
			t.Errorf("%d members, %s %s: %v", row.n, row.algorithm, row.params, err)
		}
	}
}

func TestAccept(t *testing.T) {
	total, issues, free := `{"total":10}`, `{"issues":{"colour":["red","blue"]}}`, ``
	for _, row := range []struct {
		phase, params, answer string
		ok                    bool
	}{
		{bargain.PhaseOffer, total, `{"a":4}`, true},
		{bargain.PhaseOffer, total, `{"offer":{"a":4,"b":6},"utility":3,"reservation":1}`, true},
		{bargain.PhaseOffer, total, `{"a":4,"b":6.000001}`, false},
		{bargain.PhaseOffer, total, `{"a":-1}`, false},
		{bargain.PhaseOffer, total, `{"x":1}`, false},
		{bargain.PhaseOffer, total, `5`, false},
		{bargain.PhaseOffer, total, `"accept"`, false},
		{bargain.PhaseOffer, total, `null`, false},
		{bargain.PhaseOffer, total, `{"pass":true}`, true},
		{bargain.PhaseOffer, total, `{"pass":true,"offer":{"a":1}}`, false},
		{bargain.PhaseOffer, total, `{"offer":{"a":"much"}}`, false},
		{bargain.PhaseOffer, issues, `{"colour":"red"}`, true},
		{bargain.PhaseOffer, issues, `{"offer":{"colour":"blue"}}`, true},
		{bargain.PhaseOffer, issues, `{"colour":"green"}`, false},
		{bargain.PhaseOffer, issues, `{}`, false},
		{bargain.PhaseOffer, issues, `{"colour":"red","size":"l"}`, false},
		{bargain.PhaseOffer, issues, `"red"`, false},
		{bargain.PhaseOffer, free, `"anything"`, true},
		{bargain.PhaseOffer, free, `{"price":7}`, true},
		{bargain.PhaseOffer, free, `null`, false},
		{bargain.PhaseOffer, free, `{"offer":null}`, false},
		{bargain.PhaseCandidates, free, `[1,2]`, true},
		{bargain.PhaseResponse, free, `"accept"`, true},
		{bargain.PhaseResponse, free, `"Reject"`, true},
		{bargain.PhaseResponse, free, `true`, true},
		{bargain.PhaseResponse, free, `false`, true},
		{bargain.PhaseResponse, free, `{"response":"accept","utility":0.5,"reservation":0.1}`, true},
		{bargain.PhaseResponse, free, `{"offer":"x"}`, true},
		{bargain.PhaseResponse, free, `{"response":"accept","offer":"x"}`, false},
		{bargain.PhaseResponse, free, `"counter"`, false},
		{bargain.PhaseResponse, free, `"perhaps"`, false},
		{bargain.PhaseResponse, free, `{}`, false},
		{bargain.PhaseResponse, free, `null`, false},
		{bargain.PhaseResponse, free, `[]`, false},
		{bargain.PhaseResponse, free, `{"response":"accept","colour":1}`, false},
		{bargain.PhaseResponse, total, `{"offer":{"a":11}}`, false},
		{bargain.PhaseUtilities, free, `[1,2.5]`, true},
		{bargain.PhaseUtilities, free, `{"utilities":[1,-2],"reservation":0}`, true},
		{bargain.PhaseUtilities, free, `[1]`, false},
		{bargain.PhaseUtilities, free, `[1,null]`, false},
		{bargain.PhaseUtilities, free, `{"utilities":["x",1]}`, false},
		{bargain.PhaseUtilities, free, `5`, false},
		{bargain.PhaseUtilities, free, `{}`, false},
	} {
		s := protocoltest.New(api.SessionNegotiation, "", row.params, "a", "b")
		if err := protocoltest.Check(bargain.Negotiation{}, s); err != nil {
			t.Fatal(err)
		}
		s.Rounds = []api.SessionRound{{Number: 1, Phase: row.phase}}
		err := bargain.Negotiation{}.Accept(s, &api.SessionAsk{Member: "a", Ask: json.RawMessage(`{"candidates":["x","y"]}`)}, json.RawMessage(row.answer))
		if (err == nil) != row.ok || err != nil && (api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAnswer) {
			t.Errorf("%s of %s: %s: %v", row.phase, row.params, row.answer, err)
		}
	}
}

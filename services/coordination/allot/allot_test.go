package allot_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/allot"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

func play(t protocoltest.TB, algorithm, params string, members []string, answers map[string]string) api.AllotResult {
	s := protocoltest.New(api.SessionAllocation, algorithm, params, members...)
	var r api.AllotResult
	protocoltest.Result(t, protocoltest.Play(t, allot.Allocation{}, s, protocoltest.Each(answers), nil), &r)
	return r
}

func TestShares(t *testing.T) {
	abc := []string{"a", "b", "c"}
	for name, row := range map[string]struct {
		algorithm, params string
		answers           map[string]string
		want              string // granted cpu in the order of the members
		utilisation       string
	}{
		"enough for all":              {"", `{"resources":{"cpu":100}}`, map[string]string{"a": `20`, "b": `30`, "c": `{"cpu":50}`}, "20 30 50", "1"},
		"the small one is satisfied":  {"", `{"resources":{"cpu":10}}`, map[string]string{"a": `2`, "b": `8`, "c": `10`}, "2 4 4", "1"},
		"weights":                     {"", `{"resources":{"cpu":12},"weights":{"a":2}}`, map[string]string{"a": `12`, "b": `12`, "c": `12`}, "6 3 3", "1"},
		"weight beyond the demand":    {"", `{"resources":{"cpu":12},"weights":{"a":10}}`, map[string]string{"a": `2`, "b": `12`, "c": `12`}, "2 5 5", "1"},
		"millionths are not lost":     {"", `{"resources":{"cpu":1}}`, map[string]string{"a": `1`, "b": `1`, "c": `1`}, "0.333334 0.333333 0.333333", "1"},
		"to the first of equals":      {"", `{"resources":{"cpu":1}}`, map[string]string{"a": `3`, "b": `2`, "c": `1`}, "0.333334 0.333333 0.333333", "1"},
		"the silent get nothing":      {"", `{"resources":{"cpu":10}}`, map[string]string{"a": `9`, "c": `9`}, "5 0 5", "1"},
		"nobody wants all":            {"", `{"resources":{"cpu":10}}`, map[string]string{"a": `1`, "b": `0`, "c": `{}`}, "1 0 0", "0.1"},
		"nothing to share":            {"", `{"resources":{"cpu":0}}`, map[string]string{"a": `1`}, "0 0 0", "0"},
		"proportional":                {"proportional", `{"resources":{"cpu":10}}`, map[string]string{"a": `2`, "b": `8`, "c": `10`}, "1 4 5", "1"},
		"proportional by weight":      {"proportional", `{"resources":{"cpu":10},"weights":{"a":4}}`, map[string]string{"a": `2`, "b": `8`, "c": `10`}, "2 3.555556 4.444444", "1"},
		"proportional, more than all": {"proportional", `{"resources":{"cpu":100}}`, map[string]string{"a": `2`, "b": `8`, "c": `10`}, "2 8 10", "0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			r := play(t, row.algorithm, row.params, abc, row.answers)
			var got []string
			for _, a := range r.Allocations {
				got = append(got, a.Granted["cpu"].String())
			}
			if strings.Join(got, " ") != row.want || r.Resources["cpu"].Utilisation.String() != row.utilisation {
				t.Errorf("got %v of which %s is used, want %s and %s", got, r.Resources["cpu"].Utilisation, row.want, row.utilisation)
			}
		})
	}
}

// Fix: the reference gave every agent cpu 20 and memory 200 whatever there was: six agents got 120 of 100.
func TestFixNeverMoreThanThereIs(t *testing.T) {
	var members []string
	answers := map[string]string{}
	for i := range 6 {
		id := fmt.Sprintf("agent_%d", i)
		members, answers[id] = append(members, id), `{"demand":{"cpu":20,"memory":200}}`
	}
	r := play(t, "", `{"resources":{"cpu":100,"memory":1000}}`, members, answers)
	if r.Satisfied || r.Resources["cpu"].Granted != 100*api.One || r.Resources["memory"].Granted != 1000*api.One {
		t.Errorf("got %+v", r.Resources)
	}
	if got := r.Allocations[5].Satisfaction; got != 833333 {
		t.Errorf("16.666666 of 20 and 166.666666 of 200 satisfy to the degree of %s", got)
	}
}

// Fix: a supply of less than 5 made the reference hang.
func TestFixSmallSupply(t *testing.T) {
	r := play(t, "", `{"resources":{"cpu":3}}`, []string{"a", "b"}, map[string]string{"a": `20`, "b": `20`})
	if r.Resources["cpu"].Granted != 3*api.One {
		t.Errorf("got %+v", r)
	}
}

// Keep 1: a session without members succeeds, and nothing is given.
func TestKeep1NoMembers(t *testing.T) {
	for _, params := range []string{``, `{"resources":{"cpu":3}}`} {
		r := play(t, "", params, nil, nil)
		if len(r.Allocations) != 0 || !r.Satisfied {
			t.Errorf("got %+v", r)
		}
	}
}

func TestResultInFull(t *testing.T) {
	r := play(t, "", `{"resources":{"cpu":8,"disk":5}}`, []string{"a", "b", "c"}, map[string]string{"a": `{"cpu":10,"disk":5}`, "b": `{"cpu":2}`, "c": `!broken`})
	want := api.AllotResult{
		Algorithm: "max_min_fair",
		Allocations: []api.Allotment{
			{
				Member: "a", Asked: map[string]api.Decimal{"cpu": 10 * api.One, "disk": 5 * api.One},
				Granted: map[string]api.Decimal{"cpu": 6 * api.One, "disk": 5 * api.One}, Satisfaction: 800000,
			},
			{Member: "b", Asked: map[string]api.Decimal{"cpu": 2 * api.One}, Granted: map[string]api.Decimal{"cpu": 2 * api.One}, Satisfaction: api.One},
			{Member: "c", Satisfaction: api.One},
		},
		Resources: map[string]api.AllotUse{
			"cpu":  {Capacity: 8 * api.One, Asked: 12 * api.One, Granted: 8 * api.One, Utilisation: api.One, Fairness: 941176}, // 1.6^2 / (2 * 1.36)
			"disk": {Capacity: 5 * api.One, Asked: 5 * api.One, Granted: 5 * api.One, Utilisation: api.One, Fairness: api.One},
		},
		Silent: []string{"c"},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
}

func TestJain(t *testing.T) {
	for _, row := range []struct {
		shares []api.Decimal
		want   string
	}{
		{nil, "1"},
		{[]api.Decimal{0, 0}, "1"},
		{[]api.Decimal{7, 7, 7}, "1"},
		{[]api.Decimal{api.One, 0, 0, 0}, "0.25"},
		{[]api.Decimal{3 * api.One, api.One}, "0.8"},
	} {
		if got := allot.Jain(row.shares); got.String() != row.want {
			t.Errorf("%v: got %s, want %s", row.shares, got, row.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	many := `{"resources":{`
	for i := range 33 {
		many += fmt.Sprintf(`"r%d":1,`, i)
	}
	many = strings.TrimSuffix(many, ",") + "}}"
	for params, field := range map[string]string{
		`{}`:                                           "resources",
		`{"resources":{"cpu":-1}}`:                     "resources",
		`{"resources":{"c p":1}}`:                      "resources",
		`{"resources":{"cpu":2000000000}}`:             "/resources/cpu",
		`{"resources":{"cpu":"much"}}`:                 "/resources/cpu",
		`{"resorces":{"cpu":1}}`:                       "/resorces",
		`{"resources":{"cpu":1},"weights":{"a":0}}`:    "weights",
		`{"resources":{"cpu":1},"weights":{"a":1001}}`: "weights",
		`{"resources":{"cpu":1},"weights":{"x":1}}`:    "weights",
		many: "resources",
	} {
		_, err := allot.Allocation{}.Check(protocoltest.New(api.SessionAllocation, "", params, "a", "b"))
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || e.Details.Reason != api.ReasonConfiguration || len(e.Details.Fields) == 0 || e.Details.Fields[0] != field {
			t.Errorf("%.60s: %v names %v", params, err, e)
		}
	}
	if _, err := (allot.Allocation{}).Check(protocoltest.New(api.SessionAllocation, "greedy", `{"resources":{"cpu":1}}`, "a")); api.ReasonOf(err) != api.ReasonConfiguration {
		t.Errorf("an unknown algorithm: %v", err)
	}
	if _, err := (allot.Allocation{}).Check(&api.Session{Params: json.RawMessage(`{"weights":{"x":2}}`)}); err != nil {
		t.Errorf("registered without members: %v", err)
	}
	var crowd []string
	for i := range 1000 {
		crowd = append(crowd, fmt.Sprintf("member_%d", i))
	}
	big := strings.Replace(many, `,"r32":1`, "", 1)
	if _, err := (allot.Allocation{}).Check(protocoltest.New(api.SessionAllocation, "", big, crowd...)); api.ReasonOf(err) != api.ReasonConfiguration {
		t.Errorf("a result without bounds: %v", err)
	}
}

func TestAccept(t *testing.T) {
	one := protocoltest.New(api.SessionAllocation, "", `{"resources":{"cpu":1}}`, "a")
	two := protocoltest.New(api.SessionAllocation, "", `{"resources":{"cpu":1,"demand":2}}`, "a")
	for answer, row := range map[string]struct {
		s  *api.Session
		ok bool
	}{
		`5`: {one, true}, ` 0.5 `: {one, true}, `{}`: {one, true}, `{"cpu":1e3}`: {one, true}, `{"demand":{"cpu":1}}`: {one, true}, `{"demand":{}}`: {two, true},
		`{"demand":3}`: {two, true}, `-1`: {one, false}, `6`: {two, false}, `"5"`: {one, false}, `null`: {one, false}, `[5]`: {one, false}, `true`: {one, false},
		`{"cpu":-1}`: {one, false}, `{"gpu":1}`: {one, false}, `{"cpu":null}`: {one, false}, `{"demand":{"cpu":1},"weight":9}`: {one, false}, `{"demand":null}`: {one, false},
		``: {one, false}, `{`: {one, false}, `1e300`: {one, false},
	} {
		err := allot.Allocation{}.Accept(row.s, &api.SessionAsk{Member: "a"}, json.RawMessage(answer))
		if (err == nil) != row.ok || err != nil && (api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAnswer) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

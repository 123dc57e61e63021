package search_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/services/coordination/search"
	"github.com/mabus-project/mabus/shared/api"
)

func TestCheckRefuses(t *testing.T) {
	long := ""
	for i := range 9 {
		long += fmt.Sprintf(`"x%d":{"values":["%s"]},`, i, strings.Repeat("x", 1000))
	}
	long = strings.TrimSuffix(long, ",")
	cases := []struct{ algorithm, params, says string }{
		{"", `{"parameter_space":{}}`, "1 to 32"},
		{"", `{"parameter_space":{"":{"values":[1]}}}`, "name"},
		{"", `{"parameter_space":{"x":{}}}`, "values, or min and max"},
		{"", `{"parameter_space":{"x":{"values":[]}}}`, "values, or min and max"},
		{"", `{"parameter_space":{"x":{"values":[1],"steps":2}}}`, "for min and max"},
		{"", `{"parameter_space":{"x":{"values":[1],"min":1,"max":2}}}`, "either"},
		{"", `{"parameter_space":{"x":{"min":1}}}`, "both"},
		{"", `{"parameter_space":{"x":{"min":2,"max":2}}}`, "less than max"},
		{"", `{"parameter_space":{"x":{"min":1,"max":2,"steps":1}}}`, "steps"},
		{"", `{"parameter_space":{"x":{"min":1,"max":2,"steps":101}}}`, "steps"},
		{"", `{"parameter_space":{"x":{"min":1,"max":2,"scale":"cubic"}}}`, "scale"},
		{"", `{"parameter_space":{"x":{"min":0,"max":2,"scale":"log"}}}`, "above 0"},
		{"", `{"parameter_space":{"x":{"min":0.5,"max":2,"integer":true}}}`, "whole"},
		{"", `{"parameter_space":{"x":{"min":0,"max":1e12}}}`, "at most"},
		{"", `{"parameter_space":{"x":{"values":["` + strings.Repeat("x", 1024) + `"]}}}`, "1024"},
		{"", `{"parameter_space":{"x":{"values":[1]}},"objective":"best"}`, "objective"},
		{"", `{"parameter_space":{"x":{"values":[1]}},"max_evaluations":501}`, "max_evaluations"},
		{"", `{"parameter_space":{"x":{"values":[1]}},"max_attempts":11}`, "max_attempts"},
		{"", `{"parameter_space":{"x":{"values":[1]}},"eta":3}`, "successive_halving"},
		{"grid", `{"parameter_space":{"x":{"min":1,"max":2}}}`, "steps for every"},
		{"grid", `{"parameter_space":{"x":{"min":1,"max":2,"steps":11},"y":{"min":1,"max":2,"steps":10}}}`, "more points"},
		{"successive_halving", `{"parameter_space":{"x":{"values":[1]}},"eta":1}`, "eta"},
		{"successive_halving", `{"parameter_space":{"x":{"values":[1]}},"candidates":81}`, "121 evaluations"},
		{"successive_halving", `{"parameter_space":{"x":{"values":[1]}},"candidates":-1}`, "candidates"},
		{"successive_halving", `{"parameter_space":{"x":{"values":[1]}},"min_budget":0}`, "min_budget"},
		{"successive_halving", `{"parameter_space":{"x":{"values":[1]}},"min_budget":2,"max_budget":1}`, "max_budget"},
		{"", `{"parameter_space":{` + long + `},"max_evaluations":500}`, "shorter values"},
		{"bayesian", `{"parameter_space":{"x":{"values":[1]}}}`, "algorithm"},
	}
	for _, c := range cases {
		_, err := search.Parameters{}.Check(session(c.algorithm, c.params, 2))
		if api.ReasonOf(err) != api.ReasonConfiguration || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %.90s: got %v, want %q", c.algorithm, c.params, err, c.says)
		}
	}
}

// What Check returns is checked again with every step, and must come out the same.
func TestCheckedParametersCheck(t *testing.T) {
	for _, algorithm := range []string{"random", "grid", "successive_halving"} {
		s := session(algorithm, `{"parameter_space":{"x":{"min":1,"max":2,"steps":7,"scale":"log"},"y":{"values":[1,"a",null]}},"target":3}`, 2)
		if err := protocoltest.Check(search.Parameters{}, s); err != nil {
			t.Fatal(err)
		}
		again, err := search.Parameters{}.Check(s)
		if err != nil || string(again.Params) != string(s.Params) {
			t.Errorf("%s: %v\n%s\n%s", algorithm, err, s.Params, again.Params)
		}
	}
}

// Long configurations and long errors: the result fits all the same.
func TestLongResultsFit(t *testing.T) {
	var space []string
	for i := range 32 {
		space = append(space, fmt.Sprintf(`"p%02d":{"values":["%s","%s"]}`, i, strings.Repeat("x", 230), strings.Repeat("y", 230)))
	}
	for params, want := range map[string]int{
		`{"parameter_space":{` + strings.Join(space, ",") + `},"max_evaluations":40,"max_attempts":1}`: 40,
		`{"parameter_space":{"x":{"min":0,"max":1}},"max_evaluations":500,"max_attempts":1}`:           500,
	} {
		s := play(t, "random", params, 4, func(_ string, ask api.SearchAsk) (string, bool) {
			if ask.Candidate == 0 {
				return `1`, true
			}
			return strings.Repeat(`"\`, 600), false
		})
		var r api.SearchResult
		protocoltest.Result(t, s, &r)
		if !r.ConfigsLeftOut || len(r.Evaluations) != want || len(r.Best.Config) == 0 || r.Stopped != "max_evaluations" {
			t.Errorf("%d evaluations, %s", len(r.Evaluations), r.Stopped)
		}
	}
}

package coordination_test

import (
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// sample is a session of one type whose result is known: "$" in the parameters is the name, which the members' ids begin with.
type sample struct {
	name      string
	typ       api.SessionType
	algorithm string
	params    string
	members   int
	answer    answers
	result    []string // parts of it
}

// digit is the place of a member of a sample.
func digit(id string) int { return int(id[len(id)-1] - '0') }

// read reads what a member is asked, which is of the form that its type has.
func read[T any](q *api.SessionQuestion) *T {
	v := new(T)
	if err := codec.Read(q.Ask, v); err != nil {
		panic(err)
	}
	return v
}

var everyType = []sample{
	{
		"ranked", api.SessionVoting, api.BallotRankedChoice, `{"options":["x","y","z"]}`, 5,
		func(id string, _ *api.SessionQuestion) any {
			return [][]string{{"x", "y"}, {"x", "y"}, {"y", "x"}, {"y", "x"}, {"z", "y", "x"}}[digit(id)]
		},
		[]string{`"decision":"y"`, `"eliminated":"z"`, `"consensus_reached":true`},
	},
	{ // reference 22 and 25
		"equal", api.SessionWeighted, api.WeighEqual, `{"threshold":0.75}`, 4, always("approve"),
		[]string{`"decision":"strong_approve"`, `"confidence":0.75`, `"gini":0,`, `"entropy":2`, `"outcome":"accepted"`},
	},
	{ // reference 23
		"mixed", api.SessionWeighted, api.WeighEqual, `{"threshold":0.6}`, 3,
		func(id string, _ *api.SessionQuestion) any {
			return []string{"approve", "reject", "neutral"}[digit(id)]
		},
		[]string{`"decision":"approve"`, `"score":0.5`, `"outcome":"undecided"`},
	},
	{
		"against", api.SessionWeighted, api.WeighEqual, `{"threshold":1}`, 3, always("reject"),
		[]string{`"decision":"reject"`, `"score":0,`, `"outcome":"rejected"`},
	},
	{"neutral", api.SessionWeighted, api.WeighEqual, `{}`, 3, always("neutral"), []string{`"decision":"approve"`, `"consensus_reached":false`}},
	{ // reference 29
		"refine", api.SessionIterative, "", `{"max_rounds":1,"estimator":"length"}`, 3,
		func(id string, q *api.SessionQuestion) any {
			if q.Phase == "proposal" {
				return map[string]any{"proposal": "same text", "confidence": 0.1}
			}
			ratings := map[string]float64{}
			for i, score := range []float64{0.1, 0.2, 0.3} {
				if i != digit(id) {
					ratings["refine"+string(rune('0'+i))] = score
				}
			}
			return ratings
		},
		[]string{`"final_quality":0.178`, `"consensus_level":0.993333`, `"termination_reason":"max_rounds"`},
	},
	{ // reference 28: the mean of 0.6 and 1
		"alike", api.SessionIterative, "", `{"max_rounds":2,"quality_threshold":1}`, 2,
		func(id string, q *api.SessionQuestion) any {
			switch {
			case q.Phase != "proposal":
				return map[string]float64{"alike" + string(rune('1'-digit(id))): 0.5}
			case digit(id) == 0 && read[api.RefineProposalAsk](q).Round == 2:
				return "the quick red fox"
			}
			return "the quick brown fox"
		},
		[]string{`"convergence":0.8`},
	},
	{"bargain", api.SessionNegotiation, "", `{"total":100}`, 2, func(_ string, q *api.SessionQuestion) any {
		if q.Phase == "offer" {
			return map[string]int{"bargain0": 60, "bargain1": 40}
		}
		return "accept"
	}, []string{`"agreement":true`, `"nash_product":"2400`, `"bargain1":40`}},
	{"allot", api.SessionAllocation, "", `{"resources":{"cpu":12}}`, 3, func(id string, _ *api.SessionQuestion) any {
		return map[string]int{"cpu": []int{2, 20, 20}[digit(id)]}
	}, []string{`"granted":{"cpu":2}`, `"granted":{"cpu":5}`, `"satisfied":false`}},
	{"ensemble", api.SessionEnsemble, "", `{}`, 3, func(id string, _ *api.SessionQuestion) any {
		return []string{"cat", "dog", "cat"}[digit(id)]
	}, []string{`"prediction":"cat"`, `"agreement":0.666667`, `"consensus_reached":true`}},
	{"search", api.SessionSearch, "grid", `{"parameter_space":{"x":{"values":[3,1,4,1.5,9,2,6]}}}`, 3, func(_ string, q *api.SessionQuestion) any {
		return read[api.SearchAsk](q).Config["x"]
	}, []string{`"score":9`, `"candidates":7`, `"stopped":"exhausted"`}},
	{"tournament", api.SessionTournament, "scored", `{}`, 5, func(id string, _ *api.SessionQuestion) any { return digit(id) + 1 }, []string{`"winner":"tournament4"`, `"rounds":3`}},
	{"judged", api.SessionTournament, "judged", `{"judges":["$2"]}`, 3, func(id string, q *api.SessionQuestion) any {
		if digit(id) < 2 {
			return "work of " + id
		}
		a := read[api.TournamentAsk](q).Matches[0].A
		return map[bool]string{true: "a", false: "b"}[strings.Contains(string(a), "judged1")]
	}, []string{`"winner":"judged1"`, `"rounds":1`}},
	{"reason", api.SessionReasoning, "", `{"samples":2}`, 3, func(id string, _ *api.SessionQuestion) any {
		return map[string]any{"answer": []any{42, "42.0", 41}[digit(id)], "steps": []string{"add"}}
	}, []string{`"answer":`, `"chains":`}},
	{"tools", api.SessionTools, "", `{"steps":[{"id":"s2","tool":"t","needs":["s1"]},{"id":"s1","tool":"t"}]}`, 2, func(_ string, q *api.SessionQuestion) any {
		a := read[api.ToolAsk](q)
		return map[string]any{"output": a.Step + string(a.Inputs["s1"])}
	}, []string{`"order":["s1","s2"]`, `"s2":"s2\"s1\""`}},
	{"fusion", api.SessionFusion, "", `{}`, 3, always("cat"), []string{`"decision":"cat"`, `"consensus_reached":true`}},
	{"decide", api.SessionDecision, "", `{}`, 1, always(map[string]any{"value": 7}), []string{`"value":7`, `"by":"decide0"`}},
	{"announce", api.SessionAnnouncement, "", `{}`, 3, always("noted"), []string{`"answered":3`}},
	{ // reference 31
		"levels", api.SessionHierarchical, "", `{"cluster_size":3,"max_levels":3,"balance_tolerance":0.3}`, 15, hierarchy,
		[]string{`"representatives":7`, `"levels":3`, `"smallest":3`, `"largest":3`, `"decision":"yes"`},
	},
	{ // reference 32
		"balance", api.SessionHierarchical, "", `{"cluster_size":4,"balance_tolerance":0.25}`, 13, hierarchy, []string{`"smallest":3`, `"largest":4`, `"decision":"yes"`},
	},
	{ // reference 34
		"circle", api.SessionHierarchical, "", `{"cluster_size":6}`, 6, func(id string, q *api.SessionQuestion) any {
			switch {
			case q.Phase == "election":
				return "circle3"
			case digit(id) >= 3:
				return "no"
			}
			return map[string]string{"delegate": "circle" + string(rune('0'+(digit(id)+1)%3))}
		},
		[]string{`"kind":"circular"`, `"resolution":"break_cycle"`, `"path":["circle`, `"decision":"no"`},
	},
}

// hierarchy is what a member of one answers: the first of its cluster represents it, and it votes yes.
func hierarchy(_ string, q *api.SessionQuestion) any {
	if q.Phase == "election" {
		return read[api.HierarchyElectionAsk](q).Members[0]
	}
	return "yes"
}

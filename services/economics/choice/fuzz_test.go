package choice_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics/choice"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// FuzzChoices reads requests from bytes: what is valid is chosen from within its bounds, or refused with a code.
func FuzzChoices(f *testing.F) {
	f.Add(`{"budget":"25","reserve":"1","tasks":[{"id":"1","cost":"10","priority":"high"},{"id":"2","cost":"16","value":2.5}]}`)
	f.Add(`{"objectives":[{"name":"o","goal":"minimize","weight":2,"max":5}],"options":[{"id":"x","values":{"o":1}},{"id":"y","values":{"o":-1e9}}]}`)
	f.Add(`{"budget":"9","subtasks":[{"id":"s","specialization":"x","budget":"5","work":0.5}],"agents":[{"id":"a","specializations":["x"],"price":"7","load":1,"capacity":3}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var k api.KnapsackRequest
		if reads(text, &k) {
			if got, err := choice.Knapsack(&k); err == nil && (got.Cost > k.Budget-k.Reserve || got.Left != k.Budget-got.Cost) || err != nil && api.ReasonOf(err) != api.ReasonTooHard {
				t.Errorf("%+v, %v", got, err)
			}
		}
		var p api.ParetoRequest
		if reads(text, &p) {
			if got, err := choice.Pareto(&p); err == nil && len(got.Front) == 0 || err != nil && api.ReasonOf(err) != api.ReasonNoOption {
				t.Errorf("%+v, %v", got, err)
			}
		}
		var a api.AllocateRequest
		if reads(text, &a) {
			got := choice.Allocate(&a)
			if a.Budget > 0 && got.Cost > a.Budget || len(got.Assignments)+len(got.Unassigned) != len(a.Subtasks) {
				t.Errorf("%+v", got)
			}
			if _, err := codec.Marshal(got); err != nil {
				t.Error(err)
			}
		}
	})
}

func reads(text string, r api.Validator) bool {
	return codec.Decode([]byte(text), r) == nil && r.Validate() == nil
}

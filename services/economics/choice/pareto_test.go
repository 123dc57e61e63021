package choice_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/choice"
	"github.com/mabus-project/mabus/shared/api"
)

func TestPareto(t *testing.T) {
	dec := func(d api.Decimal) *api.Decimal { d *= api.One; return &d }
	option := func(id string, cost, quality api.Decimal) api.ChoiceOption {
		return api.ChoiceOption{ID: id, Values: map[string]api.Decimal{"cost": cost * api.One, "quality": quality * api.One}}
	}
	r := &api.ParetoRequest{
		Objectives: []api.Objective{{Name: "cost", Goal: api.GoalMinimize, Max: dec(50)}, {Name: "quality", Weight: dec(2)}},
		Options: []api.ChoiceOption{
			option("cheap", 10, 2), option("middle", 20, 6), option("worse", 25, 5), option("best", 50, 8), option("too-dear", 60, 10), option("as-middle", 20, 6),
		},
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := choice.Pareto(r)
	if err != nil {
		t.Fatal(err)
	}
	score := func(d api.Decimal) *api.Decimal { return &d }
	want := &api.ParetoResponse{
		Chosen: "middle", Front: []string{"cheap", "middle", "best", "as-middle"},
		Options: []api.ParetoOption{
			{ID: "cheap", Score: score(333_333)}, {ID: "middle", Score: score(694_445)}, // (3/4 + 2 * 2/3) / 3, with 2/3 rounded before
			{ID: "worse", DominatedBy: "middle"}, {ID: "best", Score: score(666_667)}, {ID: "too-dear", Violates: []string{"cost"}}, {ID: "as-middle", Score: score(694_445)},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r.Objectives[0].Max = dec(5)
	if _, err := choice.Pareto(r); api.ReasonOf(err) != api.ReasonNoOption {
		t.Error(err)
	}
}

// The front is the set of feasible options that no feasible one dominates, the choice is the best of it, and an option that is dominated
// can go without a change.
func TestParetoEqualsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &api.ParetoRequest{}
		draw := func(name string, most int64) api.Decimal {
			return api.Decimal(rapid.Int64Range(0, most).Draw(t, name)) * api.One
		}
		for k := range rapid.IntRange(1, 3).Draw(t, "objectives") {
			w, least := draw("weight", 3)+1, draw("least", 2)
			r.Objectives = append(r.Objectives, api.Objective{Name: fmt.Sprint("o", k), Goal: rapid.SampledFrom(api.ObjectiveGoals).Draw(t, "goal"), Weight: &w, Min: &least})
		}
		for i := range rapid.IntRange(1, 8).Draw(t, "options") {
			o := api.ChoiceOption{ID: fmt.Sprint(i), Values: map[string]api.Decimal{}}
			for _, goal := range r.Objectives {
				o.Values[goal.Name] = draw("value", 6)
			}
			r.Options = append(r.Options, o)
		}
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		front := definition(r)
		got, err := choice.Pareto(r)
		if front == nil {
			if api.ReasonOf(err) != api.ReasonNoOption {
				t.Fatal(err)
			}
			return
		}
		if err != nil || !slices.Equal(got.Front, front) {
			t.Fatalf("%v, %v, want %v", got, err, front)
		}
		for _, o := range got.Options {
			if (o.Score != nil) != slices.Contains(front, o.ID) || o.Score != nil && (*o.Score < 0 || *o.Score > api.One) {
				t.Fatalf("%+v", o)
			}
			if o.ID == got.Chosen {
				for _, other := range got.Options {
					if other.Score != nil && *other.Score > *o.Score {
						t.Fatalf("%s is chosen with %v, and %s has %v", o.ID, o.Score, other.ID, other.Score)
					}
				}
			}
		}
		fewer := *r
		fewer.Options = slices.DeleteFunc(slices.Clone(r.Options), func(o api.ChoiceOption) bool { return !slices.Contains(front, o.ID) })
		if again, err := choice.Pareto(&fewer); err != nil || again.Chosen != got.Chosen || !slices.Equal(again.Front, front) {
			t.Fatalf("%v without the others, %v with them: %v", again, got, err)
		}
	})
}

func definition(r *api.ParetoRequest) (front []string) {
	feasible := func(o api.ChoiceOption) bool {
		return !slices.ContainsFunc(r.Objectives, func(goal api.Objective) bool { return o.Values[goal.Name] < *goal.Min })
	}
	for _, o := range r.Options {
		if !feasible(o) {
			continue
		}
		beaten := slices.ContainsFunc(r.Options, func(x api.ChoiceOption) bool {
			strictly := false
			for _, goal := range r.Objectives {
				a, b := x.Values[goal.Name], o.Values[goal.Name]
				if goal.Goal == api.GoalMinimize {
					a, b = b, a
				}
				if a < b {
					return false
				}
				strictly = strictly || a > b
			}
			return strictly && feasible(x)
		})
		if !beaten {
			front = append(front, o.ID)
		}
	}
	return front
}

package tender_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/contract/contracttest"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// effect lets the first effect that waits bring something.
func (w *world) effect(t *rapid.T) {
	if len(w.Order) == 0 {
		return
	}
	w.Outcome(w.Order[0], rapid.SampledFrom([]tender.Seen{
		{Status: api.TaskQueued},
		{Status: api.TaskRunning},
		{Status: api.TaskSucceeded, Result: []byte(`1`)},
		{Status: api.TaskSucceeded},
		{Status: api.TaskFailed, Error: "it broke"},
		{Status: api.TaskCancelled},
		{Error: "another has the id"},
	}).Draw(t, "seen"))
}

func (w *world) executed(spec api.TenderSpec) {
	w.t.Helper()
	spec.ID, spec.Execution = "t", api.TenderAsTask
	spec.Task = api.TenderTask{Capability: "dig", Payload: []byte(`{"deep":2}`), Name: "a hole", Job: "garden"}
	w.announce(spec)
	answer, err := w.Call("a", "tenders.bid", api.TenderBidRequest{ID: "t", Price: 5, Time: minutes(10)})
	contracttest.Read[api.TenderBid](w.t, answer, err)
	w.do("boss", "award", api.TenderAwardRequest{ID: "t"})
}

func TestExecutedAsTask(t *testing.T) {
	w := begin(t)
	w.executed(api.TenderSpec{})
	if len(w.Order) != 1 || w.Order[0] != "tender.execute/t" {
		t.Fatalf("effects are %v", w.Order)
	}
	var spec api.TaskSpec
	if err := codec.Read(w.Effects["tender.execute/t"].Body, &spec); err != nil {
		t.Fatal(err)
	}
	if spec.ID != "tender-t" || spec.Capability != "agent-a" || spec.Job != "garden" || spec.Name != "a hole" || string(spec.Payload) != `{"deep":2}` ||
		!spec.Deadline.Equal(w.Now.Add(10*time.Minute)) || spec.Validate() != nil {
		t.Errorf("%+v", spec)
	}
	w.Outcome("tender.execute/t", tender.Seen{Status: api.TaskQueued})
	w.Pass(time.Second) // a look each time that a quarter of the age has passed
	if len(w.Order) != 1 || w.Order[0] != "tender.check/t/1" {
		t.Fatalf("effects are %v", w.Order)
	}
	w.Outcome("tender.check/t/1", tender.Seen{Status: api.TaskRunning})
	w.Pass(249 * time.Millisecond)
	if len(w.Order) != 0 {
		t.Fatalf("effects are %v", w.Order)
	}
	w.Pass(time.Millisecond)
	w.Outcome("tender.check/t/2", tender.Seen{Status: api.TaskSucceeded, Result: []byte(`"dug"`)})
	if v := w.view("t", ""); v.State != api.TenderDone || string(v.Contract.Result) != `"dug"` || v.Contract.Outcome.Quality != 800_000 ||
		v.Award.Task != "tender-t" {
		t.Errorf("%+v %+v", v, v.Contract)
	}
	w.has("boss", rich-budget)
	w.has("a", budget)
}

func TestTaskOutcomes(t *testing.T) {
	rows := []struct {
		name     string
		spec     api.TenderSpec
		seen     tender.Seen
		state    api.TenderState
		contract api.ContractState
	}{
		{"failed", api.TenderSpec{}, tender.Seen{Status: api.TaskFailed, Error: "it broke"}, api.TenderFailed, api.ContractBreached},
		{"without a result", api.TenderSpec{}, tender.Seen{Status: api.TaskSucceeded, Result: []byte("null")}, api.TenderFailed, api.ContractBreached},
		{"cancelled", api.TenderSpec{}, tender.Seen{Status: api.TaskCancelled}, api.TenderCancelled, api.ContractCancelled},
		{"never there", api.TenderSpec{}, tender.Seen{Error: "another has the id"}, api.TenderCancelled, api.ContractCancelled},
		{
			"checked by the announcer",
			api.TenderSpec{Check: true},
			tender.Seen{Status: api.TaskSucceeded, Result: []byte("1")},
			api.TenderAwarded,
			api.ContractDelivered,
		},
		{
			"checked by a judge",
			api.TenderSpec{Terms: api.ContractTerms{Judge: "judge"}},
			tender.Seen{Status: api.TaskSucceeded, Result: []byte("1")},
			api.TenderAwarded, api.ContractDelivered,
		},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			w := begin(t)
			w.executed(r.spec)
			w.Outcome("tender.execute/t", r.seen)
			if v := w.view("t", ""); v.State != r.state || v.Contract.State != r.contract {
				t.Errorf("the tender is %s, the contract %s", v.State, v.Contract.State)
			}
			if r.state.Over() {
				w.has("boss", rich)
				w.has("a", 0)
				return
			}
			if _, err := w.Call("boss", "contracts.accept", api.ContractAcceptRequest{ID: "tender-t"}); err != nil {
				t.Fatal(err)
			}
			w.has("a", budget)
		})
	}
}

func TestATaskThatComesTooLate(t *testing.T) {
	w := begin(t)
	w.executed(api.TenderSpec{})
	w.Pass(11 * time.Minute)
	if v := w.view("t", ""); v.State != api.TenderFailed {
		t.Fatalf("%+v", v)
	}
	w.Outcome("tender.execute/t", tender.Seen{Status: api.TaskSucceeded, Result: []byte("1")})
	w.has("boss", rich)
	w.has("a", 0)
}

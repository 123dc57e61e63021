package desk_test

import (
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/reputation/desk"
	"github.com/mabus-project/mabus/shared/api"
)

func good(agent, ref string) api.ReputationRecordRequest {
	return api.ReputationRecordRequest{Agent: agent, Domain: "sums", Ref: ref, Quality: 900_000, Satisfaction: 900_000}
}

func TestWhoRecords(t *testing.T) {
	w := newWorld(t)
	// A contract of "buyer" with "maker", which is delivered.
	err := w.do("op", func(a *act.Act, _ *reputation.Draft) error {
		if err := a.Contracts.Open(a.Time, api.Contract{ID: "c1", Origin: "auction/x", Buyer: "buyer", Provider: "maker", Price: 10_000_000, Hold: "h"}); err != nil {
			return err
		}
		c, err := a.Contracts.Live("c1")
		if err == nil {
			c.DeliveredAt = a.Time
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, by, agent, ref string
		source               api.RecordSource
		stake                api.Micro
	}{
		{"an operator", "op", "a", "r1", api.SourceOperator, 0},
		{"anybody", "b", "a", "r1", api.SourceOpinion, 0},
		{"the provider of the buyer", "maker", "buyer", "contract/c1", api.SourceSettlement, 10_000_000},
		{"the buyer of the provider, beside the settlement", "buyer", "maker", "contract/c1", api.SourceOpinion, 0},
		{"somebody else of the buyer", "b", "buyer", "contract/c1", api.SourceOpinion, 0},
		{"the provider of somebody else", "maker", "b", "contract/c1", api.SourceOpinion, 0},
		{"about a contract that is not there", "maker", "buyer", "contract/c2", api.SourceOpinion, 0},
	} {
		got, err := run[api.ReputationChange](w, row.by, "reputation.record", good(row.agent, row.ref))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if r := got.Record; r.Source != row.source || r.Stake != row.stake || r.By != row.by || r.Ref != row.ref {
			t.Errorf("%s: %+v", row.name, r)
		}
		if got.Score != w.Draft().Score(row.agent, "sums", w.now) || got.Score <= reputation.Prior || !slices.Contains(w.changed, desk.Entity(row.agent)) {
			t.Errorf("%s: score %v, %v was changed", row.name, got.Score, w.changed)
		}
	}
	_, err = run[api.ReputationChange](w, "maker", "reputation.record", good("buyer", "contract/c1"))
	refused(t, "again", err, api.Conflict, api.ReasonAlreadyRecorded)
	_, err = run[api.ReputationChange](w, "", "reputation.record", good("a", "r2"))
	refused(t, "nobody", err, api.Unauthenticated, api.ReasonPrincipalMissing)
	_, err = run[api.ReputationChange](w, "a", "reputation.record", good("a", "r2"))
	refused(t, "oneself", err, api.PermissionDenied, api.ReasonSelfRating)
	bad := good("a", "r2")
	bad.Quality = 50 * api.One
	_, err = run[api.ReputationChange](w, "b", "reputation.record", bad)
	refused(t, "50", err, api.Invalid, "")
}

// The settlement's own record is not kept out by what the buyer has said of the contract before.
func TestAnOpinionDoesNotKeepOutTheSettlement(t *testing.T) {
	w := newWorld(t)
	if _, err := run[api.ReputationChange](w, "buyer", "reputation.record", good("maker", "contract/c1")); err != nil {
		t.Fatal(err)
	}
	if err := w.do("", func(_ *act.Act, d *reputation.Draft) error {
		return d.Record(w.now, reputation.Record{Agent: "maker", By: "buyer", Ref: "contract/c1", Stake: 10_000_000})
	}); err != nil {
		t.Error(err)
	}
	if got := w.Draft().Score("maker", "", w.now); got >= reputation.Prior {
		t.Errorf("the score is %v", got)
	}
}

func TestWhoPenalises(t *testing.T) {
	w := newWorld(t)
	r := api.ReputationPenaliseRequest{Agent: "a", Violation: "quality_fraud", Ref: "violation/v1"}
	_, err := run[api.ReputationChange](w, "b", "reputation.penalise", r)
	refused(t, "anybody", err, api.PermissionDenied, api.ReasonOperatorOnly)
	got, err := run[api.ReputationChange](w, "op", "reputation.penalise", r)
	if err != nil || got.Score != 200_000 || got.Penalty.Amount != 300_000 || got.Penalty.Ref != r.Ref || !slices.Contains(w.changed, desk.Entity("a")) {
		t.Errorf("%+v, %v, %v", got, err, w.changed)
	}
	_, err = run[api.ReputationChange](w, "op", "reputation.penalise", r)
	refused(t, "again", err, api.Conflict, api.ReasonAlreadyPenalised)
}

// Whatever bytes come as a body, a command is refused or carried out, and never panics.
func FuzzCommands(f *testing.F) {
	for kind := range desk.Commands {
		f.Add(kind, []byte(`{"agent":"a","ref":"r","quality":1,"satisfaction":0.5,"violation":"x","id":"a","belief":0.5,"kind":"effort","base":"1","scale":"2"}`))
	}
	f.Add("reports.ask", []byte(`{"agent":"b","kind":"quality","base":"-1","scale":"99999999999999999999"}`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		command, ok := desk.Commands[kind]
		if !ok {
			return
		}
		w := newWorld(t, "p")
		err := w.do("p", func(a *act.Act, d *reputation.Draft) error {
			_, err := command(a, d, body)
			return err
		})
		if err != nil && api.AsError(err) == nil {
			t.Fatalf("%v tells the caller nothing", err)
		}
		if err := w.ledger.Audit(); err != nil {
			t.Fatal(err)
		}
	})
}

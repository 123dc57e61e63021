package run_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
)

// funded does the job r1, of calls that cost 10 each, and has the payer pay for it up to a cap.
func funded(t *testing.T, c *client.Client, limit string, n int) (*run.Run, error) {
	t.Helper()
	j, err := job.Parse([]byte("version: 1\nname: paid\nagents: [{name: paid, capability: paid, module: paid, per_host: 2}]\ntasks: [{capability: paid, attempts: 9}]\nlimits: {max_cost: \"" + limit + "\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := run.New(run.Config{
		Client: c, Job: j, ID: "r1", Inputs: input.Expand([]string{"-"}, input.Options{Stdin: strings.NewReader(values(n))}), PayFrom: "payer",
		Outcome: func(job.Outcome) error { return nil },
		Warn:    func(format string, args ...any) { t.Errorf("warning: "+format, args...) },
	})
	return r, r.Do(t.Context())
}

// kept checks what the payer has, of what there was in the beginning, and what was collected.
func kept(t *testing.T, c *client.Client, had, held, collected api.Micro) {
	t.Helper()
	operator := as(c, economics.DefaultOperator)
	audit, err := operator.Ledger.Audit(t.Context())
	if err != nil || !audit.Agree {
		t.Errorf("%+v, %v", audit, err)
	}
	main, err := operator.Ledger.Account(t.Context(), "payer")
	if err != nil || main.Held != held || main.Available != had-held-collected {
		t.Errorf("the payer has %+v, want %d held and %d paid, %v", main, held, collected, err)
	}
	spent, err := operator.Ledger.Account(t.Context(), budgets.Spent)
	if err != nil || spent.Available != collected {
		t.Errorf("%+v are collected, want %d, %v", spent, collected, err)
	}
}

// A run whose cap is held pays what its calls have cost, when it stops at the cap as when it ends, and nothing twice.
func TestARunThatIsPaidFor(t *testing.T) {
	t.Parallel()
	const had, n = 1000, 15
	c, _ := rich(t, had)
	_, err := funded(t, c, "1001", n)
	if api.ReasonOf(err) != api.ReasonInsufficientFunds {
		t.Fatalf("got %v", err)
	}
	kept(t, c, had, 0, 0)
	r, err := funded(t, c, "105", n)
	var unpaid *job.UnpaidError
	if !errors.As(err, &unpaid) || unpaid.Done != 10 {
		t.Fatalf("got %v", err)
	}
	if f := r.Funding(); f == nil || *f != (run.Funding{Account: "payer/main/credit", Captured: 100}) {
		t.Errorf("got %+v", f)
	}
	kept(t, c, had, 0, 100)
	for range 2 { // taken up again with a higher cap; and again, when all is done
		if r, err = funded(t, c, "300", n); err != nil || r.Stats().Done != n {
			t.Fatalf("got %+v, %v", r.Stats(), err)
		}
		if f := r.Funding(); f == nil || f.Captured != 10*n || f.Held != 0 {
			t.Errorf("got %+v", f)
		}
		kept(t, c, had, 0, 10*n)
	}
	if err := c.Budgets.Remove(t.Context(), api.BudgetKey{Scope: api.BudgetJob, ID: "r1"}); err != nil {
		t.Error(err)
	}
	kept(t, c, had, 0, 10*n)
}

// What a run that was killed has left held is settled by the next one.
func TestARunAfterOneThatWasKilled(t *testing.T) {
	t.Parallel()
	const had, n = 1000, 5
	c, _ := rich(t, had)
	if _, err := c.Budgets.Set(t.Context(), api.BudgetSetRequest{Scope: api.BudgetJob, ID: "r1", Cap: 300, Account: "payer"}); err != nil {
		t.Fatal(err)
	}
	kept(t, c, had, 300, 0)
	if r, err := funded(t, c, "200", n); err != nil || r.Funding().Captured != 10*n {
		t.Fatalf("%+v, %v", r.Funding(), err)
	}
	kept(t, c, had, 0, 10*n)
}

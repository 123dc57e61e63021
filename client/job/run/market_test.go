package run_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/client/job/input"
	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
)

// market is the service that a run in a market needs beside the others.
var market = daemon.Service{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
	return economics.Start(ctx, env.Conn, economics.Config{})
}}

// as is the same connection under another name.
func as(c *client.Client, principal string) *client.Client {
	return client.New(c.Conn().WithPrincipal(principal))
}

const priced = "version: 1\nname: squares\nagents:\n  - name: square\n    capability: square\n    module: square\n    per_host: 2\n    ask: {price: \"100\"}\ntasks:\n  - capability: square\n"

func rich(t *testing.T, amount api.Micro) (c *client.Client, j *job.Job) {
	t.Helper()
	all := connect(t, market)
	if amount > 0 {
		if _, err := as(all, economics.DefaultOperator).Ledger.Mint(t.Context(), api.MintRequest{To: "payer", Amount: amount}); err != nil {
			t.Fatal(err)
		}
	}
	j, err := job.Parse([]byte(priced))
	if err != nil {
		t.Fatal(err)
	}
	return as(all, "payer"), j
}

func sell(ctx context.Context, t *testing.T, c *client.Client, j *job.Job, id, in string, budget api.Micro) (*run.Run, error) {
	t.Helper()
	r := run.New(run.Config{
		Client: c, Job: j, ID: id, Inputs: input.Expand([]string{"-"}, input.Options{Stdin: strings.NewReader(in)}), Market: &run.Market{Budget: budget},
		Outcome: func(job.Outcome) error { return nil },
		Warn:    func(format string, args ...any) { t.Logf("warning: "+format, args...) },
	})
	return r, r.Do(ctx)
}

// balanced checks that what the payer has lost is what the agents have got, and that nothing is held or left in the run's account.
func balanced(t *testing.T, c *client.Client, had api.Micro, run string) (paid api.Micro) {
	t.Helper()
	main, err := c.Ledger.Account(t.Context(), "payer")
	if err != nil {
		t.Fatal(err)
	}
	for a, err := range c.Agents.All(t.Context(), api.AgentsListRequest{}) {
		t.Errorf("agent %s is left, %v", a.ID, err)
	}
	purse, err := c.Ledger.Account(t.Context(), api.Account("payer", run, ""))
	if err != nil || purse.Available+purse.Held+main.Held != 0 {
		t.Errorf("in the purse %+v, in the main account %+v, %v", purse, main, err)
	}
	audit, err := as(c, economics.DefaultOperator).Ledger.Audit(t.Context())
	if err != nil || !audit.Agree {
		t.Errorf("%+v, %v", audit, err)
	}
	return had - main.Available
}

func TestATaskGoesToWhoeverAsksLeast(t *testing.T) {
	t.Parallel()
	const had, n = 1_000_000, 60
	c, j := rich(t, had)
	r, err := sell(t.Context(), t, c, j, "m1", values(n), had)
	stats, m := r.Stats(), r.Market()
	if err != nil || stats.Done != n-1 || stats.Failed != 1 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if paid := balanced(t, c, had, "m1"); paid != m.Paid || paid < 100*(n-1) || m.Unpaid != 1 || m.Left != had-paid {
		t.Errorf("%d were paid: %+v", paid, m)
	}
	tasks := 0
	for agent, e := range m.Earned {
		tasks += e.Tasks
		account, err := as(c, economics.DefaultOperator).Ledger.Account(t.Context(), api.Account(agent, "", ""))
		if err != nil || account.Available != e.Paid {
			t.Errorf("%s has %+v and was paid %d, %v", agent, account, e.Paid, err)
		}
	}
	if tasks != n-1 || len(m.Earned) != 2 {
		t.Errorf("%d tasks were paid for: %+v", tasks, m.Earned)
	}
	for agent, done := range stats.PerAgent {
		if e := m.Earned[agent]; done != e.Tasks && done != e.Tasks+1 {
			t.Errorf("%s did %d tasks and was paid for %d", agent, done, e.Tasks)
		}
	}
	// Again under the same id: nothing is announced, and nothing paid twice.
	again, err := sell(t.Context(), t, c, j, "m1", values(n), had)
	if err != nil || again.Stats().Resumed != n || again.Market().Tenders != 0 {
		t.Errorf("%+v, %+v, %v", again.Stats(), again.Market(), err)
	}
	if paid := balanced(t, c, had, "m1"); paid != m.Paid {
		t.Errorf("%d were paid after the repetition, %d before", paid, m.Paid)
	}
}

func TestAMarketThatIsInterrupted(t *testing.T) {
	t.Parallel()
	const had, n = 1_000_000, 400
	c, j := rich(t, had)
	j.Limits.MaxInflight = 40
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	var warned sync.Map
	r := run.New(run.Config{
		Client: c, Job: j, ID: "m1", Inputs: input.Expand([]string{"-"}, input.Options{Stdin: strings.NewReader(values(n))}), Market: &run.Market{Budget: had},
		Outcome: func() func(job.Outcome) error {
			seen := 0
			return func(job.Outcome) error {
				if seen++; seen == n/4 {
					close(begun)
				}
				return nil
			}
		}(),
		Warn: func(format string, _ ...any) { warned.Store(format, nil) },
	})
	go func() {
		select {
		case <-begun:
		case <-time.After(time.Minute):
		}
		cancel()
	}()
	if err := r.Do(ctx); err == nil {
		t.Fatal("the run was not interrupted")
	}
	told := false
	warned.Range(func(format, _ any) bool {
		told = told || strings.Contains(format.(string), "stays held")
		return true
	})
	if !told {
		t.Errorf("nobody was told that money is held: %v", &warned)
	}
	again, err := sell(t.Context(), t, c, j, "m1", values(n), had)
	if err != nil || again.Stats().Done != n-1 {
		t.Fatalf("%+v, %v", again.Stats(), err)
	}
	paid := balanced(t, c, had, "m1")
	if m := again.Market(); paid != m.Paid || m.Unpaid != 1 {
		t.Errorf("%d were paid: %+v", paid, m)
	}
}

func TestABudgetThatIsTooSmall(t *testing.T) {
	t.Parallel()
	const had, n = 5_000, 100
	c, j := rich(t, had)
	r, err := sell(t.Context(), t, c, j, "m1", values(n), had)
	if err == nil || !strings.Contains(err.Error(), "budget") {
		t.Fatalf("%v", err)
	}
	stats := r.Stats()
	if stats.Done == 0 || stats.Done == n-1 {
		t.Errorf("%+v", stats)
	}
	if paid := balanced(t, c, had, "m1"); paid != r.Market().Paid || paid > had {
		t.Errorf("%d were paid: %+v", paid, r.Market())
	}
}

func TestWhoCannotPayHearsHow(t *testing.T) {
	t.Parallel()
	c, j := rich(t, 0)
	_, err := sell(t.Context(), t, c, j, "m1", values(1), 100)
	if err == nil || !strings.Contains(err.Error(), "ledger mint payer") {
		t.Errorf("%v", err)
	}
	_, err = sell(t.Context(), t, as(c, ""), j, "m1", values(1), 100)
	if api.ReasonOf(err) != api.ReasonPrincipalMissing {
		t.Errorf("%v", err)
	}
	j.Agents[0].Ask = nil
	if _, err := as(c, economics.DefaultOperator).Ledger.Mint(t.Context(), api.MintRequest{To: "payer", Amount: 1000}); err != nil {
		t.Fatal(err)
	}
	if _, err = sell(t.Context(), t, c, j, "m2", values(1), 100); err == nil || !strings.Contains(err.Error(), "ask") {
		t.Errorf("%v", err)
	}
	if slices.Contains(j.Agents[0].Capabilities, "agent-") {
		t.Error("the job was changed")
	}
}

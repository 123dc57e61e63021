package hostile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A host speaks in nobody's name who has credentials. Where it was asked to, it goes on without, or says why it cannot.
func TestHostsDoWithoutNamesThatAreTaken(t *testing.T) {
	w := newWorld(t)
	w.serve(t, api.KindHost, agenthost.New(agenthost.Config{ID: "h9", Modules: []agent.Module{echo.Module}}))
	alice := w.client(t, api.KindAgent, names[api.KindAgent])
	t.Run("money", func(t *testing.T) {
		if spend.Collector != authz.Hosts {
			t.Errorf("money is held for %s, and only %s is kept free for hosts", spend.Collector, authz.Hosts)
		}
		if err := do(w.within(t), w.op, api.AccountsMint, api.MintRequest{To: "op", Amount: 9_000_000}); err != nil {
			t.Fatal(err)
		}
		set := api.BudgetSetRequest{Scope: api.BudgetJob, ID: "j", Cap: 1_000_000, Account: "op"}
		err := do(w.within(t), w.op, api.BudgetsSet, set)
		if api.CodeOf(err) != api.PermissionDenied || api.ReasonOf(err) != api.ReasonNotGranted || !strings.Contains(err.Error(), "op has credentials") {
			t.Errorf("the money of somebody who has credentials: %v", err)
		}
		if _, err := w.op.Budgets.Get(w.within(t), api.BudgetKey{Scope: api.BudgetJob, ID: "j"}); api.CodeOf(err) != api.NotFound {
			t.Errorf("a budget without money is there: %v", err)
		}
		if err := do(w.within(t), w.op, api.AllowancesSet, api.AllowanceSpec{ID: "hosts", Account: "op", Spender: authz.Hosts, Total: 2_000_000}); err != nil {
			t.Fatal(err)
		}
		set.Allowance = "hosts"
		if err := do(w.within(t), w.op, api.BudgetsSet, set); err != nil {
			t.Errorf("by an allowance: %v", err)
		}
		if b, err := w.op.Budgets.Get(w.within(t), api.BudgetKey{Scope: api.BudgetJob, ID: "j"}); err != nil || b.Held != 1_000_000 {
			t.Errorf("%+v, %v", b, err)
		}
		set.Cap = 5_000_000
		if err := do(w.within(t), w.op, api.BudgetsSet, set); api.CodeOf(err) != api.FailedPrecondition {
			t.Errorf("more than the allowance has: %v", err)
		}
		if err := do(w.within(t), w.op, api.BudgetsRemove, api.BudgetKey{Scope: api.BudgetJob, ID: "j"}); err != nil {
			t.Error(err)
		}
	})
	t.Run("commands", func(t *testing.T) {
		for n := range 12 { // some come to the host that is not meant, which passes them on
			got, err := w.op.Work.Isolate(w.within(t), api.IsolateRequest{Command: []string{"true"}, Host: []string{"h1", "h9"}[n%2]})
			if err != nil || got.Host != []string{"h1", "h9"}[n%2] {
				t.Errorf("%+v, %v", got, err)
			}
			err = do(w.within(t), w.op, api.WorkIsolate, api.IsolateRequest{Command: []string{"true"}, Host: []string{"h1", "h9"}[n%2]})
			if err != nil {
				t.Errorf("by any host: %v", err)
			}
		}
	})
	t.Run("an agent", func(t *testing.T) {
		spec := api.AgentSpec{ID: alice.Conn().Principal, Module: "echo"}
		err := do(w.within(t), w.op, api.HostedAgentsStart, api.AgentStartRequest{Agent: &spec})
		if err == nil || !strings.Contains(err.Error(), "alice has credentials of its own") {
			t.Errorf("a host runs an agent that has credentials of its own: %v", err)
		}
	})
	t.Run("casts", func(t *testing.T) { w.castsGoOn(t, alice) })
}

// castsGoOn stops an agent before which casts wait: they go to another with the capability, although they are those of somebody who has
// credentials.
func (w *world) castsGoOn(t *testing.T, alice *client.Client) {
	out := filepath.Join(t.TempDir(), "out")
	run := func(id, script string) {
		t.Helper()
		spec := api.AgentSpec{ID: id, Command: []string{"sh", "-c", script}, Capabilities: []string{"slow"}, Concurrency: 1, Shutdown: api.Duration(10 * time.Millisecond)}
		if _, err := w.op.Agents.Start(w.within(t), api.AgentStartRequest{Agent: &spec}); err != nil {
			t.Fatal(err)
		}
	}
	run("deaf", `while IFS= read -r line; do :; done`)
	for range 3 {
		if err := alice.CastCapability(w.within(t), "slow", 1); err != nil {
			t.Fatal(err)
		}
	}
	run("hears", `while IFS= read -r line; do case $line in '{"type":"message"'*) id=${line#*\"id\":\"}; id=${id%%\"*}
echo heard >>'`+out+`'; printf '{"type":"result","id":"%s"}\n' "$id" ;; esac; done`)
	if _, err := w.op.Agents.Stop(w.within(t), "deaf"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		text, err := os.ReadFile(out)
		return err == nil && strings.Count(string(text), "heard") >= 2 // the first was the deaf one's
	}, "the casts that waited are heard")
}

// Package contract_test holds what every deployment of Mabus owes its clients, written once against the SDK and run against
// one process, several replicas, a NATS cluster, and the real program in several processes.
package contract_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// patience bounds what a loaded machine may take for something that should come at once.
const patience = 30 * time.Second

// factory returns a client of the deployment; principal is empty for nobody in particular.
type factory func(t testing.TB, principal string) *client.Client

// suite runs all checks. They use ids of their own, so that they run at the same time.
func suite(t *testing.T, connect factory) {
	for name, check := range map[string]func(t *testing.T, c *client.Client){
		"one registration of many wins":  oneRegistration,
		"reads after writes":             readsAfterWrites,
		"discovery":                      discovery,
		"pages":                          pages,
		"update by revision":             updateByRevision,
		"request ids":                    requestIDs,
		"life of an agent":               lifeOfAnAgent,
		"one start of many wins":         oneStart,
		"what nobody has":                whatNobodyHas,
		"crash and restart":              crashAndRestart,
		"casts come before later calls":  castsBeforeCalls,
		"any and all with a capability":  anyAndAll,
		"large bodies":                   largeBodies,
		"tasks are done once":            tasksDoneOnce,
		"tasks fail, are cancelled":      tasksEndOtherwise,
		"a task id is one task for good": taskIDs,
		"bad requests are refused":       badRequests,
		"sessions are held":              sessionsAreHeld,
		"variables are agreed on":        variablesAreAgreed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, connect(t, ""))
		})
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func wantError(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
}

func start(t testing.TB, c *client.Client, spec api.AgentSpec) *api.Agent {
	t.Helper()
	a, err := c.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec})
	if err != nil || a.Status != api.AgentRunning {
		t.Fatalf("start %s: %+v, %v", spec.ID, a, err)
	}
	return a
}

// shell is the program of an agent in sh. For each message it runs body, with the message's id in $id and its payload in
// $payload; $n is the agent's own number.
func shell(body string) []string {
	return []string{"sh", "-c", `n=0; while IFS= read -r line; do
case $line in '{"type":"message"'*) ;; *) continue ;; esac
id=${line#*\"id\":\"}; id=${id%%\"*}; payload=${line#*\"payload\":}; payload=${payload%\}}
` + body + `
done`}
}

const reply = `printf '{"type":"result","id":"%s","payload":%s}\n' "$id" `

// race calls f many times at once and counts its successes; every error must have the code and reason.
func race(t *testing.T, code api.Code, reason string, f func() error) (won int64) {
	t.Helper()
	var count atomic.Int64
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if err := f(); err == nil {
				count.Add(1)
			} else {
				wantError(t, err, code, reason)
			}
		})
	}
	wg.Wait()
	return count.Load()
}

func oneRegistration(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	if won := race(t, api.Conflict, api.ReasonAlreadyRegistered, func() error {
		_, err := c.Agents.Register(ctx, api.AgentSpec{ID: "one"})
		return err
	}); won != 1 {
		t.Errorf("%d registrations won", won)
	}
}

func readsAfterWrites(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	for n := range 20 {
		made, err := c.Agents.Register(ctx, api.AgentSpec{ID: fmt.Sprintf("raw%d", n), Capabilities: []string{"raw"}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Agents.Get(ctx, api.GetRequest{ID: made.ID, MinRevision: made.Revision})
		if err != nil || got.Revision != made.Revision {
			t.Fatalf("%+v, %v", got, err)
		}
		list, err := c.Agents.List(ctx, api.AgentsListRequest{Capabilities: []string{"raw"}, MinRevision: made.Revision})
		if err != nil || len(list.Agents) != n+1 {
			t.Fatalf("%d agents, %v; want %d", len(list.Agents), err, n+1)
		}
	}
}

func discovery(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	revision := ""
	for id, capabilities := range map[string][]string{
		"worker1": {"computation", "parallel_processing"}, "worker2": {"nlp", "text_processing"}, "hybrid": {"computation", "nlp"},
	} {
		a, err := c.Agents.Register(ctx, api.AgentSpec{ID: id, Type: "discovered", Capabilities: capabilities})
		if err != nil {
			t.Fatal(err)
		}
		revision = a.Revision
	}
	for _, row := range []struct{ capabilities, want string }{
		{"computation", "hybrid worker1"}, {"computation nlp", "hybrid"}, {"unknown", ""}, {"", "hybrid worker1 worker2"},
	} {
		var ids []string
		for a, err := range c.Agents.All(ctx, api.AgentsListRequest{Type: "discovered", Capabilities: strings.Fields(row.capabilities), MinRevision: revision}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, a.ID)
		}
		if got := strings.Join(ids, " "); got != row.want {
			t.Errorf("%q: %q, want %q", row.capabilities, got, row.want)
		}
	}
}

func pages(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	var specs []api.AgentSpec
	for n := range 120 {
		specs = append(specs, api.AgentSpec{ID: fmt.Sprintf("page%03d", n), Type: "paged"})
	}
	results, err := c.Agents.RegisterMany(ctx, specs)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Error != nil {
			t.Fatal(r.Error)
		}
	}
	last, err := c.Agents.Update(ctx, api.AgentUpdateRequest{ID: "page119", Tags: &[]string{"last"}})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for a, err := range c.Agents.All(ctx, api.AgentsListRequest{Type: "paged", Limit: 50, MinRevision: last.Revision}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	if len(ids) != 120 || !slices.IsSorted(ids) {
		t.Errorf("%d agents, in order: %v", len(ids), slices.IsSorted(ids))
	}
}

func updateByRevision(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	first, err := c.Agents.Register(ctx, api.AgentSpec{ID: "updated"})
	if err != nil {
		t.Fatal(err)
	}
	if won := race(t, api.Conflict, api.ReasonRevisionMismatch, func() error {
		_, err := c.Agents.Update(ctx, api.AgentUpdateRequest{ID: "updated", Metadata: json.RawMessage(fmt.Sprintf(`{"at":%d}`, time.Now().UnixNano())), Revision: first.Revision})
		return err
	}); won != 1 {
		t.Errorf("%d updates of one revision won", won)
	}
}

func requestIDs(t *testing.T, c *client.Client) {
	ctx := client.WithRequestID(within(t, patience), "contract-request")
	first, err := c.Agents.Register(ctx, api.AgentSpec{ID: "repeated"})
	if err != nil {
		t.Fatal(err)
	}
	if won := race(t, "", "", func() error {
		again, err := c.Agents.Register(ctx, api.AgentSpec{ID: "repeated"})
		if err == nil && again.Revision != first.Revision {
			t.Errorf("another answer: %+v", again)
		}
		return err
	}); won != 12 {
		t.Errorf("%d repetitions were answered", won)
	}
	_, err = c.Agents.Register(ctx, api.AgentSpec{ID: "other"})
	wantError(t, err, api.Conflict, api.ReasonRequestReused)
}

func lifeOfAnAgent(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	if _, err := c.Agents.Register(ctx, api.AgentSpec{ID: "life", Module: "echo"}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Agents.Stop(ctx, "life")
	wantError(t, err, api.FailedPrecondition, api.ReasonNotRunning)
	for epoch := range uint64(3) {
		a, err := c.Agents.Restart(ctx, "life")
		if err != nil || a.Status != api.AgentRunning || a.Epoch != epoch+1 {
			t.Fatalf("%+v, %v", a, err)
		}
		if got, err := c.Call(ctx, "life", epoch); err != nil || string(got) != fmt.Sprint(epoch) {
			t.Fatalf("%s, %v", got, err)
		}
		state, err := c.Agents.Status(ctx, "life")
		if err != nil || state.Live == nil || state.Live.Handled != 1 {
			t.Fatalf("%+v, %v", state, err)
		}
	}
	if a, err := c.Agents.Stop(ctx, "life"); err != nil || a.Status != api.AgentStopped {
		t.Fatalf("%+v, %v", a, err)
	}
	_, err = c.Call(ctx, "life", 1)
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
	if existed, err := c.Agents.Deregister(ctx, "life"); err != nil || !existed {
		t.Errorf("deregister: %v, %v", existed, err)
	}
}

func oneStart(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	if _, err := c.Agents.Register(ctx, api.AgentSpec{ID: "started", Module: "echo"}); err != nil {
		t.Fatal(err)
	}
	if won := race(t, api.Conflict, api.ReasonAlreadyRunning, func() error {
		_, err := c.Agents.Start(ctx, api.AgentStartRequest{ID: "started"})
		return err
	}); won != 1 {
		t.Errorf("%d starts won", won)
	}
}

func whatNobodyHas(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	_, err := c.Call(ctx, "nobody", 1)
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
	wantError(t, c.Cast(ctx, "nobody", 1), api.NotFound, api.ReasonAgentNotFound)
	_, err = c.CallCapability(ctx, "nobodys", 1)
	wantError(t, err, api.Unavailable, api.ReasonNoAgent)
	_, err = c.Agents.Start(ctx, api.AgentStartRequest{ID: "nobody"})
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
	_, err = c.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "nothing", Module: "nothing"}})
	wantError(t, err, api.FailedPrecondition, api.ReasonModuleNotFound)
	_, err = c.Tasks.Get(ctx, api.TaskGetRequest{ID: "nothing"})
	wantError(t, err, api.NotFound, api.ReasonTaskNotFound)
}

func crashAndRestart(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	start(t, c, api.AgentSpec{ID: "crasher", Command: shell(`case $payload in '"die"') exit 3 ;; esac; ` + reply + `"$payload"`)})
	_, err := c.Call(ctx, "crasher", "die")
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	if got, err := c.Call(ctx, "crasher", "alive"); err != nil || string(got) != `"alive"` {
		t.Errorf("after the crash: %s, %v", got, err)
	}
	natstest.Eventually(t, patience, func() bool {
		a, err := c.Agents.Get(ctx, api.GetRequest{ID: "crasher"})
		return err == nil && a.Status == api.AgentRunning && a.Restarts == 1
	}, "one restart is on record")
}

func castsBeforeCalls(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	start(t, c, api.AgentSpec{ID: "counter", Concurrency: 4, Command: shell(`case $payload in '"add"') n=$((n+1)) ;; esac; ` + reply + `$n`)})
	for n := range 20 {
		if err := c.Cast(ctx, "counter", "add"); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Call(ctx, "counter", "get"); err != nil || string(got) != fmt.Sprint(n+1) {
			t.Fatalf("after %d casts: %s, %v", n+1, got, err)
		}
	}
}

func anyAndAll(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	for n := range 3 {
		start(t, c, api.AgentSpec{ID: fmt.Sprintf("many%d", n), Capabilities: []string{"many"}, Command: shell(reply + fmt.Sprint(n))})
	}
	seen := map[string]int{}
	for range 100 {
		got, err := c.CallCapability(ctx, "many", nil)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(got)]++
	}
	if len(seen) != 3 {
		t.Errorf("answers: %v", seen)
	}
	natstest.Eventually(t, patience, func() bool {
		answers, want, err := c.CallAll(ctx, "many", nil)
		return err == nil && want == 3 && len(answers) == 3
	}, "all three answer")
}

func largeBodies(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	start(t, c, api.AgentSpec{ID: "large", Module: "echo"})
	want := `"` + strings.Repeat("x", 3<<20) + `"`
	natstest.Eventually(t, patience, func() bool { // the object store is made at its first use, and is then without a leader for a moment
		got, err := c.Call(ctx, "large", json.RawMessage(want))
		if err != nil && api.CodeOf(err) != api.Unavailable || err == nil && string(got) != want {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		return err == nil
	}, "a large body comes back")
}

func badRequests(t *testing.T, c *client.Client) {
	for subject, body := range map[string]string{
		"mabus.registry.agents.get":       `{"id":"a","colour":"red"}`,
		"mabus.registry.agents.register":  `{"id":"a b"}`,
		"mabus.agenthost.agents.start":    `{}`,
		"mabus.agenthost.tasks.submit":    `{"capability":7}`,
		"mabus.agenthost.tasks.get":       `junk`,
		"mabus.registry.services.waitfor": ``,
	} {
		msg, err := c.Conn().NC.RequestWithContext(within(t, patience), subject, []byte(body))
		if strings.HasSuffix(subject, "waitfor") {
			if err == nil {
				t.Errorf("%s: there is no such method, and it answers %s", subject, msg.Data)
			}
			continue
		}
		if err != nil || msg.Header.Get(api.HeaderErrorCode) != string(api.Invalid) {
			t.Errorf("%s %s: %v, %v", subject, body, msg, err)
		}
	}
}

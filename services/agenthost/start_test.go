package agenthost_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

var runtimes = []api.AgentSpec{
	{ID: "native", Module: "echo"},
	{ID: "exec", Command: []string{"sh", "../../examples/exec/echo.sh"}},
}

func TestLifeOfAnAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	for _, spec := range runtimes {
		t.Run(spec.ID, func(t *testing.T) {
			id, ctx := spec.ID, within(t, patience)
			if _, err := w.Agents.Register(ctx, spec); err != nil {
				t.Fatal(err)
			}
			_, err := w.Agents.Stop(ctx, id)
			wantError(t, err, api.FailedPrecondition, api.ReasonNotRunning)
			state, err := w.Agents.Status(ctx, id)
			if err != nil || state.Live != nil || state.Agent.Status != api.AgentRegistered {
				t.Fatalf("status of a registered agent: %+v, %v", state, err)
			}
			restarted, err := w.Agents.Restart(ctx, id)
			if err != nil || restarted.Status != api.AgentRunning || restarted.Host != "h1" || restarted.Epoch != 1 {
				t.Fatalf("restart of a registered agent: %+v, %v", restarted, err)
			}
			w.ask(t, id, "hello world", `"hello world"`)
			_, err = w.Agents.Start(ctx, api.AgentStartRequest{ID: id})
			wantError(t, err, api.Conflict, api.ReasonAlreadyRunning)
			before, err := w.Agents.Status(ctx, id)
			if err != nil || before.Live == nil || before.Live.Handled != 1 {
				t.Fatalf("status: %+v, %v", before, err)
			}
			if restarted, err = w.Agents.Restart(ctx, id); err != nil || restarted.Epoch != 2 || restarted.Restarts != 0 {
				t.Fatalf("restart of a running agent: %+v, %v", restarted, err)
			}
			after, err := w.Agents.Status(ctx, id)
			if err != nil || after.Live == nil || after.Live.Handled != 0 || !after.Live.StartedAt.After(before.Live.StartedAt) {
				t.Fatalf("status after the restart: %+v, %v", after, err)
			}
			if spec.Module == "" && (after.Live.PID == 0 || after.Live.PID == before.Live.PID) {
				t.Errorf("process %d follows process %d", after.Live.PID, before.Live.PID)
			}
			stopped, err := w.Agents.Stop(ctx, id)
			if err != nil || stopped.Status != api.AgentStopped {
				t.Fatalf("stop: %+v, %v", stopped, err)
			}
			_, err = w.Call(ctx, id, "hello")
			wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
			started, err := w.Agents.Start(ctx, api.AgentStartRequest{ID: id})
			if err != nil || started.Status != api.AgentRunning {
				t.Fatalf("start after stop: %+v, %v", started, err)
			}
			w.ask(t, id, []int{1, 2}, `[1,2]`)
		})
	}
}

func TestUnknownAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	ctx := within(t, patience)
	_, start := w.Agents.Start(ctx, api.AgentStartRequest{ID: "nobody"})
	_, stop := w.Agents.Stop(ctx, "nobody")
	_, restart := w.Agents.Restart(ctx, "nobody")
	_, state := w.Agents.Status(ctx, "nobody")
	_, call := w.Call(ctx, "nobody", 1)
	for _, err := range []error{start, stop, restart, state, call, w.Cast(ctx, "nobody", 1)} {
		wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
	}
	_, err := w.CallCapability(ctx, "nothing", 1)
	wantError(t, err, api.Unavailable, api.ReasonNoAgent)
	_, err = w.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "a", Module: "nothing"}})
	wantError(t, err, api.FailedPrecondition, api.ReasonModuleNotFound)
	_, err = w.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "a", Module: "echo"}, Host: "nowhere"})
	wantError(t, err, api.NotFound, api.ReasonHostNotFound)
	_, err = w.Agents.Get(ctx, api.GetRequest{ID: "a"})
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound) // what no host can run is not registered
}

func TestOneOfManyStartsWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.standard(t, "h2")
	for round := range 5 {
		id := fmt.Sprintf("a%d", round)
		if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: id, Module: "echo"}); err != nil {
			t.Fatal(err)
		}
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				switch _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{ID: id}); {
				case err == nil:
					won.Add(1)
				case api.CodeOf(err) == api.Conflict && api.ReasonOf(err) == api.ReasonAlreadyRunning:
					lost.Add(1)
				default:
					t.Errorf("start %s: %v", id, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 15 {
			t.Errorf("%s: %d starts won and %d lost, want 1 and 15", id, won.Load(), lost.Load())
		}
		w.ask(t, id, round, fmt.Sprint(round))
	}
}

func TestManyStartsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.standard(t, "h2")
	var wg sync.WaitGroup
	for n := range 30 {
		wg.Go(func() {
			spec := api.AgentSpec{ID: fmt.Sprintf("a%d", n), Module: "echo"}
			if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for n := range 30 {
		w.ask(t, fmt.Sprintf("a%d", n), n, fmt.Sprint(n))
	}
	natstest.Eventually(t, patience, func() bool {
		st, err := w.Agents.Stats(t.Context())
		return err == nil && st.ByStatus[api.AgentRunning] == 30
	}, "30 agents run")
}

func TestPlacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPuppet()
	w.host(t, agenthost.Config{ID: "small", Modules: []agent.Module{echo.Module}, MaxAgents: 1})
	w.host(t, agenthost.Config{ID: "other", Modules: []agent.Module{p.module("puppet")}, MaxAgents: 3})
	for n := range 3 { // whichever host is asked, the one that has the module gets it
		if a := w.start(t, api.AgentSpec{ID: fmt.Sprintf("p%d", n), Module: "puppet"}); a.Host != "other" {
			t.Errorf("%s runs on %s", a.ID, a.Host)
		}
	}
	ctx := within(t, patience)
	start := func(id, module, host string) error {
		_, err := w.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: module}, Host: host})
		return err
	}
	for range 8 {
		wantError(t, start("full", "puppet", ""), api.Overloaded, api.ReasonHostFull)
	}
	wantError(t, start("full", "puppet", "small"), api.FailedPrecondition, api.ReasonModuleNotFound)
	if err := start("e1", "echo", "small"); err != nil {
		t.Fatal(err)
	}
	wantError(t, start("e2", "echo", "small"), api.Overloaded, api.ReasonHostFull)
	_, err := w.Agents.Start(ctx, api.AgentStartRequest{ID: "e1", Host: "small"})
	wantError(t, err, api.Conflict, api.ReasonAlreadyRunning)
	if _, err := w.Agents.Stop(ctx, "e1"); err != nil {
		t.Fatal(err)
	}
	if err := start("e2", "echo", "small"); err != nil {
		t.Fatal(err)
	}
}

// A host never takes more than its limit, however many starts come at once.
func TestHostLimitHoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module}, MaxAgents: 5})
	var won atomic.Int64
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			_, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &api.AgentSpec{ID: fmt.Sprintf("a%d", n), Module: "echo"}})
			if err == nil {
				won.Add(1)
			} else if api.ReasonOf(err) != api.ReasonHostFull {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 5 {
		t.Errorf("%d agents were started, want 5", won.Load())
	}
}

func TestStartThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	for name, c := range map[string]struct {
		spec api.AgentSpec
		says string
	}{
		"no-program": {api.AgentSpec{Command: []string{"./there-is-no-such-program"}}, "could not be started"},
		"not-found":  {api.AgentSpec{Command: []string{"there-is-no-such-program"}}, "was not found"},
		"unready":    {api.AgentSpec{Command: []string{"sh", "-c", "echo broken >&2; exit 3"}, Config: []byte(`{"wait_ready":true}`)}, "exit status 3"},
		"panic":      {api.AgentSpec{Module: "puppet", Config: []byte(`{"start":"panic"}`)}, "panicked"},
		"error":      {api.AgentSpec{Module: "puppet", Config: []byte(`{"start":"fail"}`)}, "not today"},
		"nothing":    {api.AgentSpec{Module: "puppet", Config: []byte(`{"start":"nothing"}`)}, "made no agent"},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.ID = name
			ctx := within(t, patience)
			_, err := w.Agents.Start(ctx, api.AgentStartRequest{Agent: &c.spec})
			wantError(t, err, api.FailedPrecondition, api.ReasonStartFailed)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			a := w.eventually(t, name, status(api.AgentFailed), "the agent is failed")
			if !strings.HasPrefix(a.Reason, api.ReasonStartFailed+": ") || !strings.Contains(a.Reason, c.says) {
				t.Errorf("reason: %s", a.Reason)
			}
			_, err = w.Agents.Start(ctx, api.AgentStartRequest{ID: name}) // again, from failed
			wantError(t, err, api.FailedPrecondition, api.ReasonStartFailed)
			_, err = w.Agents.Stop(ctx, name)
			wantError(t, err, api.FailedPrecondition, api.ReasonNotRunning)
		})
	}
}

// A start may find a host dead, and another that is just about to come: it waits a moment for that one too.
func TestAStartThatMeetsADeadHostFirst(t *testing.T) {
	t.Parallel()
	const rounds = 5 // of which one has to be quick enough
	w := newWorld(t)
	h := w.host(t, counted("h1"))
	conn, tag := w.Conn(), func(round int) string { return fmt.Sprint("tag", round) }
	tags := make([]string, rounds)
	for i := range tags {
		tags[i] = tag(i)
	}
	gone := api.Host{ID: "gone", Lease: w.silentHost(t, "gone"), Modules: []string{"counting"}, MaxAgents: 10, Tags: tags}
	if _, err := w.Hosts.Register(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	round, came := 0, make(chan error, 1)
	for subject, answer := range map[string]func(m *nats.Msg){
		"ping": func(m *nats.Msg) { _ = conn.Reply(t.Context(), m.Reply, []byte("{}")) },
		"agents.start": func(m *nats.Msg) {
			_ = conn.ReplyError(m.Reply, api.Errorf(api.NotFound, "it is dead").WithReason(api.ReasonHostNotFound))
			come := api.Host{ID: "h1", Lease: h.lease.ID(), Modules: []string{"counting"}, MaxAgents: 10, Tags: []string{tag(round)}}
			_, err := w.Hosts.Register(t.Context(), come)
			came <- err
		},
	} {
		sub, err := conn.NC.Subscribe(api.HostSubject(conn.Namespace, "gone", subject), answer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Unsubscribe() })
	}
	for ; round < rounds; round++ {
		spec := api.AgentSpec{ID: fmt.Sprint("a", round), Module: "counting", Placement: &api.Placement{Tags: []string{tag(round)}}}
		a, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec})
		select {
		case cerr := <-came:
			if cerr != nil {
				t.Fatal(cerr)
			}
		case <-within(t, patience).Done():
			t.Fatal("the dead host was not asked")
		}
		if err == nil && a.Host == "h1" {
			return
		}
		t.Log(a, err)
	}
	t.Error("no start has waited for the host that came")
}

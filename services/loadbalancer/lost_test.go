package loadbalancer_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// fakeHost is a host as far as the registry knows. It returns the host's lease.
func (w *world) fakeHost(t *testing.T, id string) (lease string) {
	t.Helper()
	l, err := w.OpenLease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	pings, err := w.Conn().NC.Subscribe(api.HostSubject("mabus", id, "ping"), func(m *nats.Msg) { _ = m.Respond(nil) }) // or it is taken for dead
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pings.Unsubscribe() })
	if _, err := rpc.Call(t.Context(), w.Conn(), api.HostsRegister, &api.Host{ID: id, Lease: l.ID(), Modules: []string{"teller"}}); err != nil {
		t.Fatal(err)
	}
	return l.ID()
}

// The answer to a move is lost: what counts is where the agent runs.
func TestAMoveWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	leases := map[string]string{"h1": w.fakeHost(t, "h1"), "h2": w.fakeHost(t, "h2")}
	claim := func(id, host string, epoch uint64) error {
		a, err := w.Agents.Transition(t.Context(), api.AgentTransitionRequest{
			ID: id, Status: api.AgentStarting, Host: host, HostLease: leases[host], Epoch: epoch, HandOver: epoch > 0,
		})
		if err == nil {
			_, err = w.Agents.Transition(t.Context(), api.AgentTransitionRequest{ID: id, Status: api.AgentRunning, Epoch: a.Epoch})
		}
		return err
	}
	p := api.Plan{Request: byAgents, Hosts: []api.PlanHost{}}
	for _, id := range []string{"moves", "stays"} {
		if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: id, Module: "teller"}); err != nil {
			t.Fatal(err)
		}
		if err := claim(id, "h1", 0); err != nil {
			t.Fatal(err)
		}
		p.Moves = append(p.Moves, api.PlanMove{Agents: []string{id}, From: "h1", To: "h2"})
	}
	w.known(t, 2)
	hosts := rpc.NewServer(w.dial(t, ""), rpc.ServerConfig{Service: "agenthost", Version: "0.0.0"})
	rpc.Handle(hosts, api.HostedAgentsMove, func(_ context.Context, r *api.AgentMoveRequest) (*api.Agent, error) {
		if r.ID == "moves" {
			if err := claim(r.ID, r.Host, 1); err != nil {
				t.Error(err)
			}
		}
		return nil, api.Errorf(api.DeadlineExceeded, "no answer in time").WithReason(api.ReasonTimeout).MaybeExecuted()
	})
	if err := hosts.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = hosts.Stop(ctx)
	})
	run, err := w.Balancer.Run(t.Context(), api.PlanRunRequest{Plan: &p})
	if err != nil {
		t.Fatal(err)
	}
	end := w.ended(t, run.ID)
	if end.Moved != 1 || end.Failed != 1 || end.Plan.Moves[0].Status != api.MoveMoved || end.Plan.Moves[1].Status != api.MoveFailed {
		t.Errorf("%+v", end)
	}
}

// A reply subject that is used again as soon as it is answered has each message answered, be it that nobody listens: what the server says
// of one message must not go to where the router waited for the one before.
func TestAReplySubjectThatIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.tell(t, 1, api.AgentSpec{})
	nc := w.srv.Connect(t)
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]int{}
	for i := range 500 {
		for _, capability := range []string{"x", "nobody-has-it"} {
			if err := nc.PublishRequest(api.BalancedSubject("mabus", capability), inbox, []byte(`{}`)); err != nil {
				t.Fatal(err)
			}
			m, err := answers.NextMsg(patience)
			if err != nil {
				t.Fatalf("message %d for %s: %v after %v", i, capability, err, reasons)
			}
			reasons[m.Header.Get(api.HeaderErrorCode)]++
		}
	}
	if reasons[""] == 0 || reasons[string(api.Unavailable)] == 0 {
		t.Errorf("%v proves nothing", reasons)
	}
}

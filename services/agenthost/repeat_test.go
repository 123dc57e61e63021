package agenthost_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// refusing is a host whose messages pass a proxy.
func (w *world) refusing(t testing.TB, cfg agenthost.Config, refuse func(subject string) natstest.Refusal) {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: natstest.Refuse(t, w.srv.URL(), refuse), Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	w.hostOn(t, conn, cfg)
}

// A host that has come is found, however long the one that is asked has not heard of it.
func TestAHostIsFoundBeforeItIsHeardOf(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, w *world) (*api.Agent, error){
		"start": func(ctx context.Context, w *world) (*api.Agent, error) {
			spec := puppetSpec("b")
			spec.Placement = &api.Placement{Hosts: []string{"h2"}}
			return w.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec})
		},
		"move": func(ctx context.Context, w *world) (*api.Agent, error) {
			return w.Agents.Move(ctx, api.AgentMoveRequest{ID: "a", Host: "h2"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p := newWorld(t), newPuppet()
			var deaf atomic.Bool
			w.refusing(t, agenthost.Config{ID: "h1", Modules: []agent.Module{p.module("puppet")}}, func(subject string) natstest.Refusal {
				if deaf.Load() && strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG.NEXT.KV_mabus_hosts.") {
					return natstest.Swallow
				}
				return natstest.Pass
			})
			w.start(t, puppetSpec("a"))
			deaf.Store(true)
			stream, err := w.Conn().JS.Stream(t.Context(), "KV_mabus_hosts")
			if err != nil {
				t.Fatal(err)
			}
			for consumer := range stream.ConsumerNames(t.Context()).Name() { // what h1 waits for does not come any more; the others ask again
				if consumer != api.OutboxConsumer {
					if err := stream.DeleteConsumer(t.Context(), consumer); err != nil {
						t.Fatal(err)
					}
				}
			}
			w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{p.module("puppet")}})
			time.AfterFunc(time.Second, func() { deaf.Store(false) })
			if a, err := do(within(t, patience), w); err != nil || a.Host != "h2" {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// losing loses the first answer of a request that a host would keep, once it is told to.
func losing(on, lost *atomic.Bool) func(subject string) natstest.Refusal {
	var seen sync.Map
	return func(subject string) natstest.Refusal {
		if !on.Load() || !strings.HasPrefix(subject, "$KV.mabus_requests.") {
			return natstest.Pass
		}
		if _, again := seen.LoadOrStore(subject, true); again && lost.CompareAndSwap(false, true) {
			return natstest.Swallow
		}
		return natstest.Pass
	}
}

// A start and a restart whose answers could not be kept are asked for again: neither happens twice, nor is it refused then. The host has no
// place for another agent meanwhile.
func TestAnswersThatWereNotKept(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, w *world) (*api.Agent, error){
		"start": func(ctx context.Context, w *world) (*api.Agent, error) {
			return w.Agents.Start(ctx, api.AgentStartRequest{ID: "a"})
		},
		"restart": func(ctx context.Context, w *world) (*api.Agent, error) { return w.Agents.Restart(ctx, "a") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPuppet()
			var on, lost atomic.Bool
			w.refusing(t, agenthost.Config{ID: "h1", Modules: []agent.Module{p.module("puppet")}, MaxAgents: 1}, losing(&on, &lost))
			if _, err := w.Agents.Register(t.Context(), puppetSpec("a")); err != nil {
				t.Fatal(err)
			}
			on.Store(true)
			for !lost.Load() {
				_, _ = do(client.WithRequestID(within(t, 2*time.Second), "r1"), w)
			}
			var a *api.Agent
			natstest.Eventually(t, patience, func() bool {
				var err error
				a, err = do(client.WithRequestID(within(t, patience), "r1"), w)
				switch api.CodeOf(err) {
				case "", api.Unavailable, api.Cancelled, api.DeadlineExceeded: // the end of the first request may hit the next one of its id
					return err == nil
				}
				t.Fatal(err)
				return false
			}, "it has an answer")
			if a.Status != api.AgentRunning || a.Epoch != 1 || p.made.Load() != 1 {
				t.Errorf("it is %s with epoch %d, and %d instances were made", a.Status, a.Epoch, p.made.Load())
			}
		})
	}
}

// While the host of an agent does not answer, nobody is told that the agent is stopped; but once it is lost with its host.
func TestAStopThatNoHostHears(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	leaseID := w.silentHost(t, "away")
	runs := func(id string) (claim api.AgentTransitionRequest) {
		t.Helper()
		if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: id, Module: "counting"}); err != nil {
			t.Fatal(err)
		}
		claim = api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, Host: "away", HostLease: leaseID}
		a, err := w.Agents.Transition(t.Context(), claim)
		if err != nil {
			t.Fatal(err)
		}
		claim.Epoch, claim.Status = a.Epoch, api.AgentRunning
		if _, err := w.Agents.Transition(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
		return claim
	}
	runs("a")
	if a, err := w.Agents.Stop(within(t, 2*time.Second), "a"); err == nil {
		t.Errorf("it was said to be stopped, and is %s on %s", a.Status, a.Host)
	}
	claim := runs("b")
	over := make(chan struct{})
	go func() {
		defer close(over)
		if a, err := w.Agents.Stop(within(t, patience), "b"); err != nil || a.Status.Active() || a.Wanted {
			t.Errorf("%+v, %v", a, err)
		}
	}()
	w.eventually(t, "b", func(a *api.Agent) bool { return !a.Wanted }, "it shall not run any more")
	claim.Status = api.AgentFailed
	if _, err := w.Agents.Transition(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	<-over
}

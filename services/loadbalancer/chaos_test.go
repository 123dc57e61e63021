package loadbalancer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// While senders send on, routers die in the middle of what they do, others begin, agents move, and the server starts anew. Each message
// reaches an agent at most once, and what was answered was handled.
func TestAMessageReachesAnAgentAtMostOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.anyMachine(t)
	var mu sync.Mutex
	seen := map[int]int{}
	count := countingModule(func(n int) {
		mu.Lock()
		defer mu.Unlock()
		seen[n]++
	})
	for _, id := range []string{"h1", "h2"} {
		w.host(t, agenthost.Config{ID: id, Modules: []agent.Module{count}})
	}
	for i := range 4 {
		w.start(t, api.AgentSpec{ID: fmt.Sprint("c", i), Module: "count", Capabilities: []string{"x"}, Concurrency: 10}, "h1")
	}
	w.outside(t, 2, "x") // for whom nobody listens
	w.known(t, 6)
	var next, answered atomic.Int64
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for sender := range 8 {
		conn := w.srv.Connect(t, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
		senders.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := int(next.Add(1))
				body, _ := codec.Marshal(order{N: n, Wait: api.Duration(time.Millisecond)})
				msg := &nats.Msg{Subject: api.BalancedSubject("mabus", "x"), Data: body, Header: nats.Header{api.HeaderTimeout: {"1s"}}}
				if sender == 0 && n%2 == 0 { // a cast
					_ = conn.PublishMsg(msg)
					continue
				}
				m, err := conn.RequestMsg(msg, time.Second)
				if err != nil || m.Header.Get(api.HeaderErrorCode) != "" {
					continue
				}
				answered.Add(1)
				mu.Lock()
				if seen[n] != 1 {
					t.Errorf("message %d was answered and handled %d times", n, seen[n])
				}
				mu.Unlock()
			}
		})
	}
	more := func(n int64) {
		t.Helper()
		goal := answered.Load() + n
		natstest.Eventually(t, 2*patience, func() bool { return answered.Load() >= goal }, "messages are answered")
	}
	more(300)
	w.replicas[0].cut()
	more(300)
	w.replica(t, loadbalancer.Config{})
	for i := range 4 {
		if _, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: fmt.Sprint("c", i), Host: "h2"}); err != nil {
			t.Error(err)
		}
	}
	more(300)
	w.srv.Restart(t)
	more(300)
	w.replicas[1].stop(t)
	more(300)
	close(stop)
	senders.Wait()
	mu.Lock()
	defer mu.Unlock()
	for n, times := range seen {
		if times > 1 {
			t.Errorf("message %d was handled %d times", n, times)
		}
	}
	t.Logf("%d sent, %d answered, %d handled", next.Load(), answered.Load(), len(seen))
}

// Of two plans at once one runs; its agents are asked to move by others as well, and a replica dies meanwhile. In the end each agent runs on
// one host, and the plan has ended.
func TestPlansAndMovesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.host(t, agenthost.Config{ID: "h3", Modules: []agent.Module{w.tellers(&sync.Map{})}}) // first, so that the others know it from the start
	w.lopsided(t, 8)
	var begun, refused atomic.Int64
	var run atomic.Pointer[api.PlanRun]
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			r, err := w.Balancer.Run(within(t, patience), api.PlanRunRequest{PlanRequest: byAgents})
			switch {
			case err == nil:
				begun.Add(1)
				run.Store(r)
			case api.ReasonOf(err) == api.ReasonPlanRunning:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	for i := range 8 {
		for range 2 {
			group.Go(func() {
				_, err := w.Agents.Move(within(t, patience), api.AgentMoveRequest{ID: fmt.Sprintf("t%02d", i), Host: fmt.Sprint("h", 1+i%3)})
				if code := api.CodeOf(err); err != nil && code != api.Conflict && code != api.Unavailable && code != api.FailedPrecondition && code != api.Overloaded {
					t.Errorf("t%02d: %v", i, err)
				}
			})
		}
	}
	group.Wait()
	if begun.Load() == 0 || run.Load() == nil {
		t.Fatalf("%d plans, %d refused", begun.Load(), refused.Load())
	}
	w.replicas[0].cut()
	var end *api.PlanRun
	natstest.Eventually(t, patience, func() bool { // the server may not know yet that the replica is gone
		var err error
		end, err = w.Balancer.StopPlan(within(t, time.Second), api.PlanGetRequest{})
		return err == nil
	}, "the plan is stopped")
	w.ended(t, end.ID)
	natstest.Eventually(t, patience, func() bool {
		n := 0
		for _, on := range w.perHost(t) {
			n += on
		}
		return n == 8
	}, "each agent runs on one host")
	for i := range 8 {
		if _, err := w.Call(within(t, patience), fmt.Sprintf("t%02d", i), json.RawMessage(`{"n":1}`)); err != nil {
			t.Errorf("t%02d: %v", i, err)
		}
	}
}

// countingModule has agents that tell of each message that they handle.
func countingModule(handled func(n int)) agent.Module {
	return agent.Module{Name: "count", New: func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			var o order
			if err := codec.Decode(m.Payload, &o); err != nil {
				return nil, err
			}
			handled(o.N)
			select {
			case <-time.After(o.Wait.Std()):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return codec.Marshal(answer{N: o.N})
		}), nil
	}}
}

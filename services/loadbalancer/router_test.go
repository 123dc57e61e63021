package loadbalancer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// anyMachine has the configuration not care how busy the machine of the tests is with other things: neither is an agent over a threshold, nor
// left out because it has got the processor later than others did.
func (w *world) anyMachine(t testing.TB) {
	t.Helper()
	w.configure(t, func(c *api.BalanceConfig) { c.MaxCPU, c.MaxMemory, c.Ejection.SlowFactor = 0, 0, 0 })
}

// tell starts a host with n agents t0, t1, ... that have the capability x, and waits until all replicas know them.
func (w *world) tell(t testing.TB, n int, spec api.AgentSpec) *sync.Map {
	t.Helper()
	handled := &sync.Map{}
	w.anyMachine(t)
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{w.tellers(handled)}})
	for i := range n {
		spec.ID, spec.Module, spec.Capabilities = fmt.Sprint("t", i), "teller", []string{"x"}
		w.start(t, spec, "")
	}
	w.known(t, n)
	return handled
}

func send(ctx context.Context, conn *rpc.Conn, o order, header nats.Header) (a answer, err error) {
	body, err := codec.Marshal(o)
	if err != nil {
		return a, err
	}
	data, err := conn.RequestHeader(ctx, api.BalancedSubject(conn.Namespace, "x"), body, false, header)
	if err == nil {
		err = codec.Read(data, &a)
	}
	return a, err
}

func TestAMessageIsRouted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	handled := w.tell(t, 4, api.AgentSpec{})
	named := w.dial(t, "alice")
	for n := range 40 {
		a, err := send(within(t, patience), named, order{N: n}, nil)
		if err != nil || a.N != n || a.Principal != "alice" {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if n := total(handled); n != 40 {
		t.Errorf("%d messages were handled", n)
	}
	if a, err := send(within(t, patience), w.Conn(), order{N: 7}, nil); err != nil || a.N != 7 || a.Principal != "" {
		t.Errorf("%+v, %v", a, err)
	}
	by := map[string]int{}
	for range 21 {
		// An agent that has not been counted as done, or was reported with it, may have its bound already: then the key goes to the next.
		natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights()+w.replicas[1].Flights() == 0 }, "nothing is under way")
		a, err := send(within(t, patience), w.Conn(), order{}, nats.Header{api.HeaderKey: {"k"}})
		if err != nil {
			t.Fatal(err)
		}
		by[a.Agent]++
	}
	if most := slices.Max(slices.Collect(maps.Values(by))); most < 15 {
		t.Errorf("one key went to %v", by)
	}
	_, err := send(within(t, patience), w.Conn(), order{Fail: true}, nil)
	wantError(t, err, api.Internal, "")
	natstest.Eventually(t, patience, func() bool {
		st, err := w.Balancer.Stats(t.Context())
		return err == nil && st.Routed == 63 && st.Rerouted == 0 && st.Outstanding == 0
	}, "the replicas have counted")
}

// Parts, questions back and a cancel go between the agent and the sender.
func TestAStreamIsRouted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.tell(t, 2, api.AgentSpec{})
	body, _ := codec.Marshal(order{Parts: 20, Ask: true, N: 1})
	stream, err := w.Conn().OpenStream(within(t, patience), api.BalancedSubject("mabus", "x"), body)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	chunks := 0
	for {
		part, err := stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch part.Kind {
		case api.PartChunk:
			chunks++
		case api.PartNeedInput:
			if err := stream.Answer(part, []byte("41")); err != nil {
				t.Fatal(err)
			}
		case api.PartResult:
			var a answer
			if err := codec.Read(part.Body, &a); err != nil || a.N != 42 {
				t.Errorf("%s, %v", part.Body, err)
			}
		}
	}
	if chunks != 20 {
		t.Errorf("%d chunks", chunks)
	}
	natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights() == 0 }, "the stream counts no more")

	slow, _ := codec.Marshal(order{Wait: api.Duration(time.Hour)})
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		s, err := w.Conn().OpenStream(ctx, api.BalancedSubject("mabus", "x"), slow)
		if err == nil {
			_, err = s.Next()
			s.Close()
		}
		over <- err
	}()
	natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights() == 1 }, "the message is under way")
	cancel()
	<-over
	natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights() == 0 }, "the agent has given the work up, and said so")
}

func TestACastIsRouted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	handled := w.tell(t, 2, api.AgentSpec{})
	subject := api.BalancedSubject("mabus", "x")
	for range 10 { // one that is acknowledged, and one of which nobody hears
		if _, err := w.Conn().RequestHeader(within(t, patience), subject, []byte(`{}`), false, nats.Header{api.HeaderCast: {"1"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Conn().NC.Publish(subject, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool { return total(handled) == 20 && w.replicas[0].Flights() == 0 }, "all are handled")
}

// An agent that the registry takes for running and that does not listen has not seen the message: another gets it, once.
func TestAMessageGoesAroundThoseWhoAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.outside(t, 3, "x")
	handled := &sync.Map{}
	w.anyMachine(t)
	w.configure(t, func(c *api.BalanceConfig) { c.Ejection.Time = c.Ejection.MaxTime }) // who is left out is so yet when all are handled
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{w.tellers(handled)}})
	w.start(t, api.AgentSpec{ID: "t0", Module: "teller", Capabilities: []string{"x"}}, "")
	w.known(t, 4)
	for n := range 60 {
		if n%2 == 0 {
			if a, err := send(within(t, patience), w.Conn(), order{N: n}, nil); err != nil || a.N != n {
				t.Fatalf("%+v, %v", a, err)
			}
			continue
		}
		if err := w.Conn().NC.Publish(api.BalancedSubject("mabus", "x"), []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool { return total(handled) == 60 }, "each was handled")
	if st, err := w.Balancer.Stats(t.Context()); err != nil || st.Rerouted == 0 || st.Ejected == 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.outside(t, 2, "x")
	w.known(t, 2)
	_, err := send(within(t, patience), w.Conn(), order{}, nil)
	wantError(t, err, api.Unavailable, api.ReasonNoSuitableAgent)
	// One of whom the registry does not know, but who listens for the capability.
	sub, err := w.Conn().NC.QueueSubscribe(api.CapabilitySubject("mabus", "x"), "agents", func(m *nats.Msg) { _ = m.Respond([]byte(`{"n":5}`)) })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := w.Conn().NC.Flush(); err != nil {
		t.Fatal(err)
	}
	if a, err := send(within(t, patience), w.Conn(), order{}, nil); err != nil || a.N != 5 {
		t.Errorf("%+v, %v", a, err)
	}
	for header, value := range map[string]string{api.HeaderTimeout: "soon", api.HeaderTenant: "a.b"} {
		_, err := send(t.Context(), w.Conn(), order{}, nats.Header{header: {value}})
		wantError(t, err, api.Invalid, "")
	}
}

func TestOverloadIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.tell(t, 1, api.AgentSpec{Concurrency: 100, Shutdown: api.Duration(100 * time.Millisecond)})
	w.configure(t, func(c *api.BalanceConfig) { c.MaxActive, c.Shed = 3, true })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { _, _ = send(ctx, w.Conn(), order{Wait: api.Duration(time.Minute)}, nil) })
	}
	natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights() == 4 }, "the agent is busy")
	_, err := send(within(t, patience), w.Conn(), order{}, nil)
	wantError(t, err, api.Overloaded, api.ReasonAllOverloaded)
	cancel()
	wg.Wait()
}

// A router that dies, or stops, takes no answer with it: what it has passed on is answered all the same.
func TestAnswersOutliveTheirRouter(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"dies", "stops"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			handled := w.tell(t, 4, api.AgentSpec{Concurrency: 100})
			var wg sync.WaitGroup
			var answered atomic.Int64
			for range 40 {
				wg.Go(func() {
					if _, err := send(within(t, patience), w.Conn(), order{Hold: true}, nil); err != nil {
						t.Error(err)
					}
					answered.Add(1)
				})
			}
			natstest.Eventually(t, patience, func() bool {
				return total(handled) == 40 && w.replicas[0].Flights() > 0
			}, "all are under way")
			if end == "dies" {
				w.replicas[0].cut()
			} else {
				w.replicas[0].stop(t)
			}
			w.open()
			wg.Wait()
			if n := answered.Load(); n != 40 {
				t.Errorf("%d answers", n)
			}
			natstest.Eventually(t, patience, func() bool { // what was reported of the agents is a moment old
				_, err := send(within(t, patience), w.Conn(), order{}, nil)
				return err == nil
			}, "messages are routed again")
		})
	}
}

// An agent that is stopped with messages waiting hands those that were routed to it on to another.
func TestAMessageThatComesTooLateGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	handled := w.tell(t, 2, api.AgentSpec{})
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			if a, err := send(within(t, patience), w.Conn(), order{N: n, Wait: api.Duration(20 * time.Millisecond)}, nil); err != nil || a.N != n {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { n, ok := handled.Load("t0"); return ok && n.(*atomic.Int64).Load() > 0 }, "t0 is at work")
	if _, err := w.Agents.Stop(within(t, patience), "t0"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if n := total(handled); n != 10 {
		t.Errorf("%d of 10 were handled", n)
	}
}

// failer fails at once with all that it gets.
type failer struct{ handled *atomic.Int64 }

func (f failer) Handle(context.Context, *agent.Message) (json.RawMessage, error) {
	f.handled.Add(1)
	return nil, api.Errorf(api.Internal, "out of order")
}

// The router learns from the answers that it overhears: an agent that fails fast is left out soon.
func TestTheRouterLearns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	handled := w.tell(t, 3, api.AgentSpec{})
	var failed atomic.Int64
	w.host(t, agenthost.Config{ID: "h2", Modules: []agent.Module{{Name: "failer", New: func(context.Context, agent.Env) (agent.Handler, error) {
		return failer{&failed}, nil
	}}}})
	w.start(t, api.AgentSpec{ID: "bad", Module: "failer", Capabilities: []string{"x"}}, "h2")
	w.known(t, 4)
	for range 300 {
		_, _ = send(within(t, patience), w.Conn(), order{}, nil)
	}
	if n := failed.Load(); n > 30 || total(handled)+n != 300 {
		t.Errorf("%d of 300 messages went to the agent that fails, %d to the others", n, total(handled))
	}
	natstest.Eventually(t, patience, func() bool { // a message is counted when it was sent on: its answer may be there before
		st, err := w.Balancer.Stats(t.Context())
		return err == nil && st.Routed == 300
	}, "all are counted as routed")
}

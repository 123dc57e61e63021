package loadbalancer_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// settled is the configuration, the newest plan and where agents run, as JSON.
func (w *world) settled(t testing.TB) []byte {
	t.Helper()
	config, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Balancer.Progress(t.Context(), api.PlanGetRequest{})
	body, err := codec.Marshal([]any{config, api.ReasonOf(err), w.perHost(t)})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Whatever comes to whichever method, of the balancer or to move an agent, somebody answers: with what was asked, or with an error of the
// closed set that says what is wrong. Nothing has changed, and both replicas live.
func TestJunkForEveryMethod(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.tell(t, 3, api.AgentSpec{})
	before := w.settled(t)
	good := map[string]bool{"": true}
	for _, code := range api.Codes {
		good[string(code)] = code != api.Internal && code != api.Unimplemented && code != api.DeadlineExceeded
	}
	nc := w.srv.Connect(t)
	var refused atomic.Int64
	var group errgroup.Group
	group.SetLimit(32)
	for _, m := range api.Methods {
		if m.Service != "loadbalancer" && m.Name() != "agenthost.agents.move" || m.Name() == "loadbalancer.plans.run" {
			continue // a plan with all defaults may be carried out
		}
		for i, body := range natstest.Junk(m.Request) {
			group.Go(func() error {
				msg := nats.NewMsg(api.As("mabus", [...]string{"", "stranger"}[i%2], api.MethodSubject("mabus", m.Service, m.Noun, m.Verb)))
				msg.Data = []byte(body)
				msg.Header.Set(api.HeaderTimeout, "20s")
				answer, err := nc.RequestMsg(msg, patience)
				if err != nil {
					t.Errorf("%s %.150q: %v", m.Name(), body, err)
					return nil
				}
				code, text := answer.Header.Get(api.HeaderErrorCode), answer.Header.Get(api.HeaderError)
				if !good[code] || code != "" && text == "" {
					t.Errorf("%s %.150q: %s, %s", m.Name(), body, code, text)
				}
				if code != "" {
					refused.Add(1)
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if refused.Load() < 150 {
		t.Errorf("%d were refused", refused.Load())
	}
	// What replicas tell one another, and messages to be routed.
	for _, subject := range []string{"mabus.loadbalancer-peers", "mabus.loadbalancer-told", "mabus.load.h1", "mabus.load.request", "mabus.lb.x", "mabus.lb.>", "mabus.lb.a b", "mabus.lb.x.y", "mabus.as.>.lb.x"} {
		for _, body := range append(natstest.Junk(nil), `{"replica":"r","assigned":1,"assignments":[{}]}`, `{"replica":"r","agent":"t0","metrics":{"cpu":7}}`) {
			_ = nc.PublishMsg(&nats.Msg{Subject: subject, Data: []byte(body), Header: nats.Header{api.HeaderTimeout: {"1ms"}}})
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for len(w.replicas) > 0 {
		if after := w.settled(t); !bytes.Equal(before, after) {
			t.Errorf("before %s, after %s", before, after)
		}
		if a, err := send(within(t, patience), w.Conn(), order{N: 7}, nil); err != nil || a.N != 7 {
			t.Errorf("%d replicas: %+v, %v", len(w.replicas), a, err)
		}
		w.replicas[0].stop(t)
		w.replicas = w.replicas[1:]
		if len(w.replicas) == 0 {
			break
		}
	}
}

// Reports in the name of another host, of agents that run elsewhere, or of hosts that are not there change nothing.
func TestForgedLoads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.tell(t, 1, api.AgentSpec{}) // t0 on h1
	id := w.outside(t, 1, "x")[0]
	w.known(t, 2)
	publish := func(subject, host string, waiting int, agents ...string) {
		t.Helper()
		l := api.HostLoad{Host: host, Lease: "l", Seq: math.MaxUint64}
		for _, id := range agents {
			l.Agents = append(l.Agents, api.AgentLoad{ID: id, Waiting: waiting})
		}
		body, err := codec.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Conn().NC.Publish(api.LoadSubject("mabus", subject), body); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool {
		publish("evil", "evil", 1000, id, "t0")
		publish("evil", "h1", 1000, id, "t0")
		publish("h1", "h1", 7, "t0") // this one is heard after the others
		if m, err := w.Balancer.Member(t.Context(), id); err != nil || m.Others != 0 {
			t.Fatalf("%+v, %v", m, err)
		}
		m, err := w.Balancer.Member(t.Context(), "t0")
		if err != nil || m.Others > 7 { // what its host tells of its own is less
			t.Fatalf("%+v, %v", m, err)
		}
		return m.Others == 7
	}, "the host's own report counts")
	if m, err := w.Balancer.Member(t.Context(), id); err != nil || m.Others != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// The strategy changes and changes while many callers pick in the name of thousands of tenants, report twice, and report what was never
// picked: everything that was picked is counted, and counted once.
func TestPicksUnderChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.outside(t, 10, "x")
	w.known(t, 10)
	var picked, reported, refused atomic.Int64
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	group.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			_, _ = w.Balancer.SetConfig(ctx, api.BalanceSetRequest{Strategy: api.BalanceStrategies[i%len(api.BalanceStrategies)]})
		}
	})
	var callers sync.WaitGroup
	for caller := range 64 {
		callers.Go(func() {
			for i := range 50 {
				r := api.PickRequest{Capabilities: []string{"x"}, Tenant: fmt.Sprintf("t%d-%d", caller, i), Key: fmt.Sprint(i % 3), Hold: api.Duration(time.Hour)}
				p, err := w.Balancer.Pick(ctx, r)
				if err != nil {
					if api.CodeOf(err) != api.Overloaded {
						t.Error(err)
					}
					refused.Add(1)
					continue
				}
				picked.Add(1)
				report := api.BalanceReport{Assignment: p.Assignment, Failed: i%7 == 0}
				if err := w.Balancer.Report(ctx, report); err != nil {
					t.Error(err)
				}
				reported.Add(1)
				wantError(t, w.Balancer.Report(ctx, report), api.NotFound, api.ReasonAssignmentUnknown)
				wantError(t, w.Balancer.Report(ctx, api.BalanceReport{Assignment: p.Assignment[:len(p.Assignment)-1] + "zzzz"}), api.NotFound, api.ReasonAssignmentUnknown)
			}
		})
	}
	callers.Wait()
	cancel()
	group.Wait()
	natstest.Eventually(t, patience, func() bool {
		st, err := w.Balancer.Stats(t.Context())
		return err == nil && st.Replicas == 2 && st.Assigned == uint64(picked.Load()) && st.Reports == uint64(reported.Load()) && st.Outstanding == 0
	}, "what was picked was counted once")
	for _, id := range []string{"x000", "x009"} {
		if m, err := w.Balancer.Member(t.Context(), id); err != nil || m.Outstanding != 0 {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

// What the server says on a reply subject has to be of one message: of several with the same the later ones are refused while one is under
// way, and none is sent to two agents.
func TestMessagesWithOneReplySubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	handled := w.tell(t, 2, api.AgentSpec{Concurrency: 100})
	w.outside(t, 3, "x") // for whom nobody listens
	w.known(t, 5)
	nc := w.srv.Connect(t)
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	const messages = 50
	for n := range messages {
		body, _ := codec.Marshal(order{N: n, Wait: api.Duration(20 * time.Millisecond)})
		if err := nc.PublishRequest(api.BalancedSubject("mabus", "x"), inbox, body); err != nil {
			t.Fatal(err)
		}
	}
	done, refused := int64(0), int64(0)
	seen := map[int]bool{}
	for done+refused < messages {
		m, err := answers.NextMsg(patience)
		if err != nil {
			t.Fatalf("%v after %d answers and %d refusals", err, done, refused)
		}
		var a answer
		switch code := m.Header.Get(api.HeaderErrorCode); {
		case code == string(api.Invalid):
			refused++
		case code != "" || codec.Read(m.Data, &a) != nil || seen[a.N]:
			t.Errorf("%v %s", m.Header, m.Data)
		default:
			seen[a.N] = true
			done++
		}
	}
	if n := total(handled); n != done || done == 0 || refused == 0 {
		t.Errorf("%d were handled, %d answered, %d refused", n, done, refused)
	}
	natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights() == 0 }, "nothing is under way")
	body, _ := codec.Marshal(order{N: 1})
	if m, err := nc.RequestMsg(&nats.Msg{Subject: api.BalancedSubject("mabus", "x"), Data: body}, patience); err != nil || m.Header.Get(api.HeaderErrorCode) != "" {
		t.Errorf("%v, %v", m, err)
	}
}

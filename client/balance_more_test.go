package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// An agent that is killed with its host loses the messages that it had, and no others.
func TestAgentsThatDie(t *testing.T) {
	w := newCrew(t, 2, 4) // a0 and a2 on h0
	sees(t, w.Client, 4)
	const callers = 6
	ctx, stop := context.WithCancel(t.Context())
	var done, lost atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				call, cancel := context.WithTimeout(t.Context(), 5*time.Second) // in which all are answered but those that are lost
				_, err := w.CallCapability(call, "work", nil)
				cancel()
				switch {
				case err == nil:
					done.Add(1)
				case api.CodeOf(err) == api.DeadlineExceeded:
					lost.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return w.handled("a0") > 50 && w.handled("a1") > 50 })
	w.kill["h0"]()
	before := done.Load()
	natstest.Eventually(t, patience, func() bool { return done.Load() > before+2000 })
	stop()
	wg.Wait()
	if n := lost.Load(); n > callers {
		t.Errorf("%d calls were lost, %d were under way", n, callers)
	}
}

// Casts and streams are spread as well, and go on to another agent when the chosen one has gone.
func TestCastsAndStreamsChoose(t *testing.T) {
	w := newCrew(t, 2, 4)
	for i := range 4 {
		id := fmt.Sprintf("a%d", i)
		w.do(id, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			return json.RawMessage(`"` + id + `"`), m.Parts.Chunk(ctx, json.RawMessage("1"))
		})
	}
	cfg := api.CallerBalanceConfig()
	cfg.Ejection.SlowFactor = 0 // who gets the processor late is not left out, or a key would move between its stream and its cast
	if err := w.SetBalance(cfg); err != nil {
		t.Fatal(err)
	}
	sees(t, w.Client, 4)
	w.kill["h0"]() // and the registry is not told
	for _, id := range []string{"a0", "a2"} {
		natstest.Eventually(t, patience, func() bool {
			_, err := w.Conn().NC.Request(api.AgentSubject("mabus", id), nil, time.Second)
			return errors.Is(err, nats.ErrNoResponders)
		}, "the server has noticed")
	}
	read := func(ctx context.Context) string {
		s, err := w.StreamCapability(ctx, "work", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var last json.RawMessage
		for {
			p, err := s.Next()
			if errors.Is(err, io.EOF) {
				return string(last)
			}
			if err != nil {
				t.Fatal(err)
			}
			last = p.Body
		}
	}
	got := map[string]int{}
	for i := range 40 { // by keys: otherwise all go to the one that its host tells to be a little quicker
		ctx := client.WithKey(within(t, patience), fmt.Sprint("key", i))
		got[read(ctx)]++
		if err := w.CastCapability(ctx, "work", nil); err != nil {
			t.Fatal(err)
		}
	}
	if got[`"a1"`]+got[`"a3"`] != 40 || got[`"a1"`] < 5 || got[`"a3"`] < 5 {
		t.Errorf("%v", got)
	}
	natstest.Eventually(t, patience, func() bool { return w.handled("a1")+w.handled("a3") == 80 })
	if n := w.handled("a1"); n != 2*got[`"a1"`] {
		t.Errorf("of the same keys a1 had %d streams and %d casts", got[`"a1"`], n-got[`"a1"`])
	}
}

// A cast is acknowledged when it is in a mailbox: when the agent is stopped, it goes on to another with the capability.
func TestCastsOutliveTheirAgent(t *testing.T) {
	w := newCrew(t, 1, 1)
	sees(t, w.Client, 1)
	release, begun := make(chan struct{}), make(chan struct{}, 1)
	w.do("a0", func(context.Context, *agent.Message) (json.RawMessage, error) {
		select {
		case begun <- struct{}{}:
		default:
		}
		<-release
		return nil, nil
	})
	for range 5 {
		if err := w.CastCapability(within(t, patience), "work", nil); err != nil {
			t.Fatal(err)
		}
	}
	<-begun
	w.start(t, "a1", "h0", 0)
	ended := make(chan error, 1)
	go func() {
		_, err := w.Agents.Stop(within(t, patience), "a0")
		ended <- err
	}()
	natstest.Eventually(t, patience, func() bool {
		a, err := w.Agents.Get(t.Context(), api.GetRequest{ID: "a0"})
		return err == nil && a.Status != api.AgentRunning
	}, "the agent is being stopped")
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return w.handled("a0")+w.handled("a1") == 5 }, "each cast is handled")
}

func TestAKeyStaysWithItsAgent(t *testing.T) {
	w := newCrew(t, 1, 5)
	other := w.connect(t)
	cfg := api.CallerBalanceConfig()
	cfg.Ejection.SlowFactor = 0 // who gets the processor late is not left out
	for _, c := range []*client.Client{w.Client, other} {
		if err := c.SetBalance(cfg); err != nil {
			t.Fatal(err)
		}
	}
	sees(t, w.Client, 5)
	sees(t, other, 5)
	all := map[string]bool{}
	for i := range 30 {
		var first string
		for _, c := range []*client.Client{w.Client, other, w.Client} {
			got, err := c.CallCapability(client.WithKey(within(t, patience), fmt.Sprint("key", i)), "work", nil)
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = string(got)
			}
			if string(got) != first {
				t.Errorf("key %d is at %s and %s", i, first, got)
			}
		}
		all[first] = true
	}
	if len(all) < 3 {
		t.Errorf("30 keys are at %d agents of 5", len(all))
	}
}

// When every mailbox is full the client says so itself; it does not go on saying so when they are not.
func TestFullMailboxes(t *testing.T) {
	w := newCrew(t, 1, 0)
	w.start(t, "a0", "h0", 4)
	w.start(t, "a1", "h0", 4)
	release := make(chan struct{})
	for _, id := range []string{"a0", "a1"} {
		w.do(id, func(ctx context.Context, _ *agent.Message) (json.RawMessage, error) {
			select {
			case <-release:
				return nil, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
	}
	sees(t, w.Client, 2)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := w.CallCapability(within(t, patience), "work", nil); err != nil && api.CodeOf(err) != api.Overloaded {
				t.Error(err)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := w.CallCapability(ctx, "work", nil)
		return api.CodeOf(err) == api.Overloaded
	})
	close(release)
	wg.Wait()
	natstest.Eventually(t, patience, func() bool {
		_, err := w.CallCapability(within(t, patience), "work", nil)
		return err == nil
	})
}

// An external agent that listens for its capability alone is reached, also beside others that listen as they should.
func TestExternalAgentsAreReached(t *testing.T) {
	w := newCrew(t, 1, 1)
	outside := w.dial(t)
	var asked atomic.Int64
	sub, err := outside.NC.QueueSubscribe(api.CapabilitySubject("mabus", "work"), "agents", answering(outside, `"outside"`, &asked))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := outside.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Agents.Register(t.Context(), api.AgentSpec{ID: "outside", Runtime: api.RuntimeExternal, Capabilities: []string{"work"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Agents.Transition(t.Context(), api.AgentTransitionRequest{ID: "outside", Status: api.AgentRunning}); err != nil {
		t.Fatal(err)
	}
	sees(t, w.Client, 2)
	calls := 0
	natstest.Eventually(t, patience, func() bool { // one late answer has the other preferred for a while
		for range 50 {
			if _, err := w.CallCapability(within(t, patience), "work", nil); err != nil {
				t.Fatal(err)
			}
			calls++
		}
		return asked.Load() >= 20
	}, "the external agent gets a part")
	if n := int(asked.Load()); w.handled("a0")+n != calls {
		t.Errorf("the external agent got %d, the other %d of %d", n, w.handled("a0"), calls)
	}
	// And alone.
	if _, err := w.Agents.Stop(within(t, patience), "a0"); err != nil {
		t.Fatal(err)
	}
	if got, err := w.CallCapability(within(t, patience), "work", nil); err != nil || string(got) != `"outside"` {
		t.Errorf("%s, %v", got, err)
	}
}

// All names of a connection share one view, which ends with it, also when somebody else closes that; a principal's calls go as its own.
func TestOneViewForAConnection(t *testing.T) {
	w := newCrew(t, 1, 2)
	for _, id := range []string{"a0", "a1"} {
		w.do(id, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			return json.RawMessage(`"` + m.Principal + `"`), nil
		})
	}
	conn := w.dial(t)
	alice, bob := client.New(conn.WithPrincipal("alice")), client.New(conn.WithPrincipal("bob"))
	sees(t, alice, 2)
	if n := client.Sees(bob, "work"); n != 2 {
		t.Errorf("the other sees %d", n)
	}
	for name, c := range map[string]*client.Client{"alice": alice, "bob": bob} {
		if got, err := c.CallCapability(within(t, patience), "work", nil); err != nil || string(got) != `"`+name+`"` {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	subs := conn.NC.NumSubscriptions()
	for range 20 {
		if _, err := client.New(conn.WithPrincipal("carol")).CallCapability(within(t, patience), "work", nil); err != nil {
			t.Fatal(err)
		}
	}
	if now := conn.NC.NumSubscriptions(); now > subs+1 {
		t.Errorf("%d subscriptions, then %d", subs, now)
	}
	conn.NC.Close() // goleak sees what goes on
}

func TestBalanceOptions(t *testing.T) {
	w := newCrew(t, 1, 2)
	off := w.connect(t, client.WithoutBalance())
	cfg := api.CallerBalanceConfig()
	cfg.Strategy, cfg.Ejection.SlowFactor = api.StrategyRoundRobin, 0
	robin := w.connect(t, client.WithBalance(cfg))
	sees(t, robin, 2)
	for range 20 {
		if _, err := robin.CallCapability(within(t, patience), "work", nil); err != nil {
			t.Fatal(err)
		}
	}
	if counts := []int{w.handled("a0"), w.handled("a1")}; !slices.Equal(counts, []int{10, 10}) {
		t.Errorf("in turn: %v", counts)
	}
	if _, err := off.CallCapability(within(t, patience), "work", nil); err != nil || client.Sees(off, "work") != 0 {
		t.Errorf("%v; it sees %d", err, client.Sees(off, "work"))
	}
	cfg.Strategy = "fastest"
	if _, err := client.Connect(t.Context(), client.Options{URL: w.srv.URL()}, client.WithBalance(cfg)); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
	if err := robin.SetBalance(cfg); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
	_, err := robin.CallCapability(within(t, patience), "absent", nil)
	if api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) != api.ReasonNoAgent {
		t.Errorf("got %v", err)
	}
	robin.Close()
	if _, err := robin.CallCapability(within(t, time.Second), "work", nil); err == nil {
		t.Error("a closed client has an answer")
	}
}

// answering answers each message, as a foreign agent would.
func answering(conn *rpc.Conn, with string, n *atomic.Int64) nats.MsgHandler {
	return func(m *nats.Msg) {
		n.Add(1)
		_ = conn.NC.Publish(m.Reply, []byte(with))
	}
}

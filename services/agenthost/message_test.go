package agenthost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestAnswers(t *testing.T) {
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	w.ask(t, "a", order{Do: "echo", Payload: json.RawMessage(`"hello world"`)}, `"hello world"`)
	_, err := w.Call(within(t, patience), "a", order{Do: "fail", Arg: "no luck"})
	wantError(t, err, api.FailedPrecondition, api.ReasonAgentError)
	if !strings.Contains(err.Error(), "no luck") {
		t.Error(err)
	}
	_, err = w.Call(within(t, patience), "a", order{Do: "refuse", Arg: "my_reason"})
	wantError(t, err, api.RateLimited, "my_reason")
	// The agent's own error cannot be taken for the word that nobody listens.
	_, err = w.Call(within(t, patience), "a", order{Do: "refuse", Arg: api.ReasonNobodyListens})
	wantError(t, err, api.RateLimited, api.ReasonAgentError)
	_, err = w.Call(within(t, patience), "a", order{Do: "junk"})
	wantError(t, err, api.FailedPrecondition, api.ReasonAgentError)
	begin := time.Now()
	_, err = w.Call(within(t, time.Second), "a", order{Do: "wait"}) // in which the agent gets it
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	if took := time.Since(begin); took > api.DefaultTimeout.Std() { // not its own then
		t.Errorf("the timeout came after %s", took)
	}
	<-p.entered
	w.ask(t, "a", order{Do: "echo"}, "null") // its handler's context has ended, too
	if live := w.idle(t, "a", 7); live.Failed != 5 || live.Refused != 0 {
		t.Errorf("status: %+v", live)
	}
}

// idle waits until an agent has handled n messages and has no more to do.
func (w *world) idle(t testing.TB, id string, n uint64) (live *api.AgentLive) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		state, err := w.Agents.Status(t.Context(), id)
		if err != nil || state.Live == nil {
			return false
		}
		live = state.Live
		return live.Waiting == 0 && live.Active == 0 && live.Handled == n
	}, "%s has handled %d messages", id, n)
	return live
}

func TestCasts(t *testing.T) {
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Concurrency: 8, Mailbox: 4})
	for n := range 3 {
		if err := w.Cast(t.Context(), "a", order{Do: "add", N: n}); err != nil {
			t.Fatal(err)
		}
	}
	w.ask(t, "a", order{Do: "list"}, "[0,1,2]")
	w.idle(t, "a", 4) // an answer is sent before its place is free
	if err := w.Cast(t.Context(), "a", order{Do: "wait"}); err != nil {
		t.Fatal(err)
	}
	<-p.entered
	for n := range 4 { // the mailbox, behind the cast that is under way
		if err := w.Cast(t.Context(), "a", order{Do: "add", N: n}); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, w.Cast(t.Context(), "a", order{Do: "add"}), api.Overloaded, api.ReasonMailboxFull)
	_, err := w.Call(t.Context(), "a", order{Do: "list"})
	wantError(t, err, api.Overloaded, api.ReasonMailboxFull)
	state, err := w.Agents.Status(t.Context(), "a")
	if err != nil || state.Live.Waiting != 4 || state.Live.Active != 1 || state.Live.Refused != 2 {
		t.Errorf("status: %+v, %v", state.Live, err)
	}
	p.release <- struct{}{}
	w.eventuallyAsk(t, "a", order{Do: "list"}, "[0,1,2,0,1,2,3]")
	natstest.Eventually(t, patience, func() bool { // the machine may be loaded, so the best counts
		begin := time.Now()
		return w.Cast(t.Context(), "a", order{Do: "nothing"}) == nil && time.Since(begin) <= 50*time.Millisecond
	}, "a cast takes no more than 50 ms")
}

func (w *world) eventuallyAsk(t testing.TB, id string, payload any, want string) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		got, err := w.Call(within(t, patience), id, payload)
		return err == nil && string(got) == want
	}, "%s answers %s", id, want)
}

func TestCastsStayInOrder(t *testing.T) {
	t.Parallel()
	const casts = 10_000
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Concurrency: 4, Mailbox: 2 * casts})
	w.start(t, api.AgentSpec{ID: "noise", Module: "echo", Concurrency: 4, Mailbox: 2 * casts})
	subject := api.AgentSubject("mabus", "a")
	for n := range casts { // as fast as a bare NATS client can
		body, err := codec.Marshal(order{Do: "add", N: n})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Conn().NC.Publish(subject, body); err != nil {
			t.Fatal(err)
		}
		if n%10 == 0 {
			if err := w.Conn().NC.Publish(api.AgentSubject("mabus", "noise"), body); err != nil {
				t.Fatal(err)
			}
		}
	}
	answer, err := w.Call(within(t, patience), "a", order{Do: "list"})
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	if err := codec.Read(answer, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != casts || !slices.IsSorted(list) {
		t.Errorf("%d casts took effect, in order: %v", len(list), slices.IsSorted(list))
	}
}

// Agents work at the same time: each waits until all have begun.
func TestAgentsWorkInParallel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	var wg sync.WaitGroup
	for n := range 3 {
		id := fmt.Sprintf("a%d", n)
		w.start(t, api.AgentSpec{ID: id, Module: "puppet", Capabilities: []string{"slow"}})
		wg.Go(func() {
			if _, err := w.Call(within(t, patience), id, order{Do: "wait"}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 3 {
		<-p.entered
	}
	close(p.release)
	wg.Wait()
	natstest.Eventually(t, patience, func() bool {
		list, err := w.Agents.List(t.Context(), api.AgentsListRequest{Status: api.AgentRunning})
		return err == nil && len(list.Agents) == 3
	}, "the registry's replica has seen all three")
	answers, want, err := w.CallAll(within(t, patience), "slow", order{Do: "wait"})
	if err != nil || want != 3 || len(answers) != 3 {
		t.Fatalf("%d answers of %d, %v", len(answers), want, err)
	}
	for _, a := range answers {
		if a.Err != nil {
			t.Error(a.Err)
		}
	}
}

func TestNestedCalls(t *testing.T) {
	w := newWorld(t)
	w.standard(t, "h1")
	w.standard(t, "h2")
	for n := range 3 {
		w.start(t, api.AgentSpec{ID: fmt.Sprintf("a%d", n), Module: "puppet"})
	}
	inner, err := codec.Marshal(order{Do: "call", Arg: "a2", Payload: json.RawMessage(`{"do":"who"}`)})
	if err != nil {
		t.Fatal(err)
	}
	w.ask(t, "a0", order{Do: "call", Arg: "a1", Payload: inner}, `["a2","a1"]`)
	_, err = w.Call(within(t, patience), "a0", order{Do: "call", Arg: "nobody"})
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
	_, err = w.Call(within(t, patience), "a0", order{Do: "call", Arg: "a1", Payload: json.RawMessage(`{"do":"panic"}`)})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	w.ask(t, "a0", order{Do: "echo"}, "null") // it was not its own crash
	begin := time.Now()
	_, err = w.Call(within(t, 200*time.Millisecond), "a0", order{Do: "call", Arg: "a0", Payload: json.RawMessage(`{}`)}) // itself, and it handles one at a time
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	if took := time.Since(begin); took > api.DefaultTimeout.Std() { // that of a call without a deadline
		t.Errorf("took %s", took)
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Capabilities: []string{"c"}})
	w.ask(t, "a", order{Do: "who"}, `["a",""]`)
	alice := client.New(w.dial(t, "alice"))
	got, err := alice.Call(within(t, patience), "a", order{Do: "who"})
	if err != nil || string(got) != `["a","alice"]` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err = alice.CallCapability(within(t, patience), "c", order{Do: "who"}); err != nil || string(got) != `["a","alice"]` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestJunk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "echo"})
	nc := w.Conn().NC
	for _, c := range []struct {
		body, want string
		header     nats.Header
		code       api.Code
	}{
		{body: "", want: "{}"},
		{body: " [1] ", want: " [1] "},
		{body: "null", want: "null"},
		{body: "junk", code: api.Invalid},
		{body: "{} {}", code: api.Invalid},
		{body: "\"\xff\"", code: api.Invalid},
		{body: strings.Repeat("[", 100_000), code: api.Invalid},
		{body: "1", header: nats.Header{api.HeaderTimeout: {"soon"}}, code: api.Invalid},
		{body: "1", header: nats.Header{api.HeaderTimeout: {"-1s"}}, code: api.Invalid},
		{body: "1", header: nats.Header{api.HeaderTimeout: {"1s"}}, want: "1"},
		{body: "1", header: nats.Header{api.HeaderBlob: {"nothing"}}, code: api.Invalid},
		{body: "1", header: nats.Header{api.HeaderBlob: {"no:" + strings.Repeat("0", 64) + ":1"}}, code: api.Invalid},
		{body: "1", header: nats.Header{api.HeaderBlob: {"no:" + strings.Repeat("0", 64) + ":1"}, api.HeaderCast: {"1"}}, code: api.Invalid},
	} {
		msg, err := nc.RequestMsg(&nats.Msg{Subject: "mabus.agent.a", Data: []byte(c.body), Header: c.header}, patience)
		if err != nil {
			t.Fatalf("%.20q: %v", c.body, err)
		}
		if code := msg.Header.Get(api.HeaderErrorCode); code != string(c.code) || code == "" && string(msg.Data) != c.want {
			t.Errorf("%.20q %v: %s %.200s, want %s %s", c.body, c.header, code, msg.Data, c.code, c.want)
		}
	}
	msg, err := nc.Request("mabus.agentctl.a.explode", nil, patience)
	if err != nil || msg.Header.Get(api.HeaderErrorCode) != string(api.Unimplemented) {
		t.Errorf("an unknown verb: %v, %v", msg, err)
	}
	w.ask(t, "a", 1, "1")
}

func TestLargePayloads(t *testing.T) {
	const size = 2 << 20
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	large, err := codec.Marshal(strings.Repeat("x", size))
	if err != nil {
		t.Fatal(err)
	}
	w.ask(t, "a", order{Do: "echo", Payload: large}, string(large))
	whole, err := codec.Marshal(order{Do: "size", Payload: large})
	if err != nil {
		t.Fatal(err)
	}
	w.ask(t, "a", json.RawMessage(whole), fmt.Sprint(len(whole)))
	w.ask(t, "a", order{Do: "big", N: size}, string(large))
	// A cast is acknowledged when its body is safe, also behind others.
	if err := w.Cast(t.Context(), "a", order{Do: "wait"}); err != nil {
		t.Fatal(err)
	}
	<-p.entered
	sent := make(chan error, 1)
	go func() { sent <- w.Cast(within(t, patience), "a", order{Do: "add size", Payload: large}) }()
	w.waiting(t, "a", 1)
	close(p.release)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	w.ask(t, "a", order{Do: "list"}, fmt.Sprintf("[%d]", len(whole)+len("add size")-len("size")))
}

// A message whose time is over when its turn comes is not handled.
func TestDeadlineInTheMailbox(t *testing.T) {
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	done := make(chan error, 1)
	go func() {
		_, err := w.Call(within(t, patience), "a", order{Do: "wait"})
		done <- err
	}()
	<-p.entered
	_, err := w.Call(within(t, 50*time.Millisecond), "a", order{Do: "add", N: 1})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	msg, err := w.Conn().NC.RequestMsg(&nats.Msg{
		Subject: "mabus.agent.a", Data: []byte(`{"do":"list"}`), Header: nats.Header{api.HeaderTimeout: {"50ms"}},
	}, 60*time.Millisecond)
	if err == nil {
		t.Errorf("answered: %s", msg.Data)
	}
	w.waiting(t, "a", 2) // their time counts from when the host has them
	begin := time.Now()
	natstest.Eventually(t, patience, func() bool { return time.Since(begin) > 50*time.Millisecond }, "the time of both is over")
	p.release <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
	w.ask(t, "a", order{Do: "list"}, "[]")
	state, err := w.Agents.Status(t.Context(), "a")
	if err != nil || state.Live.Failed != 2 {
		t.Errorf("status: %+v, %v", state.Live, err)
	}
}

// Requests for a capability are spread over agents on two hosts; when one host stops, none is lost.
func TestCapabilityOutlivesAHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h1, _ := w.standard(t, "h1")
	w.standard(t, "h2")
	for _, id := range []string{"h1", "h2"} {
		spec := api.AgentSpec{ID: "on-" + id, Module: "puppet", Capabilities: []string{"c"}}
		if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec, Host: id}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	count := map[string]int{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				got, err := w.CallCapability(t.Context(), "c", order{Do: "who"})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				count[string(got)]++
				mu.Unlock()
			}
		})
	}
	seen := func(id string) int {
		mu.Lock()
		defer mu.Unlock()
		return count[`["on-`+id+`",""]`]
	}
	natstest.Eventually(t, patience, func() bool { return seen("h1") > 50 && seen("h2") > 50 }, "both hosts answer")
	h1.stop()
	now := seen("h2")
	natstest.Eventually(t, patience, func() bool { return seen("h2") > now+50 }, "the second host goes on")
	cancel()
	wg.Wait()
	if a := w.eventually(t, "on-h1", status(api.AgentRunning), "it runs on the other host"); a.Host != "h2" {
		t.Errorf("it runs on %s", a.Host)
	}
	ctx = within(t, patience)
	for _, id := range []string{"on-h1", "on-h2"} {
		if _, err := w.Agents.Stop(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.CallCapability(ctx, "c", order{Do: "who"})
	wantError(t, err, api.Unavailable, api.ReasonNoAgent)
}

package agenthost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func (w *world) stream(t *testing.T, id string, payload any) *client.Stream {
	t.Helper()
	s, err := w.Stream(within(t, patience), id, payload)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func puppetSpec(id string) api.AgentSpec {
	return api.AgentSpec{ID: id, Module: "puppet", Capabilities: []string{"puppet"}}
}

func TestAnswersInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, puppetSpec("p1"))
	const n = 300
	s := w.stream(t, "p1", order{Do: "count", N: n})
	for i := range n {
		p, err := s.Next()
		if err != nil || p.Kind != api.PartChunk || string(p.Body) != fmt.Sprint(i) {
			t.Fatalf("part %d: got %s %s, %v", i, p.Kind, p.Body, err)
		}
	}
	if p, err := s.Next(); err != nil || p.Kind != api.PartProgress || string(p.Body) != "100" {
		t.Fatalf("got %s %s, %v", p.Kind, p.Body, err)
	}
	if p, err := s.Next(); err != nil || p.Kind != api.PartResult || string(p.Body) != `"end"` {
		t.Fatalf("got %s %s, %v", p.Kind, p.Body, err)
	}
	if _, err := s.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v", err)
	}
	// The same agent answers a caller that wants one piece.
	w.ask(t, "p1", order{Do: "count", N: n}, `"end"`)
	// Errors and what is no JSON end a stream like anything else, and the agent lives on.
	for do, code := range map[string]api.Code{"junk part": api.Invalid, "fail": api.FailedPrecondition, "panic": api.Unavailable} {
		s := w.stream(t, "p1", order{Do: do})
		if _, err := s.Next(); api.CodeOf(err) != code {
			t.Errorf("%s: got %v, want %s", do, err, code)
		}
	}
	// One for any agent with the capability, and one for nobody.
	any, err := w.StreamCapability(within(t, patience), "puppet", order{Do: "echo", Payload: json.RawMessage("7")})
	if err != nil {
		t.Fatal(err)
	}
	defer any.Close()
	if p, err := any.Next(); err != nil || string(p.Body) != "7" {
		t.Fatalf("got %s, %v", p.Body, err)
	}
	if _, err := w.stream(t, "nobody", nil).Next(); api.CodeOf(err) != api.Unavailable {
		t.Fatalf("got %v", err)
	}
}

func TestAnAgentAsksItsCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, puppetSpec("p1"))
	s := w.stream(t, "p1", order{Do: "inquire", Payload: json.RawMessage(`"which?"`)})
	p, err := s.Next()
	if err != nil || p.Kind != api.PartNeedInput || string(p.Body) != `"which?"` {
		t.Fatalf("got %s %s, %v", p.Kind, p.Body, err)
	}
	if err := s.Answer(p, []byte(`"that"`)); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Next(); err != nil || string(p.Body) != `"that"` {
		t.Fatalf("got %s, %v", p.Body, err)
	}
	_, err = w.Call(within(t, patience), "p1", order{Do: "inquire", Payload: json.RawMessage("1")})
	wantError(t, err, api.FailedPrecondition, api.ReasonNoReader)
}

func TestCancelReachesNestedCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	_, p2 := w.standard(t, "h2")
	w.start(t, puppetSpec("outer"))
	for _, id := range []string{"inner", "other"} {
		if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Host: "h2", Agent: ptr(puppetSpec(id))}); err != nil {
			t.Fatal(err)
		}
	}
	wait := json.RawMessage(`{"do":"wait"}`)
	entered := func() {
		t.Helper()
		select {
		case <-p.entered:
		case <-p2.entered:
		case <-time.After(patience):
			t.Fatal("the inner agent was not asked")
		}
	}
	free := func(id string) { // both handle one message at a time, so an answer shows that the work has been given up
		t.Helper()
		w.ask(t, id, order{Do: "echo", Payload: json.RawMessage("1")}, "1")
	}
	t.Run("a stream is closed", func(t *testing.T) {
		s := w.stream(t, "outer", order{Do: "call", Arg: "inner", Payload: wait})
		entered()
		s.Close()
		free("outer")
		free("inner")
	})
	t.Run("a call is cancelled by its id", func(t *testing.T) {
		done := make(chan error, 1)
		go func() {
			_, err := w.Call(client.WithRequestID(t.Context(), "r1"), "outer", order{Do: "call", Arg: "inner", Payload: wait})
			done <- err
		}()
		entered()
		if err := client.New(w.Conn().WithPrincipal("mallory")).Cancel("r1"); err != nil { // not hers
			t.Fatal(err)
		}
		if err := w.Cancel("r1"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; api.CodeOf(err) != api.Cancelled {
			t.Fatalf("got %v", err)
		}
		free("outer")
		free("inner")
	})
	t.Run("a caller that goes away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(client.WithRequestID(t.Context(), "r2"))
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, err := w.Call(ctx, "outer", order{Do: "call", Arg: "inner", Payload: wait})
			done <- err
		}()
		entered()
		cancel()
		<-done
		free("outer")
		free("inner")
	})
	t.Run("a message that waits", func(t *testing.T) {
		busy := make(chan error, 1)
		go func() { _, err := w.Call(t.Context(), "inner", order{Do: "wait"}); busy <- err }()
		entered()
		s := w.stream(t, "inner", order{Do: "add", N: 1})
		natstest.Eventually(t, patience, func() bool {
			st, err := w.Agents.Status(t.Context(), "inner")
			return err == nil && st.Live != nil && st.Live.Waiting == 1
		}, "the second message waits")
		// The host hears cancellations in order, so once the second has taken effect the first has.
		after := w.stream(t, "other", order{Do: "wait"})
		entered()
		for _, s := range []*client.Stream{s, after} {
			if err := w.Cancel(s.ID()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := after.Next(); api.CodeOf(err) != api.Cancelled {
			t.Fatalf("got %v", err)
		}
		p2.release <- struct{}{}
		if err := <-busy; err != nil {
			t.Fatal(err)
		}
		if _, err := s.Next(); api.CodeOf(err) != api.Cancelled {
			t.Fatalf("got %v", err)
		}
		w.ask(t, "inner", order{Do: "list"}, "[]")
	})
}

// A stream by bare NATS: two headers and a subscription are all it takes.
func TestStreamByBareNATS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, puppetSpec("p1"))
	nc := w.srv.Connect(t)
	sub, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	err = nc.PublishMsg(&nats.Msg{
		Subject: "mabus.agent.p1", Reply: sub.Subject, Data: []byte(`{"do":"count","n":10}`),
		Header: nats.Header{"Mabus-Stream": []string{"4"}, "Mabus-Request-Id": []string{"r1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	credit, kinds := "", ""
	for seq := 1; ; seq++ {
		msg, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if got := msg.Header.Get("Mabus-Seq"); got != fmt.Sprint(seq) {
			t.Fatalf("part %d is numbered %q", seq, got)
		}
		if c := msg.Header.Get("Mabus-Credit"); c != "" {
			credit = c
		}
		kinds += msg.Header.Get("Mabus-Kind")[:1]
		if seq%4 == 0 { // all that was granted has come, and nothing more until we say so
			err := nc.PublishMsg(&nats.Msg{Subject: credit, Header: nats.Header{"Mabus-Credit": []string{"4"}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		if msg.Header.Get("Mabus-Kind") == "result" {
			break
		}
	}
	if kinds != "ccccccccccpr" {
		t.Fatalf("got %s", kinds)
	}
}

func ptr[T any](v T) *T { return &v }

package client_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// puppet answers each message to a subject by what say returns for it, counting from 1: an answer, an error, or, without
// both, nothing at all.
func (s *scripted) puppet(t *testing.T, subject string, say func(n int64) (string, *api.Error)) (count *atomic.Int64) {
	t.Helper()
	count = new(atomic.Int64)
	sub, err := s.conn.NC.Subscribe(subject, func(m *nats.Msg) {
		switch answer, err := say(count.Add(1)); {
		case err != nil:
			_ = s.conn.ReplyError(m.Reply, err)
		case answer != "":
			_ = m.Respond([]byte(answer))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := s.conn.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestIdempotentCall(t *testing.T) {
	s := newScripted(t)
	crashed := api.Errorf(api.Unavailable, "crashed").WithReason(api.ReasonAgentCrashed).MaybeExecuted()
	cases := []struct {
		name string
		err  *api.Error
		// more attempts than one, when the message is marked as safe to repeat
		again bool
	}{
		{"crashed", crashed, true},
		{"draining", api.Errorf(api.Unavailable, "stopping").WithReason(api.ReasonDraining), true},
		{"on the way", api.Errorf(api.Unavailable, "the connection broke").MaybeExecuted(), true},
		{"nobody below", api.Errorf(api.Unavailable, "nobody").WithReason(api.ReasonNoAgent), true},
		{"silence", nil, true},
		{"breaker", api.Errorf(api.Unavailable, "open").WithReason(api.ReasonBreakerOpen), false},
		{"full", api.Errorf(api.Overloaded, "full").WithReason(api.ReasonMailboxFull), false},
		{"its own", api.Errorf(api.FailedPrecondition, "no").WithReason(api.ReasonAgentError), false},
		{"its own agent is missing", api.Errorf(api.NotFound, "no").WithReason(api.ReasonAgentNotFound), false},
		{"its own deadline", api.Errorf(api.DeadlineExceeded, "no").WithReason(api.ReasonTimeout), false},
	}
	for i, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			id := string(rune('a' + i))
			say := func(n int64) (string, *api.Error) {
				if n > 2 {
					return `"done"`, nil
				}
				return "", tt.err
			}
			one := s.puppet(t, api.AgentSubject("mabus", id), say)
			some := s.puppet(t, api.CapabilitySubject("mabus", id), say)
			calls := []struct {
				name  string
				do    func(context.Context, string, any) (json.RawMessage, error)
				count *atomic.Int64
			}{{"Call", s.Call, one}, {"CallCapability", s.CallCapability, some}}
			for _, c := range calls {
				d := patience
				if tt.err == nil {
					d = time.Second
				}
				if _, err := c.do(within(t, d), id, 1); err == nil || c.count.Load() != 1 {
					t.Fatalf("%s unmarked: %d attempts, %v", c.name, c.count.Load(), err)
				}
				if tt.err == nil {
					d = 6 * time.Second // two attempts of it run out
				}
				answer, err := c.do(client.Idempotent(within(t, d)), id, 1)
				if tt.again && (err != nil || string(answer) != `"done"` || c.count.Load() != 3) {
					t.Errorf("%s: %d attempts, %s, %v", c.name, c.count.Load(), answer, err)
				}
				if !tt.again && (api.ReasonOf(err) != tt.err.Details.Reason || c.count.Load() != 2) {
					t.Errorf("%s: %d attempts, %v", c.name, c.count.Load(), err)
				}
			}
		})
	}
}

// An agent that is away comes back while the call is repeated; one that does not is as an unmarked call would say.
func TestIdempotentCallWaitsForAnAgent(t *testing.T) {
	s := newScripted(t)
	_, err := s.Call(client.Idempotent(within(t, time.Second)), "a", 1)
	if api.ReasonOf(err) != api.ReasonAgentNotFound {
		t.Errorf("got %v", err)
	}
	_, err = s.CallCapability(client.Idempotent(within(t, time.Second)), "a", 1)
	if api.ReasonOf(err) != api.ReasonNoAgent {
		t.Errorf("got %v", err)
	}
	got := make(chan error, 1)
	ctx := client.Idempotent(within(t, patience))
	go func() {
		_, err := s.Call(ctx, "a", 1)
		got <- err
	}()
	s.puppet(t, api.AgentSubject("mabus", "a"), func(int64) (string, *api.Error) { return "{}", nil })
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestIdempotentCallEndsWithItsContext(t *testing.T) {
	s := newScripted(t)
	ctx, cancel := context.WithCancel(t.Context())
	count := s.puppet(t, api.AgentSubject("mabus", "a"), func(n int64) (string, *api.Error) {
		if n == 3 {
			cancel()
		}
		return "", api.Errorf(api.Unavailable, "stopping").WithReason(api.ReasonDraining)
	})
	if _, err := s.Call(client.Idempotent(ctx), "a", 1); err == nil {
		t.Error("an answer of nobody")
	}
	if n := count.Load(); n > 4 {
		t.Errorf("%d attempts after the end of the context", n-3)
	}
}

package exec_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestPayloadsPassUnchanged(t *testing.T) {
	t.Parallel()
	p := start(t, self(t, "echo"), exec.Options{})
	for _, c := range []struct{ in, want string }{
		{`1`, `1`},
		{``, `null`},
		{`{"b":1.50,"a":[1e3, "\u00e4\n"]}`, `{"b":1.50,"a":[1e3, "\u00e4\n"]}`},
		{"{\n\t\"a\": 1,\r\n \"b\": 2\n}", `{	"a": 1,   "b": 2 }`},
		{`"line\u2028separator ` + "\u2028" + `"`, `"line\u2028separator ` + "\u2028" + `"`},
		{`12345678901234567890123`, `12345678901234567890123`},
	} {
		got := ask(t, p, c.in)
		if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestPayloadCannotForgeAFrame(t *testing.T) {
	t.Parallel()
	p := start(t, self(t, "echo"), exec.Options{})
	for _, payload := range []string{"1}\n{\"type\":\"stop\"}", `1,"id":"9"`, `{`, "\xff", `"a" "b"`, strings.Repeat("[", 100_000)} {
		_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(payload)})
		wantError(t, err, api.Invalid, api.ReasonMalformed, false)
	}
	if got := ask(t, p, `"still here"`); got != `"still here"` {
		t.Fatal(got)
	}
}

func TestWorkerSeesTheMessage(t *testing.T) {
	t.Parallel()
	spec := self(t, "frames")
	spec.Capabilities = []string{"sum"}
	spec.Config = []byte("{\n\"depth\": 3}")
	spec.Concurrency = 2
	p := start(t, spec, exec.Options{})
	ctx, cancel := context.WithDeadline(t.Context(), time.Date(2100, 1, 2, 3, 4, 5, 0, time.UTC))
	defer cancel()
	go func() {
		_, _ = p.Handle(ctx, &agent.Message{Payload: []byte(`{"x":1}`), Cast: true, Task: "t1", Attempt: 2, Principal: `odd "name"`})
	}()
	var seen []string
	eventually(t, "the worker has the first message", func() bool {
		seen = nil
		if err := codec.Read([]byte(ask(t, p, `"report"`)), &seen); err != nil {
			t.Fatal(err)
		}
		for _, f := range seen {
			if strings.Contains(f, `"x"`) {
				return true
			}
		}
		return false
	})
	init := `{"type":"init","protocol":1,"agent":{"id":"a1","type":"worker","capabilities":["sum"],"concurrency":2},"config":{"depth":3}}`
	if seen[0] != init {
		t.Errorf("init frame\n got %s\nwant %s", seen[0], init)
	}
	found := false
	for _, f := range seen {
		_, rest, _ := strings.Cut(f, `"id":`)
		_, rest, _ = strings.Cut(rest, `,`)
		found = found || strings.HasPrefix(f, `{"type":"message","id":"`) &&
			rest == `"cast":true,"task":{"id":"t1","attempt":2},"principal":"odd \"name\"","deadline":"2100-01-02T03:04:05Z","payload":{"x":1}}`
	}
	if !found {
		t.Errorf("no such message frame in %q", seen)
	}
}

func TestAnswersOutOfOrder(t *testing.T) {
	t.Parallel()
	spec := self(t, "reverse")
	spec.Concurrency = 4
	p := start(t, spec, exec.Options{})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			want := fmt.Sprint(i)
			if got := ask(t, p, want); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	wg.Wait()
}

// The worker keeps every message but reports, so with one slot left the reports go through one at a time, and with none
// left they do not reach it.
func TestConcurrencyIsALimit(t *testing.T) {
	t.Parallel()
	spec := self(t, "frames")
	spec.Concurrency = 2
	p := start(t, spec, exec.Options{})
	keep := func(ctx context.Context) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := p.Handle(ctx, &agent.Message{Payload: []byte(`"keep"`)})
			ended <- err
		}()
		return ended
	}
	first := keep(t.Context())
	eventually(t, "the first is with the worker", func() bool { return strings.Contains(ask(t, p, `"report"`), "keep") })
	ctx, cancel := context.WithCancel(t.Context())
	second := keep(ctx)
	eventually(t, "both are with the worker", func() bool {
		short, stop := context.WithTimeout(t.Context(), 2*time.Second) // a report that is late would have the slot that is looked for
		defer stop()
		_, err := p.Handle(short, &agent.Message{Payload: []byte(`"report"`)})
		return api.CodeOf(err) == api.DeadlineExceeded && !api.AsError(err).Details.MaybeExecuted
	})
	// A cancelled message is still with the worker.
	cancel()
	wantError(t, <-second, api.Cancelled, "", true)
	short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := p.Handle(short, &agent.Message{Payload: []byte(`"report"`)})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, false)
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantError(t, <-first, api.Unavailable, api.ReasonAgentCrashed, true)
}

func TestCancelAndDeadline(t *testing.T) {
	t.Parallel()
	p := start(t, self(t, "late"), exec.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // in which it is passed on
	defer cancel()
	_, err := p.Handle(ctx, &agent.Message{Payload: []byte(`1`)})
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, true)
	eventually(t, "the worker has the cancel frame", func() bool { return strings.Contains(strings.Join(p.LogTail(), "\n"), "cancel 1") })
	if got := ask(t, p, `"echo"`); got != `"echo"` {
		t.Fatalf("got %s; the late answer must be dropped", got)
	}
	gone, cancelGone := context.WithCancel(t.Context())
	cancelGone()
	_, err = p.Handle(gone, &agent.Message{Payload: []byte(`1`)})
	wantError(t, err, api.Cancelled, "", false)
}

func TestWorkerErrors(t *testing.T) {
	t.Parallel()
	p := start(t, shEach(`printf '{"type":"error","id":"%s","error":%s,"extra":1}\n' "$id" "$payload"`), exec.Options{})
	for _, c := range []struct {
		payload, reason, message string
		code                     api.Code
	}{
		{`"out of paper"`, api.ReasonAgentError, "out of paper", api.FailedPrecondition},
		{`{"message":"no such page","code":"not_found"}`, api.ReasonAgentError, "no such page", api.NotFound},
		{`{"message":"m","code":"invalid","reason":"bad_page"}`, "bad_page", "m", api.Invalid},
		{`{"message":"m","code":"rate_limited","details":{"reason":"r","retry_after":"2s","new":1}}`, "r", "m", api.RateLimited},
		{`{"message":"m","code":"made_up"}`, api.ReasonAgentError, "m", api.FailedPrecondition},
		{`{}`, api.ReasonAgentError, "the agent answered with an error and no message", api.FailedPrecondition},
		{`null`, api.ReasonAgentError, "the agent answered with an error and no message", api.FailedPrecondition},
		{`[1]`, api.ReasonAgentError, "the agent answered with the error [1]", api.FailedPrecondition},
	} {
		_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(c.payload)})
		wantError(t, err, c.code, c.reason, false)
		if e := api.AsError(err); e.Message != c.message {
			t.Errorf("%s: message %q, want %q", c.payload, e.Message, c.message)
		}
	}
}

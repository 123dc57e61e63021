package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
)

// moody answers as it is told: an error of its own, a plain error, a crash, or nothing for a while.
var moody = agent.Module{Name: "moody", New: func(context.Context, agent.Env) (agent.Handler, error) {
	return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		switch string(m.Payload) {
		case `"own"`:
			return nil, api.Errorf(api.RateLimited, "slower").WithReason("too_fast")
		case `"plain"`:
			return nil, errors.New("out of paper")
		case `"crash"`:
			panic("as it was told to")
		case `"late"`:
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return m.Payload, nil
	}), nil
}}

func begin(t *testing.T, c *client.Client, spec api.AgentSpec) {
	t.Helper()
	if _, err := c.Agents.Start(within(t, 10*time.Second), api.AgentStartRequest{Agent: &spec}); err != nil {
		t.Fatal(err)
	}
}

func TestErrors(t *testing.T) {
	c := inProcess(t, moody)
	begin(t, c, api.AgentSpec{ID: "m1", Module: "moody", Capabilities: []string{"mood"}})
	call := func(id, payload string, d time.Duration) error {
		_, err := c.Call(within(t, d), id, json.RawMessage(payload))
		return err
	}
	second := func(_ any, err error) error { return err }
	ctx := within(t, 30*time.Second)
	cases := []struct {
		name   string
		err    error
		code   api.Code
		reason string
	}{
		{"an answer", call("m1", `"fine"`, 5*time.Second), "", ""},
		{"no such agent", call("m2", `1`, 5*time.Second), api.NotFound, api.ReasonAgentNotFound},
		{"not an id", call("m.*", `1`, 5*time.Second), api.Invalid, ""},
		{"an error of its own", call("m1", `"own"`, 5*time.Second), api.RateLimited, "too_fast"},
		{"a plain error", call("m1", `"plain"`, 5*time.Second), api.FailedPrecondition, api.ReasonAgentError},
		{"too late", call("m1", `"late"`, 100*time.Millisecond), api.DeadlineExceeded, api.ReasonTimeout},
		{"a crash", call("m1", `"crash"`, 5*time.Second), api.Unavailable, api.ReasonAgentCrashed},
		{"no agent with the capability", second(c.CallCapability(ctx, "none", 1)), api.Unavailable, api.ReasonNoAgent},
		{"a cast to nobody", c.Cast(ctx, "m2", 1), api.NotFound, api.ReasonAgentNotFound},
		{"a cast to no capability", c.CastCapability(ctx, "none", 1), api.Unavailable, api.ReasonNoAgent},
		{"no JSON", c.Cast(ctx, "m1", func() {}), api.Invalid, ""},
		{"registered twice", second(c.Agents.Register(ctx, api.AgentSpec{ID: "m1"})), api.Conflict, api.ReasonAlreadyRegistered},
		{"started twice", second(c.Agents.Start(ctx, api.AgentStartRequest{ID: "m1"})), api.Conflict, api.ReasonAlreadyRunning},
		{"no module", second(c.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "x", Module: "none"}})), api.FailedPrecondition, api.ReasonModuleNotFound},
		{"no host", second(c.Agents.Start(ctx, api.AgentStartRequest{ID: "m1", Host: "none"})), api.NotFound, api.ReasonHostNotFound},
		{"not running", second(c.Agents.Stop(ctx, "nobody")), api.NotFound, api.ReasonAgentNotFound},
		{"no task", second(c.Tasks.Get(ctx, api.TaskGetRequest{ID: "none"})), api.NotFound, api.ReasonTaskNotFound},
		{"no service", second(c.Services.Get(ctx, api.GetRequest{ID: "none"})), api.NotFound, api.ReasonServiceNotFound},
		{"no service in time", second(c.Services.WaitFor(ctx, api.ServicesWaitForRequest{Name: "none", Timeout: api.Duration(50 * time.Millisecond)})), api.DeadlineExceeded, api.ReasonTimeout},
	}
	for _, tt := range cases {
		if api.CodeOf(tt.err) != tt.code || tt.reason != "" && api.ReasonOf(tt.err) != tt.reason {
			t.Errorf("%s: got %v, want %s (%s)", tt.name, tt.err, tt.code, tt.reason)
		}
	}
}

func TestNoServer(t *testing.T) {
	_, err := client.Connect(t.Context(), client.Options{URL: "nats://127.0.0.1:1"})
	if api.CodeOf(err) != api.Unavailable {
		t.Errorf("got %v", err)
	}
}

// TestAllGoesThroughEveryPage: each of 2,500 agents once, in the order of ids, whatever the size of a page.
func TestAllGoesThroughEveryPage(t *testing.T) {
	c := inProcess(t)
	ctx := within(t, 60*time.Second)
	const n = 2500
	for from := 0; from < n; from += api.MaxBulk {
		var specs []api.AgentSpec
		for i := from; i < min(from+api.MaxBulk, n); i++ {
			specs = append(specs, api.AgentSpec{ID: fmt.Sprintf("a%04d", i), Tags: []string{"bulk"}})
		}
		results, err := c.Agents.RegisterMany(ctx, specs)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Error != nil {
				t.Fatal(r.Error)
			}
		}
	}
	revision := ""
	if a, err := c.Agents.Get(ctx, api.GetRequest{ID: fmt.Sprintf("a%04d", n-1)}); err != nil {
		t.Fatal(err)
	} else {
		revision = a.Revision
	}
	for _, limit := range []int{0, 7, api.MaxPage} {
		i := 0
		for a, err := range c.Agents.All(ctx, api.AgentsListRequest{Tags: []string{"bulk"}, Limit: limit, MinRevision: revision}) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("a%04d", i); a.ID != want {
				t.Fatalf("limit %d: %s where %s belongs", limit, a.ID, want)
			}
			i++
		}
		if i != n {
			t.Errorf("limit %d: %d agents, want %d", limit, i, n)
		}
	}
	for range c.Agents.All(ctx, api.AgentsListRequest{Limit: 10}) {
		break // ending early is the caller's right
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range c.Agents.All(ended, api.AgentsListRequest{}) {
		if err == nil {
			t.Error("a list after the end of its context")
		}
	}
}

func TestCallAll(t *testing.T) {
	c := inProcess(t, moody)
	for i := range 3 {
		begin(t, c, api.AgentSpec{ID: fmt.Sprintf("m%d", i), Module: "moody", Capabilities: []string{"mood"}})
	}
	for _, tt := range []struct {
		payload string
		d       time.Duration
		good    int
		bad     int
	}{{`"fine"`, 5 * time.Second, 3, 0}, {`"plain"`, 5 * time.Second, 0, 3}, {`"late"`, 300 * time.Millisecond, 0, 0}} {
		answers, want, err := c.CallAll(within(t, tt.d), "mood", json.RawMessage(tt.payload))
		if err != nil || want != 3 {
			t.Fatalf("%s: %v, want %d", tt.payload, err, want)
		}
		good, bad := 0, 0
		for _, a := range answers {
			switch {
			case a.Err == nil && string(a.Payload) == tt.payload:
				good++
			case a.Err != nil && a.Payload == nil:
				bad++
			}
		}
		if tt.payload != `"late"` && (good != tt.good || bad != tt.bad) || good > tt.good {
			t.Errorf("%s: %d answers and %d errors, want %d and %d", tt.payload, good, bad, tt.good, tt.bad)
		}
	}
	if answers, want, err := c.CallAll(within(t, 5*time.Second), "none", 1); err != nil || want != 0 || len(answers) != 0 {
		t.Errorf("nobody: %v, %d, %v", answers, want, err)
	}
	if _, _, err := c.CallAll(within(t, 5*time.Second), "not an id", 1); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
}

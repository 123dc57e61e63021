package agenthost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// What each policy does when a program crashes, ends in order, and is stopped. Whatever happened, the agent can be asked, looked
// at, stopped and started afterwards.
func TestPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	for _, c := range []struct {
		policy api.RestartPolicy
		signal syscall.Signal // 0: it is stopped on request
		want   api.AgentStatus
		reason string
	}{
		{api.RestartPermanent, syscall.SIGKILL, api.AgentRunning, ""},
		{api.RestartPermanent, syscall.SIGTERM, api.AgentRunning, ""},
		{api.RestartPermanent, 0, api.AgentStopped, ""},
		{api.RestartTransient, syscall.SIGKILL, api.AgentRunning, ""},
		{api.RestartTransient, syscall.SIGTERM, api.AgentStopped, "it ended by itself"},
		{api.RestartTransient, 0, api.AgentStopped, ""},
		{api.RestartTemporary, syscall.SIGKILL, api.AgentFailed, api.ReasonAgentCrashed + ": "},
		{api.RestartTemporary, syscall.SIGTERM, api.AgentStopped, "it ended by itself"},
		{api.RestartTemporary, 0, api.AgentStopped, ""},
	} {
		id := fmt.Sprintf("%s-%d", c.policy, c.signal)
		t.Run(id, func(t *testing.T) {
			w.start(t, api.AgentSpec{ID: id, RestartPolicy: c.policy, Command: []string{"sh", "-c", `trap "exit 0" TERM; . ../../examples/exec/echo.sh`}})
			w.ask(t, id, 1, "1")
			before, err := w.Agents.Status(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if c.signal == 0 {
				_, err = w.Agents.Stop(within(t, patience), id)
			} else {
				err = syscall.Kill(before.Live.PID, c.signal)
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.want != api.AgentRunning {
				a := w.eventually(t, id, status(c.want), "it has ended")
				if a.Restarts != 0 || !strings.HasPrefix(a.Reason, c.reason) {
					t.Errorf("%+v", a)
				}
				if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{ID: id}); err != nil {
					t.Fatal(err)
				}
				w.ask(t, id, 2, "2")
				return
			}
			w.eventually(t, id, restarts(1), "it was restarted")
			w.ask(t, id, 2, "2")
			after, err := w.Agents.Status(t.Context(), id)
			if err != nil || after.Agent.Epoch != before.Agent.Epoch || after.Live.PID == before.Live.PID {
				t.Errorf("%+v, %v", after, err)
			}
			if a, err := w.Agents.Restart(within(t, patience), id); err != nil || a.Restarts != 0 {
				t.Errorf("%+v, %v", a, err)
			}
			w.ask(t, id, 3, "3")
			if a, err := w.Agents.Stop(within(t, patience), id); err != nil || a.Status != api.AgentStopped {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// An agent that is given up after its crashes leaves the others as they were.
func TestManyCrashesLeaveOthersUntouched(t *testing.T) {
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	const others = 5
	for i := range others {
		id := fmt.Sprintf("good%d", i)
		w.start(t, api.AgentSpec{ID: id, Module: "puppet"})
		w.ask(t, id, order{Do: "add", N: i}, "null")
	}
	made := p.made.Load()
	many, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	// The delays double to ten seconds, so several agents share the twelve crashes.
	for i, n := range []int{5, 4, 3} {
		id := fmt.Sprintf("bad%d", i)
		limit := n - 1
		w.start(t, api.AgentSpec{ID: id, Module: "puppet", MaxRestarts: &limit})
		for range n {
			_, err := w.Call(many, id, order{Do: "panic"})
			wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
		}
		a := w.eventually(t, id, status(api.AgentFailed), "it was given up")
		if a.Restarts != limit || !strings.HasPrefix(a.Reason, api.ReasonMaxRestarts+": ") {
			t.Errorf("%+v", a)
		}
	}
	if n := p.made.Load() - made; n != 12 {
		t.Errorf("%d instances were made for twelve crashes", n)
	}
	for i := range others {
		id := fmt.Sprintf("good%d", i)
		w.ask(t, id, order{Do: "list"}, fmt.Sprintf("[%d]", i))
		if a := w.get(t, id); a.Restarts != 0 || a.Status != api.AgentRunning {
			t.Errorf("%+v", a)
		}
	}
}

func TestStartsAtOnce(t *testing.T) {
	t.Parallel()
	const n = 30
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			id := fmt.Sprintf("a%d", i)
			a, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: "puppet", Type: "many"}})
			if err != nil || a.Status != api.AgentRunning {
				t.Errorf("%s: %+v, %v", id, a, err)
			}
		})
	}
	wg.Wait()
	natstest.Eventually(t, patience, func() bool {
		list, err := w.Agents.List(t.Context(), api.AgentsListRequest{Type: "many", Status: api.AgentRunning})
		return err == nil && len(list.Agents) == n
	}, "the registry's replica has seen all")
	listed := 0
	for a, err := range w.Agents.All(within(t, patience), api.AgentsListRequest{Type: "many", Status: api.AgentRunning}) {
		if err != nil {
			t.Fatal(err)
		}
		w.ask(t, a.ID, order{Do: "who"}, `["`+a.ID+`",""]`)
		listed++
	}
	if listed != n || p.made.Load() != n {
		t.Errorf("%d are listed and %d were made, want %d", listed, p.made.Load(), n)
	}
	var won atomic.Int64
	for range n {
		wg.Go(func() {
			_, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &api.AgentSpec{ID: "one", Module: "puppet"}})
			if err == nil {
				won.Add(1)
			} else if api.CodeOf(err) != api.Conflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || p.made.Load() != n+1 {
		t.Errorf("%d starts of one agent succeeded and %d instances were made", won.Load(), p.made.Load()-n)
	}
	w.ask(t, "one", order{Do: "list"}, "[]")
}

// A message that an agent has begun has three quarters of its shutdown time, be that shorter or longer than it is by default.
func TestShutdownGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	given := make(chan time.Duration, 1)
	entered := make(chan struct{}, 1)
	stubborn := agent.Module{Name: "stubborn", New: func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, _ *agent.Message) (json.RawMessage, error) {
			begin := time.Now()
			entered <- struct{}{}
			<-ctx.Done()
			given <- time.Since(begin)
			return nil, ctx.Err()
		}), nil
	}}
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{stubborn}})
	for _, c := range []struct {
		shutdown, least, most time.Duration
	}{
		{200 * time.Millisecond, 150 * time.Millisecond, 2500 * time.Millisecond},
		{4400 * time.Millisecond, 3200 * time.Millisecond, patience},
	} {
		best := patience // the machine may be loaded, so the best of a few counts
		for try := 0; try < 5 && best >= c.most; try++ {
			id := fmt.Sprintf("a%d-%d", c.shutdown.Milliseconds(), try)
			w.start(t, api.AgentSpec{ID: id, Module: "stubborn", Shutdown: api.Duration(c.shutdown)})
			answer := make(chan error, 1)
			go func() {
				_, err := w.Call(within(t, patience), id, 1)
				answer <- err
			}()
			<-entered
			if a, err := w.Agents.Stop(within(t, patience), id); err != nil || a.Status != api.AgentStopped {
				t.Errorf("%+v, %v", a, err)
			}
			got := <-given
			if best = min(best, got); got < c.least {
				t.Errorf("with %s it had %s", c.shutdown, got)
			}
			wantError(t, <-answer, api.Unavailable, api.ReasonDraining)
		}
		if best >= c.most {
			t.Errorf("with %s it had %s", c.shutdown, best)
		}
	}
}

func TestLastWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	talker := agent.Module{Name: "talker", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			switch string(m.Payload) {
			case `"long"`:
				for i := range 1000 {
					env.Logf("line %d %s\xff", i, strings.Repeat("é", 3000))
				}
			case `"many"`:
				for i := range 1000 {
					env.Logf("%d", i)
				}
			}
			env.Logf("I was told %s", m.Payload)
			panic("so be it")
		}), nil
	}}
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{talker}})
	none := 0
	for _, said := range []string{"short", "long", "many"} {
		w.start(t, api.AgentSpec{ID: said, Module: "talker", MaxRestarts: &none})
		_, err := w.Call(within(t, patience), said, said)
		wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
		a := w.eventually(t, said, status(api.AgentFailed), "it was given up")
		log := words(t, a)
		for _, part := range []string{`I was told "` + said + `"`, "panic: so be it\ngoroutine ", "TestLastWords"} {
			if !strings.Contains(log, part) {
				t.Errorf("%s: nothing of %q in\n%s", said, part, log)
			}
		}
	}
	w.start(t, api.AgentSpec{ID: "exec", MaxRestarts: &none, Command: []string{"sh", "-c", `echo "first word" >&2; i=0; while [ $i -lt 50 ]; do echo "$i xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" >&2; i=$((i+1)); done; echo "last word" >&2; exit 3`}})
	log := words(t, w.eventually(t, "exec", status(api.AgentFailed), "it was given up"))
	if strings.Contains(log, "first word") || !strings.HasSuffix(log, "\nlast word") {
		t.Error(log)
	}
	if a, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{ID: "short"}); err != nil || a.LastWords != nil {
		t.Errorf("started again: %+v, %v", a, err)
	}
	if st, err := w.Agents.Status(within(t, patience), "short"); err != nil || len(st.Live.LogTail) != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

func words(t *testing.T, a *api.Agent) string {
	t.Helper()
	if a.LastWords == nil {
		t.Fatalf("%s has no last words", a.ID)
	}
	size := 0
	for _, line := range a.LastWords.Log {
		size += len(line)
		if !utf8.ValidString(line) {
			t.Errorf("%q", line)
		}
	}
	if size > api.MaxLastWords || len(a.LastWords.Log) > 100 {
		t.Errorf("%d bytes in %d lines", size, len(a.LastWords.Log))
	}
	return strings.Join(a.LastWords.Log, "\n")
}

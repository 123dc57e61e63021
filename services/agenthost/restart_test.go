package agenthost_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestCrashIsOneAgentsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	w.start(t, api.AgentSpec{ID: "b", Module: "puppet"})
	w.ask(t, "b", order{Do: "add", N: 1}, "null")
	_, err := w.Call(within(t, patience), "a", order{Do: "panic", Arg: "bad"})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	if !api.AsError(err).Details.MaybeExecuted {
		t.Error("a crash does not say that the work may have happened")
	}
	w.ask(t, "a", order{Do: "list"}, "[]") // a new instance
	w.eventually(t, "a", restarts(1), "one restart is on record")
	w.ask(t, "b", order{Do: "list"}, "[1]")
	state, err := w.Agents.Status(within(t, patience), "a")
	if err != nil || state.Live == nil || !strings.Contains(state.Live.LastError, "panic: bad") || state.Agent.Restarts != 1 {
		t.Errorf("status: %+v, %v", state, err)
	}
	if p.made.Load() != 3 || p.closed.Load() != 1 {
		t.Errorf("%d instances were made and %d closed, want 3 and 1", p.made.Load(), p.closed.Load())
	}
	if a, err := w.Agents.Restart(within(t, patience), "a"); err != nil || a.Restarts != 0 {
		t.Errorf("after a start on request: %+v, %v", a, err)
	}
}

// After its first crash an agent is back at once. The machine may be loaded, so the best of a few counts, and the bound is generous.
func TestRestartIsQuick(t *testing.T) {
	w := newWorld(t)
	w.standard(t, "h1")
	best := patience
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		w.start(t, api.AgentSpec{ID: id, Module: "puppet"})
		_, err := w.Call(within(t, patience), id, order{Do: "panic"})
		wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
		begin := time.Now()
		w.ask(t, id, order{Do: "list"}, "[]")
		best = min(best, time.Since(begin))
	}
	t.Logf("the first answer after a crash took %s", best)
	if best > 2*time.Second {
		t.Errorf("the first answer after a crash took %s", best)
	}
}

// What waits in the mailbox while an agent crashes is handled by the next instance.
func TestCrashLosesOnlyWhatTheAgentHad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	first := make(chan error, 1)
	go func() {
		_, err := w.Call(t.Context(), "a", order{Do: "wait"})
		first <- err
	}()
	<-p.entered
	const waiting = 20
	answers := make(chan error, waiting)
	crash := make(chan error, 1)
	go func() {
		_, err := w.Call(t.Context(), "a", order{Do: "panic", Arg: "now"})
		crash <- err
	}()
	w.waiting(t, "a", 1)
	for range waiting {
		go func() {
			_, err := w.Call(t.Context(), "a", order{Do: "echo"})
			answers <- err
		}()
	}
	w.waiting(t, "a", waiting+1)
	close(p.release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	wantError(t, <-crash, api.Unavailable, api.ReasonAgentCrashed)
	for range waiting {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func (w *world) waiting(t testing.TB, id string, n int) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		st, err := w.Agents.Status(t.Context(), id)
		return err == nil && st.Live != nil && st.Live.Waiting == n
	}, "%d messages wait for %s", n, id)
}

func TestKilledProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	for _, policy := range []api.RestartPolicy{api.RestartPermanent, api.RestartTransient, api.RestartTemporary} {
		t.Run(string(policy), func(t *testing.T) {
			id := string(policy)
			w.start(t, api.AgentSpec{ID: id, Command: []string{"sh", "../../examples/exec/echo.sh"}, RestartPolicy: policy})
			w.ask(t, id, 1, "1")
			state, err := w.Agents.Status(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(state.Live.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if policy != api.RestartTemporary {
				w.eventually(t, id, restarts(1), "it was restarted")
				w.ask(t, id, 2, "2")
				return
			}
			a := w.eventually(t, id, status(api.AgentFailed), "it is failed")
			if a.Restarts != 0 || !strings.HasPrefix(a.Reason, api.ReasonAgentCrashed+": ") {
				t.Errorf("%+v", a)
			}
			_, err = w.Call(t.Context(), id, 1)
			wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
		})
	}
}

// A program that ends by itself with status 0 is no crash.
func TestProgramThatEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	two := 2
	for _, c := range []struct {
		policy api.RestartPolicy
		want   api.AgentStatus
		reason string
	}{
		{api.RestartPermanent, api.AgentFailed, api.ReasonMaxRestarts},
		{api.RestartTransient, api.AgentStopped, "it ended by itself"},
		{api.RestartTemporary, api.AgentStopped, "it ended by itself"},
	} {
		id := string(c.policy)
		spec := api.AgentSpec{ID: id, Command: []string{"true"}, RestartPolicy: c.policy, MaxRestarts: &two}
		if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec}); err != nil { // it may be starting again by then
			t.Fatal(err)
		}
		if a := w.eventually(t, id, status(c.want), id+" ended"); !strings.HasPrefix(a.Reason, c.reason) {
			t.Errorf("%s: %s", id, a.Reason)
		}
	}
}

func TestGivenUpAfterTooManyRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	two, none := 2, 0
	w.start(t, api.AgentSpec{ID: "good", Module: "puppet"})
	w.start(t, api.AgentSpec{ID: "bad", Module: "puppet", MaxRestarts: &two})
	w.start(t, api.AgentSpec{ID: "never", Module: "puppet", MaxRestarts: &none})
	for range 3 { // a message that comes while the agent is down waits for the next instance
		_, err := w.Call(within(t, patience), "bad", order{Do: "panic", Arg: "again"})
		wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	}
	a := w.eventually(t, "bad", status(api.AgentFailed), "it was given up")
	if a.Restarts != 2 || !strings.HasPrefix(a.Reason, api.ReasonMaxRestarts+": panic: again") {
		t.Errorf("%+v", a)
	}
	_, err := w.Call(within(t, patience), "bad", order{Do: "echo"})
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
	_, err = w.Call(within(t, patience), "never", order{Do: "panic"})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	if a := w.eventually(t, "never", status(api.AgentFailed), "it was given up"); !strings.HasPrefix(a.Reason, api.ReasonAgentCrashed+": ") {
		t.Errorf("%+v", a)
	}
	w.ask(t, "good", order{Do: "list"}, "[]")
	if st, err := w.Agents.Stats(t.Context()); err != nil || st.ByStatus[api.AgentRunning] != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	again, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{ID: "bad"})
	if err != nil || again.Status != api.AgentRunning || again.Restarts != 0 || again.Reason != "" {
		t.Fatalf("start from failed: %+v, %v", again, err)
	}
	w.ask(t, "bad", order{Do: "list"}, "[]")
	if made := p.made.Load(); made != 6 {
		t.Errorf("%d instances were made, want 6", made)
	}
}

// An agent can be stopped while it waits for its next start.
func TestStopBetweenTwoLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, p := w.standard(t, "h1")
	many := 100
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", MaxRestarts: &many})
	for range 7 { // after which it waits for more than three seconds
		_, err := w.Call(within(t, patience), "a", order{Do: "panic"})
		wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	}
	w.eventually(t, "a", status(api.AgentStarting), "it waits for its next start")
	made := p.made.Load()
	a, err := w.Agents.Stop(within(t, patience), "a")
	if err != nil || a.Status != api.AgentStopped {
		t.Fatalf("%+v, %v", a, err)
	}
	if p.made.Load() != made {
		t.Error("it was started once more")
	}
}

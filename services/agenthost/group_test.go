package agenthost_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// troupe is a module whose agents' starts and ends are on record. They do what a puppet does, and fail to start on demand.
type troupe struct {
	*puppet
	mu     sync.Mutex
	log    []string
	broken map[string]int           // how many of the next starts fail
	hung   map[string]chan struct{} // a start waits until its channel is closed, heeding nothing
}

type actor struct {
	*doll
	t *troupe
}

func (a *actor) Close() error {
	a.t.note("close " + a.env.Spec.ID)
	return a.doll.Close()
}

func (tr *troupe) note(what string) {
	tr.mu.Lock()
	tr.log = append(tr.log, what)
	tr.mu.Unlock()
}

// seen returns the record and begins a new one.
func (tr *troupe) seen() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	log := tr.log
	tr.log = nil
	return log
}

func (tr *troupe) fail(id string, n int) {
	tr.mu.Lock()
	tr.broken[id] = n
	tr.mu.Unlock()
}

// hang makes the starts of an agent hang until the returned function is called.
func (tr *troupe) hang(id string) (release func()) {
	c := make(chan struct{})
	tr.mu.Lock()
	tr.hung[id] = c
	tr.mu.Unlock()
	return sync.OnceFunc(func() {
		tr.mu.Lock()
		delete(tr.hung, id)
		tr.mu.Unlock()
		close(c)
	})
}

func (tr *troupe) module() agent.Module {
	return agent.Module{Name: "actor", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		id := env.Spec.ID
		tr.note("new " + id)
		tr.mu.Lock()
		fails, hung := tr.broken[id] > 0, tr.hung[id]
		tr.broken[id]--
		tr.mu.Unlock()
		if hung != nil {
			<-hung
		}
		if fails {
			return nil, errors.New("not on stage")
		}
		return &actor{&doll{p: tr.puppet, env: env}, tr}, nil
	}}
}

func (w *world) troupe(t *testing.T) (*host, *troupe) {
	t.Helper()
	tr := &troupe{puppet: newPuppet(), broken: map[string]int{}, hung: map[string]chan struct{}{}}
	return w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{tr.module()}}), tr
}

func actorSpec(id string, strategy api.GroupStrategy) api.AgentSpec {
	return api.AgentSpec{ID: id, Module: "actor", Group: &api.Group{Name: "g", Strategy: strategy}}
}

// crash has an agent panic.
func (w *world) crash(t testing.TB, id string) {
	t.Helper()
	_, err := w.Call(within(t, patience), id, order{Do: "panic", Arg: "bad"})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
}

func TestGroupRestarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		strategy api.GroupStrategy
		want     string
		renewed  string
	}{
		{api.OneForOne, "close b, new b", "b"},
		{api.OneForAll, "close b, close c, close a, new a, new b, new c", "abc"},
		{api.RestForOne, "close b, close c, new b, new c", "bc"},
	} {
		t.Run(string(c.strategy), func(t *testing.T) {
			w := newWorld(t)
			_, tr := w.troupe(t)
			lone := actorSpec("alone", "")
			lone.Group = nil
			w.start(t, lone)
			for _, id := range []string{"a", "b", "c"} {
				w.start(t, actorSpec(id, c.strategy))
				w.ask(t, id, order{Do: "add", N: 1}, "null")
			}
			tr.seen()
			w.crash(t, "b")
			for _, id := range []string{"a", "b", "c"} {
				want, n := "[1]", 0
				if strings.Contains(c.renewed, id) {
					want, n = "null", 1
				}
				a := w.eventually(t, id, restarts(n), id+" runs again")
				if a.Epoch != 1 || a.LastWords != nil {
					t.Errorf("%+v", a)
				}
				w.ask(t, id, order{Do: "list"}, strings.ReplaceAll(want, "null", "[]"))
			}
			w.ask(t, "alone", order{Do: "echo", Payload: json.RawMessage("1")}, "1")
			if got := strings.Join(tr.seen(), ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			w.crash(t, "b") // and once more, after a delay
			w.eventually(t, "b", restarts(2), "b runs again")
		})
	}
}

// What a member has in hand when its group restarts is finished, and what waits is handled afterwards.
func TestGroupRestartLosesNoMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, tr := w.troupe(t)
	for _, id := range []string{"a", "b"} {
		w.start(t, actorSpec(id, api.OneForAll))
	}
	const waiting = 10
	answers := make(chan error, waiting+1)
	go func() {
		_, err := w.Call(t.Context(), "a", order{Do: "wait"})
		answers <- err
	}()
	<-tr.entered
	for range waiting {
		go func() {
			_, err := w.Call(t.Context(), "a", order{Do: "echo"})
			answers <- err
		}()
	}
	w.waiting(t, "a", waiting)
	w.crash(t, "b")
	w.eventually(t, "a", status(api.AgentStarting), "a stops")
	close(tr.release)
	for range waiting + 1 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	w.eventually(t, "a", restarts(1), "a runs again")
}

// What a member does not finish in its time is given up, and its caller hears of it.
func TestGroupRestartDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, tr := w.troupe(t)
	spec := actorSpec("a", api.OneForAll)
	spec.Shutdown = api.Duration(100e6)
	w.start(t, spec)
	w.start(t, actorSpec("b", api.OneForAll))
	answer := make(chan error, 1)
	go func() {
		_, err := w.Call(t.Context(), "a", order{Do: "wait"})
		answer <- err
	}()
	<-tr.entered
	w.crash(t, "b")
	err := <-answer
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	if !api.AsError(err).Details.MaybeExecuted {
		t.Error("it does not say that the work may have happened")
	}
	w.ask(t, "a", order{Do: "list"}, "[]")
}

func TestTemporaryMemberDeparts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.troupe(t)
	spec := actorSpec("t", "")
	spec.RestartPolicy = api.RestartTemporary
	w.start(t, spec)
	w.start(t, actorSpec("a", api.OneForAll))
	w.crash(t, "a")
	w.eventually(t, "a", restarts(1), "a runs again")
	if a := w.eventually(t, "t", status(api.AgentStopped), "t is stopped"); !strings.Contains(a.Reason, "when a ended") {
		t.Errorf("%+v", a)
	}
	w.crash(t, "a")
	w.start(t, actorSpec("t2", ""))
}

func TestGroupIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		strategy api.GroupStrategy
		failed   string
	}{
		{api.OneForOne, ""}, {api.OneForAll, "ac"}, {api.RestForOne, "c"},
	} {
		t.Run(string(c.strategy), func(t *testing.T) {
			w := newWorld(t)
			w.troupe(t)
			one := 1
			for _, id := range []string{"a", "b", "c"} {
				spec := actorSpec(id, c.strategy)
				spec.MaxRestarts = &one
				w.start(t, spec)
			}
			w.crash(t, "c") // counts for b as well
			for _, id := range []string{"a", "b", "c"} {
				w.ask(t, id, order{Do: "list"}, "[]")
			}
			w.eventually(t, "c", restarts(1), "c runs again")
			w.crash(t, "b")
			a := w.eventually(t, "b", status(api.AgentFailed), "b is given up")
			if !strings.HasPrefix(a.Reason, api.ReasonMaxRestarts+": panic: bad") {
				t.Errorf("%+v", a)
			}
			for _, id := range []string{"a", "c"} {
				if !strings.Contains(c.failed, id) {
					w.ask(t, id, order{Do: "list"}, "[]")
					continue
				}
				a := w.eventually(t, id, status(api.AgentFailed), id+" is given up")
				if a.Reason != "group_failed: b was given up" {
					t.Errorf("%+v", a)
				}
			}
			for _, id := range []string{"b", "a", "c"} { // from the beginning
				if w.get(t, id).Status == api.AgentRunning {
					continue
				}
				again, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{ID: id})
				if err != nil || again.Restarts != 0 || again.Reason != "" {
					t.Errorf("%+v, %v", again, err)
				}
			}
			if c.strategy != api.OneForOne {
				w.crash(t, "b")
				w.ask(t, "b", order{Do: "list"}, "[]")
			}
		})
	}
}

// However many crash at once, all are back, each restart is counted, and the group is not given up for one event.
func TestSimultaneousCrashes(t *testing.T) {
	t.Parallel()
	for _, strategy := range []api.GroupStrategy{api.OneForOne, api.OneForAll, api.RestForOne} {
		t.Run(string(strategy), func(t *testing.T) {
			w := newWorld(t)
			w.troupe(t)
			ids := []string{"a", "b", "c", "d", "e"}
			many := 1000
			for _, id := range ids {
				spec := actorSpec(id, strategy)
				spec.MaxRestarts = &many
				w.start(t, spec)
			}
			for range 3 {
				var wg sync.WaitGroup
				for _, id := range ids {
					wg.Go(func() {
						_, err := w.Call(within(t, patience), id, order{Do: "panic"})
						if api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) != api.ReasonAgentCrashed {
							t.Errorf("%s: %v", id, err)
						}
					})
				}
				wg.Wait()
				for _, id := range ids {
					w.eventually(t, id, status(api.AgentRunning), id+" runs again")
					w.ask(t, id, order{Do: "list"}, "[]")
				}
			}
		})
	}
}

// A member that does not start is a crash of the group, until it does or the group is given up.
func TestStartFailsDuringTheRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, tr := w.troupe(t)
	three := 3
	for _, id := range []string{"a", "b", "c"} {
		spec := actorSpec(id, api.OneForAll)
		spec.MaxRestarts = &three
		w.start(t, spec)
	}
	tr.seen()
	tr.fail("b", 1)
	w.crash(t, "c")
	for _, id := range []string{"c", "b", "a"} {
		w.ask(t, id, order{Do: "list"}, "[]")
	}
	if got, want := strings.Join(tr.seen(), ", "), "close c, close b, close a, new a, new b, close a, new a, new b, new c"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	tr.fail("b", 100)
	w.crash(t, "a")
	for _, id := range []string{"a", "c"} {
		a := w.eventually(t, id, status(api.AgentFailed), id+" is given up")
		if a.Reason != "group_failed: b was given up" {
			t.Errorf("%+v", a)
		}
	}
	if a := w.eventually(t, "b", status(api.AgentFailed), "b is given up"); !strings.HasPrefix(a.Reason, api.ReasonMaxRestarts+": ") {
		t.Errorf("%+v", a)
	}
}

// A member that hangs in its start holds up those after it, and nobody when it is stopped.
func TestHangingStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, tr := w.troupe(t)
	for _, id := range []string{"a", "b", "c"} {
		w.start(t, actorSpec(id, api.OneForAll))
	}
	release := tr.hang("b")
	defer release()
	w.crash(t, "c")
	w.ask(t, "a", order{Do: "list"}, "[]")
	w.eventually(t, "c", status(api.AgentStarting), "c waits")
	natstest.Eventually(t, patience, func() bool { return strings.HasSuffix(strings.Join(tr.peek(), ","), "new b") }, "b is being made")
	if a, err := w.Agents.Stop(within(t, patience), "b"); err != nil || a.Status != api.AgentStopped {
		t.Fatalf("%+v, %v", a, err)
	}
	w.ask(t, "c", order{Do: "list"}, "[]")
	w.eventually(t, "c", restarts(1), "c runs")
	release() // what it makes after all is closed
	natstest.Eventually(t, patience, func() bool { return slices.Contains(tr.peek()[max(0, len(tr.peek())-1):], "close b") }, "b is closed")
}

func (tr *troupe) peek() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Clone(tr.log)
}

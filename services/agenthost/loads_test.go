package agenthost_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// reports listens to what hosts tell of their load.
type reports struct {
	t    *testing.T
	w    *world
	mu   sync.Mutex
	all  []api.HostLoad
	last map[string]api.AgentLoad
}

func hearReports(t *testing.T, w *world) *reports {
	t.Helper()
	r := &reports{t: t, w: w, last: map[string]api.AgentLoad{}}
	sub, err := w.Conn().NC.Subscribe(api.LoadSubject("mabus", "*"), func(m *nats.Msg) {
		if len(m.Data) == 0 {
			return // a request
		}
		var l api.HostLoad
		if err := codec.Decode(m.Data, &l); err != nil {
			t.Errorf("%v: %s", err, m.Data)
		}
		if err := l.Validate(); err != nil || m.Subject != api.LoadSubject("mabus", l.Host) || len(m.Data) > api.MaxLoadBytes {
			t.Errorf("%v on %s: %s", err, m.Subject, m.Data)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, l)
		for _, a := range l.Agents {
			r.last[a.ID] = a
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := w.Conn().NC.Flush(); err != nil {
		t.Fatal(err)
	}
	return r
}

// ask requests all loads until cond holds of what has come.
func (r *reports) ask(cond func(all []api.HostLoad, last map[string]api.AgentLoad) bool, what string) {
	r.t.Helper()
	natstest.Eventually(r.t, patience, func() bool {
		if err := r.w.Conn().NC.Publish(api.LoadRequestSubject("mabus"), nil); err != nil {
			r.t.Fatal(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return cond(r.all, r.last)
	}, what)
}

func TestHostsTellTheirLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, p := w.standard(t, "h1")
	for i := range 20 {
		w.start(t, api.AgentSpec{ID: fmt.Sprintf("idle%d", i), Module: "puppet"})
	}
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Mailbox: 3})
	r := hearReports(t, w)
	r.ask(func(all []api.HostLoad, _ map[string]api.AgentLoad) bool { return len(all) > 0 && all[len(all)-1].Full }, "a report of all")
	r.mu.Lock()
	first := r.all[0]
	r.mu.Unlock()
	if first.Host != "h1" || first.Lease != h.lease.ID() || first.Running != 21 || first.CPUs < 1 || first.MemoryTotal <= 0 || first.Memory <= 0 || first.MemoryShare <= 0 {
		t.Errorf("%+v", first)
	}
	if len(first.Agents) != 0 {
		t.Errorf("idle agents are told of: %+v", first.Agents)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := w.Call(within(t, patience), "a", order{Do: "wait"}); err != nil {
				t.Error(err)
			}
		})
	}
	<-p.entered
	w.waiting(t, "a", 2)
	r.ask(func(_ []api.HostLoad, last map[string]api.AgentLoad) bool {
		return last["a"].Active == 1 && last["a"].Waiting == 2
	}, "its messages are told")
	close(p.release)
	wg.Wait()
	r.ask(func(_ []api.HostLoad, last map[string]api.AgentLoad) bool {
		a := last["a"]
		return a.Active == 0 && a.Waiting == 0 && a.Latency > 0 && a.Errors == 0
	}, "its latency is told")
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 1; i < len(r.all); i++ {
		if r.all[i].Seq != r.all[i-1].Seq+1 {
			t.Errorf("the number %d comes after %d", r.all[i].Seq, r.all[i-1].Seq)
		}
	}
	if len(r.last) != 1 {
		t.Errorf("agents that did nothing are told of: %v", r.last)
	}
}

// What an agent fails with is told, and what its callers do wrong is not; without anybody asking.
func TestHostsTellTheErrorsOfAgents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	for _, id := range []string{"bad", "good"} {
		w.start(t, api.AgentSpec{ID: id, Module: "puppet"})
	}
	r := hearReports(t, w)
	fail := func() {
		_, err := w.Call(within(t, patience), "bad", order{Do: "fail", Arg: "not today"})
		wantError(t, err, api.FailedPrecondition, api.ReasonAgentError)
	}
	for range 20 {
		fail()
		w.ask(t, "good", order{Do: "echo"}, "null")
	}
	natstest.Eventually(t, patience, func() bool {
		for range 5 { // errors fade with the time that a busy machine takes for all this
			fail()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.last["bad"].Errors > 0.4 && r.last["good"].Latency > 0 && r.last["good"].Errors == 0
	}, "the share of errors is told")
}

// A host that is called "request" tells its load where others are asked for theirs.
func TestAHostThatIsCalledRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "request")
	r := hearReports(t, w)
	r.ask(func(all []api.HostLoad, _ map[string]api.AgentLoad) bool { return len(all) >= 2 }, "it tells its load")
}

// Whoever chooses avoids an agent that fails, so that no message shows when it works again: its errors are forgotten meanwhile.
func TestErrorsFadeWhileNobodyAsks(t *testing.T) {
	for _, c := range []struct {
		failed      int
		idle        time.Duration
		least, most float64
	}{
		{1, 0, 1.0 / 33, 1.0 / 32},
		{22, 0, 0.4, 0.6},
		{1000, 0, 0.99, 1},
		{22, 10 * time.Second, 0.01, 0.1},
		{1000, 10 * time.Second, 0.1, 0.2},
		{1000, 20 * time.Second, 0.01, 0.1},
		{1000, time.Minute, 0, 0},
	} {
		if share := agenthost.FailingShare(c.failed, c.idle); share < c.least || share > c.most {
			t.Errorf("%s after %d errors it is %g", c.idle, c.failed, share)
		}
	}
}

// An agent that is used just when the host lets it go as idle is told of again.
func TestAnAgentThatIsUsedIsListed(t *testing.T) {
	t.Parallel()
	const times = 10_000
	if n := agenthost.TouchWhileLetGo(times); n != times {
		t.Errorf("listed %d times of %d", n, times)
	}
}

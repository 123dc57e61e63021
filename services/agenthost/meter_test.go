package agenthost_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/sketch"
)

// gauge stands for the performance monitor: it adds up what hosts measure.
type gauge struct {
	mu     sync.Mutex
	series map[api.Series]*sketch.Sketch
}

func (g *gauge) InlineLimit() int64 { return 1 << 20 }

func (g *gauge) Tell(_ string, body []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var d api.DeltaAddRequest
	if err := codec.Decode(body, &d); err != nil {
		return err
	}
	if err := d.Validate(); err != nil {
		return err
	}
	for _, s := range d.Series {
		if g.series[s.Series] == nil {
			g.series[s.Series] = sketch.New()
		}
		if err := g.series[s.Series].MergeBinary(s.Sketch); err != nil {
			return err
		}
	}
	return nil
}

// of returns what was measured so far of a source of the host h1; empty when nothing was.
func (g *gauge) of(kind api.SourceKind, id, typ, metric string) *sketch.Sketch {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.series[api.Series{Metric: metric, Kind: kind, ID: id, Type: typ, Host: "h1"}]; s != nil {
		return s.Clone()
	}
	return sketch.New()
}

func (g *gauge) count(id, metric string) int {
	return int(g.of(api.SourceAgent, id, "doll", metric).Count())
}

// metered has the hosts to come measured.
func (w *world) metered(t *testing.T) *gauge {
	t.Helper()
	g := &gauge{series: map[api.Series]*sketch.Sketch{}}
	w.meter = meter.New(meter.Config{Conn: g, Namespace: "mabus", Source: "s", Incarnation: "i", Interval: 10 * time.Millisecond})
	w.meter.Start()
	t.Cleanup(func() { _ = w.meter.Stop(within(t, patience)) })
	return g
}

func TestAgentsAreMeasuredByTheirHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := w.metered(t)
	_, p := w.standard(t, "h1")
	spec := func(id string) api.AgentSpec {
		return api.AgentSpec{ID: id, Type: "doll", Module: "puppet", Mailbox: 1, Capabilities: []string{"cap-" + id}}
	}
	w.start(t, spec("a"))
	w.start(t, spec("idle"))
	for range 3 {
		w.ask(t, "a", order{Do: "echo", Payload: []byte("1")}, "1")
	}
	_, err := w.Call(within(t, patience), "a", order{Do: "fail", Arg: "torn"})
	wantError(t, err, api.FailedPrecondition, api.ReasonAgentError)
	w.idle(t, "a", 4) // an answer is sent before its place is free
	// One is handled and one waits; a third is refused.
	asked := make(chan error, 2)
	for range 2 {
		go func() { _, err := w.Call(within(t, patience), "a", order{Do: "wait"}); asked <- err }()
	}
	if got := <-p.entered; got != "a" {
		t.Fatal(got)
	}
	w.waiting(t, "a", 1) // before that a third would take the place of the second
	_, err = w.Call(within(t, patience), "a", order{Do: "refuse"})
	wantError(t, err, api.Overloaded, api.ReasonMailboxFull)
	natstest.Eventually(t, patience, func() bool {
		return g.of(api.SourceAgent, "a", "doll", api.MetricQueueDepth).Max() == 1 && g.of(api.SourceAgent, "a", "doll", api.MetricActive).Max() == 1
	}, "one waits and one is handled")
	p.release <- struct{}{}
	<-p.entered
	p.release <- struct{}{}
	for range 2 {
		if err := <-asked; err != nil {
			t.Error(err)
		}
	}
	_, err = w.Call(within(t, patience), "a", order{Do: "panic"})
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	w.ask(t, "a", order{Do: "list"}, "[]")
	state, err := w.Agents.Status(within(t, patience), "a")
	if err != nil {
		t.Fatal(err)
	}
	handled := int(state.Live.Handled)
	for metric, want := range map[string]int{
		api.MetricLatency: handled, api.MetricQueueWait: handled, api.MetricErrors: 2 + int(state.Live.Refused), api.MetricRestarts: 1,
	} {
		natstest.Eventually(t, patience, func() bool { return g.count("a", metric) == want }, "%s is measured %d times", metric, want)
	}
	if wait := g.of(api.SourceAgent, "a", "doll", api.MetricQueueWait); wait.Max() <= 0 {
		t.Errorf("the longest wait was %v", wait.Max())
	}
	// What is done is measured, tasks too; who does nothing is not.
	if _, err := w.Tasks.Submit(within(t, patience), api.TaskSpec{ID: "t1", Capability: "cap-a", Payload: []byte(`{"do":"list"}`)}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return g.count("a", api.MetricLatency) == handled+1 }, "the task is measured")
	if n := g.count("idle", api.MetricLatency) + g.count("idle", api.MetricErrors) + g.count("idle", api.MetricRestarts); n != 0 {
		t.Errorf("%d samples of an idle agent", n)
	}
	if host := g.of(api.SourceHost, "h1", "", api.MetricAgents); host.Max() != 2 {
		t.Errorf("%v agents on the host", host.Max())
	}
	if free := g.of(api.SourceHost, "h1", "", api.MetricPlaces); free.Min() != 10_000-2 || free.Max() > 10_000 {
		t.Errorf("%v to %v places are free", free.Min(), free.Max())
	}
}

func TestProcessesAreMeasured(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux a host can tell what programs use")
	}
	w := newWorld(t)
	g := w.metered(t)
	w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "x", Type: "doll", Command: []string{"sh", "../../examples/exec/echo.sh"}})
	natstest.Eventually(t, patience, func() bool {
		for i := range 20 {
			w.ask(t, "x", fmt.Sprint(i), fmt.Sprintf("%q", fmt.Sprint(i)))
		}
		cpu, memory := g.of(api.SourceAgent, "x", "doll", api.MetricCPU), g.of(api.SourceAgent, "x", "doll", api.MetricMemory)
		return cpu.Count() > 0 && cpu.Max() > 0 && memory.Min() > 4096
	}, "the program's processors and memory")
	share, memory := g.of(api.SourceHost, "h1", "", api.MetricCPUShare), g.of(api.SourceHost, "h1", "", api.MetricMemoryShare)
	if share.Count() == 0 || share.Max() > 1 || share.Max() <= 0 || memory.Min() <= 0 || memory.Max() > 1 {
		t.Errorf("shares of the machine: %v to %v, %v to %v", share.Min(), share.Max(), memory.Min(), memory.Max())
	}
}

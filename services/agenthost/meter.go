package agenthost

import (
	"math"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
)

// agentMeter is what the performance monitor is told of one agent. It is made when the agent first does something, so that idle agents cost
// nothing.
type agentMeter struct {
	op                          *meter.Operation
	wait, depth, active, starts *meter.Recorder
	cpu, memory                 *meter.Recorder

	// What follows is of the goroutine that looks.
	handled, refused uint64
	pid              int
	cpuTime          time.Duration
	at               time.Time
}

// meter returns that of the agent.
func (h *hosted) meter() *agentMeter {
	if f := h.metered.Load(); f != nil {
		return f
	}
	m, series := h.s.env.Meter, h.s.seriesOf(h)
	of := func(metric string) *meter.Recorder {
		s := series
		s.Metric = metric
		return m.Series(s)
	}
	h.metered.CompareAndSwap(nil, &agentMeter{
		op: m.Operation(series, ""), wait: of(api.MetricQueueWait), depth: of(api.MetricQueueDepth), active: of(api.MetricActive),
		starts: of(api.MetricRestarts), cpu: of(api.MetricCPU), memory: of(api.MetricMemory),
	})
	return h.metered.Load()
}

func (s *Service) seriesOf(h *hosted) api.Series {
	typ := h.rec.Type
	if typ == "" {
		typ = h.rec.Module
	}
	return api.Series{Kind: api.SourceAgent, ID: h.rec.ID, Type: typ, Host: s.cfg.ID}
}

// did counts a message. One that the agent did not get, because its time was over in the mailbox for example, has no latency.
func (a *agentMeter) did(m *message, err error) {
	if !m.ran.IsZero() {
		a.op.Took(time.Since(m.ran))
		if !m.arrived.IsZero() {
			a.wait.Record(max(m.ran.Sub(m.arrived), 0).Seconds())
		}
	}
	a.failed(err)
}

// failed counts the error of a message or task as those do who choose among agents.
func (a *agentMeter) failed(err error) {
	if err != nil {
		a.op.Failed(explain(err))
	}
}

// restarted counts a further instance of the agent.
func (a *agentMeter) restarted() { a.starts.Record(1) }

// processEvery is how often the processes of exec agents are looked at, in intervals of the meter.
const processEvery = 5

// meterAgents has the host and its agents looked at once an interval, until what it returns is called.
func (s *Service) meterAgents() (remove func()) {
	if s.env.Meter == nil {
		return func() {}
	}
	own := s.hostGauges()
	var all []*hosted
	round := 0
	return s.env.Meter.OnCollect(func() {
		s.mu.RLock()
		all = all[:0]
		for _, h := range s.agents {
			all = append(all, h)
		}
		places := s.places
		s.mu.RUnlock()
		own(len(all), places)
		for _, h := range all {
			h.look(round%processEvery == 0)
		}
		clear(all)
		round++
	})
}

// look measures what is not counted as it happens. Of agents that have done nothing since the last look, and have nothing to do, there is
// nothing but the processes.
func (h *hosted) look(process bool) {
	if process && h.rec.RuntimeOrDefault() == api.RuntimeExec {
		h.lookAtProcess(time.Now())
	}
	handled, refused := h.handled.Load(), h.refused.Load()
	waiting, active := h.box.Load()
	// Who asks for tasks reserves a place for a moment: that is no activity unless it is there again at the next look.
	busy := waiting > 0 || active > 0 && h.stirred
	h.stirred = active > 0
	if handled+refused == 0 && !busy {
		return
	}
	a := h.meter()
	if handled == a.handled && refused == a.refused && !busy {
		return
	}
	a.depth.Record(float64(waiting))
	a.active.Record(float64(active))
	a.op.Faults(uint32(min(refused-a.refused, math.MaxUint32))) //nolint:gosec // bounded here
	a.handled, a.refused = handled, refused
}

// lookAtProcess measures the program of an exec agent, and all that it has started.
func (h *hosted) lookAtProcess(now time.Time) {
	inst := h.current()
	program, ok := inst.(measured)
	if !ok {
		return
	}
	live := api.AgentLive{PID: inst.PID()}
	program.Measure(&live)
	a, used := h.meter(), live.CPUTime.Std()
	if live.Memory == 0 && used == 0 { // the host cannot tell, or the program has ended
		a.pid = 0
		return
	}
	if live.Memory > 0 {
		a.memory.Record(float64(live.Memory))
	}
	if live.PID == a.pid && used >= a.cpuTime && now.After(a.at) {
		a.cpu.Record(float64(used-a.cpuTime) / float64(now.Sub(a.at)))
	}
	a.pid, a.cpuTime, a.at = live.PID, used, now
}

// hostGauges returns what records the host's own figures.
func (s *Service) hostGauges() func(agents, places int) {
	of := func(metric string) *meter.Recorder {
		return s.env.Meter.Series(api.Series{Metric: metric, Kind: api.SourceHost, ID: s.cfg.ID, Host: s.cfg.ID})
	}
	running, free := of(api.MetricAgents), of(api.MetricPlaces)
	cpuShare, memory, memoryShare := of(api.MetricCPUShare), of(api.MetricMemory), of(api.MetricMemoryShare)
	last, known := readCPU()
	return func(agents, places int) {
		running.Record(float64(agents))
		free.Record(float64(max(s.maxAgents()-places, 0)))
		now, ok := readCPU()
		if ok && known && now.all > last.all && now.busy >= last.busy {
			cpuShare.Record(float64(now.busy-last.busy) / float64(now.all-last.all))
		}
		last, known = now, ok
		if used, total := readMemory(); total > 0 {
			memory.Record(float64(max(used, 0)))
			memoryShare.Record(min(max(float64(used)/float64(total), 0), 1))
		}
	}
}

package agenthost

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	loadEvery = 500 * time.Millisecond // between two looks at what has changed
	loadSoon  = 50 * time.Millisecond  // between two reports at the least
	loadFull  = 5 * time.Second        // between two reports of all
	loadAsked = 250 * time.Millisecond // between two of those that somebody asked for
	loadIdle  = time.Minute            // after which an agent that has nothing to do is not told of
)

// load is what the host measures of one agent for those who choose among agents.
type load struct {
	listed  atomic.Bool  // it is in the teller's list
	latency atomic.Int64 // of handling one message, in ns: a moving average; 0 for none yet
	errors  atomic.Uint64
	ended   atomic.Int64 // when a message was last handled, in ns since the process began
	used    atomic.Int64 // when it was last used, in ns since the teller began

	// These are the teller's.
	told api.AgentLoad
}

// Steps of the moving averages: an eighth for each message, a thirty-second for errors, which are told to a share of one in thirty-two.
const (
	latencyStep = 8
	errorStep   = 1.0 / 32
)

// errorFade is in which time errors count for 1/e while no message comes: whoever is avoided for them could never show that it works again.
const errorFade = 5 * time.Second

// processBegan is what the times of loads are counted from.
var processBegan = time.Now()

// failing returns the share of errors at a time since the process began.
func (l *load) failing(now time.Duration) float64 {
	idle := max(now-time.Duration(l.ended.Load()), 0)
	share := math.Float64frombits(l.errors.Load()) * math.Exp(-idle.Seconds()/errorFade.Seconds())
	if share < errorStep/32 {
		return 0
	}
	return share
}

// handled takes in how a message went. Two at once may lose one of both, which an average bears.
func (l *load) handled(took time.Duration, err error) {
	switch old := l.latency.Load(); {
	case err != nil && int64(took) < old: // a quick error says nothing of how quick the agent is
	case old == 0:
		l.latency.Store(max(int64(took), 1))
	default:
		l.latency.Store(max(old+(int64(took)-old)/latencyStep, 1))
	}
	now := time.Since(processBegan)
	share, one := l.failing(now), 0.0
	if err != nil && api.IsFault(explain(err)) {
		one = 1
	}
	l.errors.Store(math.Float64bits(share + (one-share)*errorStep))
	l.ended.Store(int64(now))
}

// teller tells the load of the host and its agents to whoever listens. Agents that have nothing to do cost it nothing.
type teller struct {
	began time.Time
	soon  chan struct{} // has a token when something is to be told at once
	asked atomic.Bool   // somebody wants to be told all

	mu   sync.Mutex
	used []*hosted // of late
}

func newTeller() *teller { return &teller{began: time.Now(), soon: make(chan struct{}, 1)} }

// touch notes that an agent has something to do.
func (t *teller) touch(h *hosted) {
	h.load.used.Store(int64(time.Since(t.began)))
	if h.load.listed.Load() || !h.load.listed.CompareAndSwap(false, true) {
		return
	}
	t.mu.Lock()
	t.used = append(t.used, h)
	t.mu.Unlock()
}

// hurry has what changed told at once.
func (t *teller) hurry() {
	select {
	case t.soon <- struct{}{}:
	default:
	}
}

// tellLoads reports until the host ends.
func (s *Service) tellLoads() {
	t := s.teller
	request := api.LoadRequestSubject(s.conn.Namespace)
	for _, subject := range []string{request, api.As(s.conn.Namespace, "*", request)} {
		sub, err := s.conn.NC.Subscribe(subject, func(m *nats.Msg) {
			if len(m.Data) == 0 { // or it is the report of a host of that name
				t.asked.Store(true)
				t.hurry()
			}
		})
		if err != nil {
			s.log.Warn().Err(err).Msg("requests for the load are not heard")
			continue
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	var r reporter
	r.start()
	tick := time.NewTicker(loadEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
			r.measure()
		case <-t.soon:
			select {
			case <-s.base.Done():
				return
			case <-time.After(loadSoon):
			}
		}
		if s.env.Lease.Held() {
			s.report(&r)
		}
	}
}

// reporter is what the teller's goroutine remembers.
type reporter struct {
	system
	seq  uint64
	told api.HostLoad
	full time.Time // when all was last told
}

// report sends what has changed much since it was last told, or all when that is due.
func (s *Service) report(r *reporter) {
	since := time.Since(r.full)
	full := since >= loadFull || s.teller.asked.Load() && since >= loadAsked
	agents := s.teller.collect(full)
	head := r.head(s)
	if !full && len(agents) == 0 && !changed(&r.told, &head) {
		return
	}
	if full {
		r.full = time.Now()
		s.teller.asked.Store(false)
	}
	r.told = head
	for first := true; first || len(agents) > 0; first = false {
		n := min(len(agents), api.MaxLoadAgents)
		r.seq++
		msg := head
		msg.Seq, msg.Full, msg.Agents = r.seq, full, agents[:n]
		agents = agents[n:]
		body, err := codec.Marshal(&msg)
		if err == nil {
			err = s.conn.NC.Publish(api.LoadSubject(s.conn.Namespace, s.cfg.ID), body)
		}
		if err != nil {
			s.log.Debug().Err(err).Msg("load not told")
			return
		}
	}
}

func (r *reporter) head(s *Service) api.HostLoad {
	head := api.HostLoad{
		Host: s.cfg.ID, Lease: s.env.Lease.ID(), MaxAgents: s.maxAgents(),
		CPUs: r.cpus, CPU: r.cpu, Memory: r.memory, MemoryTotal: r.total, MemoryShare: r.share(),
	}
	s.mu.RLock()
	head.Running, head.Draining = len(s.agents), s.drains
	s.mu.RUnlock()
	return head
}

// muchShare is how far a share of processors, memory or errors must have moved to be told before its time.
const muchShare = 0.05

func changed(was, is *api.HostLoad) bool {
	return was.Draining != is.Draining || shifted(was.CPU, is.CPU) || shifted(was.MemoryShare, is.MemoryShare)
}

func shifted(a, b api.Measure) bool { return math.Abs(float64(a-b)) >= muchShare }

// collect returns the loads that are to be told now. An agent that has been idle for long is let go when that has been told.
func (t *teller) collect(full bool) (loads []api.AgentLoad) {
	t.mu.Lock()
	list := t.used
	t.used = nil
	t.mu.Unlock()
	keep := list[:0]
	for _, h := range list {
		now, used := h.loadNow(), h.load.used.Load()
		idle := now.Waiting == 0 && now.Active == 0 && int64(time.Since(t.began))-used > int64(loadIdle)
		switch {
		case isDone(h.done), full && idle:
			h.load.told = api.AgentLoad{}
			h.load.listed.Store(false)
			if h.load.used.Load() == used || !h.load.listed.CompareAndSwap(false, true) {
				continue
			} // or it was touched while it was listed, so that nobody has listed it
		case full || much(&h.load.told, &now):
			h.load.told = now
			loads = append(loads, now)
		}
		keep = append(keep, h)
	}
	t.mu.Lock()
	t.used = append(keep, t.used...)
	t.mu.Unlock()
	return loads
}

// loadNow measures one agent.
func (h *hosted) loadNow() api.AgentLoad {
	waiting, active := h.box.Load()
	return api.AgentLoad{
		ID: h.rec.ID, Waiting: waiting, Active: active, Latency: api.Duration(h.load.latency.Load()),
		Errors: api.Measure(h.load.failing(time.Since(processBegan))),
	}
}

// much tells whether a load differs enough from what was told: by more than one message and a quarter, a quarter of the latency, or
// some errors. One that has not been told of differs.
func much(was, is *api.AgentLoad) bool {
	if was.ID == "" {
		return true
	}
	before, now := was.Waiting+was.Active, is.Waiting+is.Active
	slower, faster := is.Latency > was.Latency+was.Latency/4, is.Latency < was.Latency-was.Latency/4
	return max(now-before, before-now) > max(1, before/4) || slower || faster || shifted(was.Errors, is.Errors)
}

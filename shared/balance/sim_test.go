package balance_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// sim is a discrete-event simulation of callers and agents: no clock but its own, so that a second takes as long as its events.
type sim struct {
	t      testing.TB
	now    time.Duration
	events events
	rnd    *rand.Rand
	agents []*simAgent
	report time.Duration // between two reports of load to all pickers; 0 is none
	delay  time.Duration // of a message on its way, there and back
	calls  []call
	seq    int
}

// simAgent handles slots messages at once, the rest wait.
type simAgent struct {
	id      string
	slots   int
	service func(now time.Duration, rnd *rand.Rand) (takes time.Duration, fails bool)
	active  int
	queue   []func()
	most    int // that it ever had
}

// call is one that is over.
type call struct {
	agent        int
	begin, took  time.Duration
	failed, shed bool
}

type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newSim(t testing.TB, seed uint64, agents ...*simAgent) *sim {
	for i, a := range agents {
		a.id, a.slots = fmt.Sprintf("a%d", i), max(a.slots, 1)
	}
	return &sim{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), agents: agents, delay: 50 * time.Microsecond}
}

func (s *sim) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.events, event{s.now + d, s.seq, do})
}

// run runs until a time.
func (s *sim) run(until time.Duration) {
	for len(s.events) > 0 && s.events[0].at <= until {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	s.now = until
}

func (a *simAgent) load() int { return a.active + len(a.queue) }

// takes about d, as exponentially distributed as most work is: from half of it on.
func takes(d time.Duration) func(time.Duration, *rand.Rand) (time.Duration, bool) {
	return func(_ time.Duration, rnd *rand.Rand) (time.Duration, bool) {
		return d/2 + time.Duration(rnd.ExpFloat64()*float64(d)/2), false
	}
}

// exactly takes d.
func exactly(d time.Duration) func(time.Duration, *rand.Rand) (time.Duration, bool) {
	return func(time.Duration, *rand.Rand) (time.Duration, bool) { return d, false }
}

func crowd(n int, d time.Duration) (agents []*simAgent) {
	for range n {
		agents = append(agents, &simAgent{service: takes(d)})
	}
	return agents
}

// picker returns a picker that knows all agents.
func (s *sim) picker(change func(*api.BalanceConfig)) *balance.Picker {
	cfg := api.CallerBalanceConfig()
	if change != nil {
		change(&cfg)
	}
	p, err := balance.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range s.agents {
		p.Put(balance.Member{ID: a.id, Slots: a.slots, Warm: true}, s.now)
	}
	if s.report > 0 {
		s.after(time.Duration(s.rnd.Int64N(int64(time.Millisecond))), func() { s.tell(p) })
	}
	return p
}

func (s *sim) tell(p *balance.Picker) {
	for _, a := range s.agents {
		p.Observe(a.id, balance.Load{Waiting: len(a.queue), Active: a.active, CPU: -1}, s.now)
	}
	s.after(s.report, func() { s.tell(p) })
}

// send has an agent handle a message.
func (s *sim) send(a *simAgent, done func(failed bool)) {
	start := func() {
		a.active++
		d, fails := a.service(s.now, s.rnd)
		s.after(d, func() {
			a.active--
			if len(a.queue) > 0 {
				next := a.queue[0]
				a.queue = a.queue[1:]
				next()
			}
			s.after(s.delay, func() { done(fails) })
		})
	}
	s.after(s.delay, func() {
		if a.active < a.slots {
			start()
		} else {
			a.queue = append(a.queue, start)
		}
		a.most = max(a.most, a.load())
	})
}

// ask is one call by a picker.
func (s *sim) ask(p *balance.Picker, r balance.Request, then func()) {
	begin := s.now
	r.Now = s.now
	k, err := p.Pick(r, s.rnd.Uint64())
	if err != nil {
		s.calls = append(s.calls, call{agent: -1, begin: begin, shed: true})
		s.after(time.Millisecond, then)
		return
	}
	at := slices.IndexFunc(s.agents, func(a *simAgent) bool { return a.id == k.ID })
	s.send(s.agents[at], func(failed bool) {
		took := s.now - begin
		p.Done(k, balance.Outcome{Now: s.now, Latency: took, Failed: failed})
		s.calls = append(s.calls, call{at, begin, took, failed, false})
		then()
	})
}

// closed has n callers that each ask again when they have their answer and have thought about it.
func (s *sim) closed(p *balance.Picker, n int, think time.Duration) {
	for range n {
		var again func()
		again = func() {
			s.ask(p, balance.Request{}, func() {
				pause := time.Duration(0)
				if think > 0 {
					pause = time.Duration(s.rnd.ExpFloat64() * float64(think))
				}
				s.after(pause, again)
			})
		}
		s.after(time.Duration(s.rnd.Int64N(int64(think)+int64(time.Millisecond))), again)
	}
}

// since returns the calls that began in a span of time.
func (s *sim) since(from, to time.Duration) (calls []call) {
	for _, c := range s.calls {
		if c.begin >= from && c.begin < to {
			calls = append(calls, c)
		}
	}
	return calls
}

func p99(calls []call) time.Duration { return quantile(calls, 0.99) }

func quantile(calls []call, q float64) time.Duration {
	var all []time.Duration
	for _, c := range calls {
		all = append(all, c.took)
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[min(int(q*float64(len(all))), len(all)-1)]
}

// part is the share of calls that went to an agent.
func part(calls []call, agent int) float64 {
	n := 0
	for _, c := range calls {
		if c.agent == agent {
			n++
		}
	}
	return float64(n) / float64(max(len(calls), 1))
}

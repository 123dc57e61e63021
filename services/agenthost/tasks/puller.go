package tasks

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// idlePoll is how often an idle host looks for tasks that came without a signal: retries, and those of a dead host.
const idlePoll = time.Second

// Slot is the right to have one agent handle one task. It is given back exactly once.
type Slot interface {
	Agent() string
	Run(ctx context.Context, m *agent.Message) (json.RawMessage, error)
	Release()
}

// Agents is where slots come from.
type Agents interface {
	// Reserve takes up to n free slots of agents that have the capability.
	Reserve(capability string, n int) []Slot
}

// Puller has a host's agents run tasks: one loop per capability takes the free slots, pulls that many tasks, and hands them
// to workers.
type Puller struct {
	store   *Store
	host    string
	log     zerolog.Logger
	agents  Agents
	workers *rpc.Pool[job]
	running *running
	base    context.Context
	cancel  context.CancelFunc

	starved  atomic.Int64 // loops that wait for a slot
	outcomes outcomes
	settling atomic.Int64 // tasks whose outcome or next attempt is being written
	mu       sync.Mutex
	loops    map[string]*loop
	turn     uint64 // counts the loops that have come to wait
	stopped  bool
	pulling  sync.WaitGroup // the loops
	others   sync.WaitGroup
}

type loop struct {
	wake   chan struct{}
	turn   uint64      // its place among those that wait, kept until it has slots; under the puller's lock while it waits
	waits  bool        // nobody has called it yet; under the puller's lock
	short  atomic.Bool // the last task to end took no time to speak of
	cancel context.CancelFunc
}

// NewPuller returns a puller that serves no capability yet.
func NewPuller(store *Store, host string, log zerolog.Logger, agents Agents) *Puller {
	p := &Puller{store: store, host: host, log: log, agents: agents, loops: map[string]*loop{}}
	p.base, p.cancel = context.WithCancel(context.Background())
	p.workers = rpc.NewPool(64<<10, p.run)
	p.running = newRunning(store, host, log)
	p.others.Go(func() { p.running.watch(p.base) })
	for range checkers {
		p.others.Go(func() { p.running.check(p.base) })
	}
	p.others.Go(func() { p.alarms(p.base) })
	return p
}

// Serve makes the capabilities those that the puller pulls for.
func (p *Puller) Serve(capabilities map[string]struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, l := range p.loops {
		if _, ok := capabilities[c]; !ok || p.stopped {
			l.cancel()
			delete(p.loops, c)
		}
	}
	for c := range capabilities {
		if p.loops[c] != nil || p.stopped {
			continue
		}
		ctx, cancel := context.WithCancel(p.base)
		l := &loop{wake: make(chan struct{}, 1), cancel: cancel}
		p.loops[c] = l
		p.pulling.Go(func() { p.pull(ctx, c, l) })
	}
}

// Wake tells that a slot of an agent with the capabilities may have become free. Of the loops that wait for one the first is
// called; what it has no task for it gives back, which calls the next.
func (p *Puller) Wake(capabilities []string) {
	if p.starved.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var first *loop
	for _, c := range capabilities {
		if l := p.loops[c]; l != nil && l.waits && (first == nil || l.turn < first.turn) {
			first = l
		}
	}
	if first != nil {
		first.waits = false
		first.nudge()
	}
}

func (l *loop) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// stopTimeout is how long the handlers that are left may take to end once they are told to.
const stopTimeout = 5 * time.Second

// Stop pulls no more and waits for the tasks under way until ctx ends; those that are left go back into the queue. A handler
// that does not heed its context is left behind: its task is delivered again after AckWait.
func (p *Puller) Stop(ctx context.Context) {
	p.mu.Lock()
	p.stopped = true
	for c, l := range p.loops {
		l.cancel()
		delete(p.loops, c)
	}
	p.mu.Unlock()
	p.pulling.Wait()
	_ = p.workers.Close(ctx)
	p.cancel()
	p.others.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := p.workers.Close(last); err != nil {
		p.log.Warn().Int("tasks", p.workers.Busy()).Msg("handlers do not end")
	}
}

// pull is the loop of one capability.
func (p *Puller) pull(ctx context.Context, capability string, l *loop) {
	r := &rounds{
		high: p.store.newQueue(consumerName(capability, api.PriorityHigh), api.TaskSubject(p.store.ns, capability, api.PriorityHigh, "*")),
		low:  p.store.newQueue(consumerName(capability, api.PriorityLow), api.TaskSubject(p.store.ns, capability, api.PriorityLow, "*")),
	}
	defer func() {
		r.close()
		r.strays(p.giveBack)
	}()
	var ready *nats.Subscription
	defer func() {
		if ready != nil {
			_ = ready.Unsubscribe()
		}
	}()
	for opened, had := false, false; ctx.Err() == nil; {
		if !opened {
			if err := r.open(ctx); err != nil {
				if ctx.Err() == nil {
					p.log.Warn().Err(err).Msg("task queue")
				}
				sleep(ctx, 250*time.Millisecond, nil)
				continue
			}
			opened = true
		}
		var slots []Slot
		if !had || p.starved.Load() == 0 { // others wait for what it has just had
			slots = p.agents.Reserve(capability, maxPull)
		}
		had = false
		if len(slots) == 0 {
			if ready != nil { // a signal to a host without a free slot would be lost on it
				_ = ready.Unsubscribe()
				ready = nil
			}
			if slots = p.starve(ctx, capability, l); len(slots) == 0 {
				continue
			}
		}
		l.turn = 0
		got, err := p.round(r, l, slots)
		if err != nil && ctx.Err() == nil {
			p.log.Warn().Err(err).Str("capability", capability).Msg("pull tasks")
			opened = false
			sleep(ctx, 100*time.Millisecond, nil)
			continue
		}
		if had = got > 0; had {
			continue
		}
		if ready == nil { // look once more after listening: a task may have come in between
			if ready, err = p.listen(ctx, capability, l); err == nil {
				continue
			}
		}
		sleep(ctx, idlePoll/2+rand.N(idlePoll), l.wake)
	}
}

// round pulls tasks for the slots and gives back those that it has no task for.
func (p *Puller) round(r *rounds, l *loop, slots []Slot) (int, error) {
	used := 0
	got, err := r.run(len(slots), l.short.Load(), func(msg *nats.Msg) {
		p.start(job{msg: msg, slot: slots[used], loop: l, came: time.Now()})
		used++
	})
	r.strays(p.giveBack)
	for _, s := range slots[used:] {
		s.Release()
	}
	return got, err
}

// starve waits for the loop's turn at a slot. Looking again once it stands in line closes the gap in which one became free: those
// it takes if it is the first in line, and else gives back, which calls the loops whose turn it is, be it this one.
func (p *Puller) starve(ctx context.Context, capability string, l *loop) []Slot {
	p.mu.Lock()
	if l.turn == 0 {
		p.turn++
		l.turn = p.turn
	}
	l.waits = true
	p.mu.Unlock()
	p.starved.Add(1)
	slots := p.agents.Reserve(capability, maxPull)
	if len(slots) == 0 || !p.first(l) {
		for _, s := range slots {
			s.Release()
		}
		slots = nil
		sleep(ctx, idlePoll, l.wake)
	}
	p.starved.Add(-1)
	p.mu.Lock()
	l.waits = false
	p.mu.Unlock()
	return slots
}

// first says whether no other loop has waited for longer.
func (p *Puller) first(l *loop) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.loops {
		if other.waits && other.turn < l.turn {
			return false
		}
	}
	return true
}

// listen hears of new tasks; one idle host is told of each.
func (p *Puller) listen(ctx context.Context, capability string, l *loop) (*nats.Subscription, error) {
	sub, err := p.store.conn.NC.QueueSubscribe(p.store.readySubject(capability), "hosts", func(*nats.Msg) { l.nudge() })
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return sub, p.store.conn.NC.FlushWithContext(ctx)
}

// sleep waits for d, for wake, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-t.C:
	}
}

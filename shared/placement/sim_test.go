package placement_test

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

// world is a simulated namespace: one store with compare-and-set, and hosts that see its changes late, each in its own time.
type world struct {
	rng      *rand.Rand
	now      time.Duration
	due      events
	store    []*api.Agent // by number; records are never changed, but replaced
	revs     []int
	index    map[string]int
	agents   []news[*api.Agent]
	records  []news[*api.Host]
	hosts    []*simHost
	attempts int
	lost     int
	running  int
	settled  time.Duration  // of the last claim
	hears    func(*simHost) // its newest loads
}

// news is a change that was stored.
type news[T any] struct {
	at   time.Duration
	item T
	i    int
	rev  int
}

// simHost is a host with its own view.
type simHost struct {
	record         *api.Host
	pace           placement.Pace
	agents         []*api.Agent
	revs           []int
	hosts          []*api.Host
	loads          placement.Loads
	seenA, seenH   int
	readyA, readyH time.Duration
	dead           bool
}

type event struct {
	at time.Duration
	n  int
	do func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].n < e[j].n
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func newWorld(seed uint64, hosts []*api.Host, agents []*api.Agent) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), index: map[string]int{}, store: agents, revs: make([]int, len(agents))}
	for i, a := range agents {
		w.index[a.ID] = i
		if a.Status.Active() {
			w.running++
		}
	}
	for _, h := range hosts {
		w.join(h)
	}
	return w
}

var epoch = time.Unix(1_700_000_000, 0).UTC()

func (w *world) after(d time.Duration, do func()) {
	heap.Push(&w.due, event{w.now + d, w.due.Len() + int(w.rng.Uint32()), do})
}

// join starts a host that sees all there is, while the others hear of it late.
func (w *world) join(h *api.Host) {
	s := &simHost{record: h, agents: append([]*api.Agent(nil), w.store...), revs: append([]int(nil), w.revs...), seenA: len(w.agents)}
	w.tell(h)
	for _, n := range w.records {
		s.see(n.item)
	}
	s.seenH = len(w.records)
	for _, o := range w.hosts {
		if w.now == 0 && !o.dead {
			o.see(h)
		}
	}
	w.hosts = append(w.hosts, s)
	w.after(w.upTo(50*time.Millisecond), func() { w.look(s) })
}

func (w *world) tell(h *api.Host) { w.records = append(w.records, news[*api.Host]{w.now, h, 0, 0}) }

func (w *world) die(s *simHost) {
	s.dead = true
	record := *s.record
	record.Status = api.HostDead
	w.tell(&record)
	for _, a := range w.store {
		if a.HostLease == s.record.Lease {
			w.running--
		}
	}
}

// set stores a new state of an agent.
func (w *world) set(i int, a *api.Agent) {
	w.store[i] = a
	w.revs[i]++
	w.agents = append(w.agents, news[*api.Agent]{w.now, a, i, w.revs[i]})
}

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d) + 1)) }

// lag is how late news are: mostly up to 200 ms, now and then more than a second.
func (w *world) lag() time.Duration {
	if w.rng.IntN(50) == 0 {
		return time.Second + w.upTo(time.Second)
	}
	return w.upTo(200 * time.Millisecond)
}

func (s *simHost) see(h *api.Host) {
	for i, o := range s.hosts {
		if o.ID == h.ID {
			s.hosts[i] = h
			return
		}
	}
	s.hosts = append(s.hosts, h)
}

// hear brings the view of a host up to what has reached it. Hosts and agents come on their own streams, each in order.
func (w *world) hear(s *simHost) {
	s.readyA, s.readyH = max(s.readyA, w.now-w.lag()), max(s.readyH, w.now-w.lag())
	for ; s.seenA < len(w.agents) && w.agents[s.seenA].at <= s.readyA; s.seenA++ {
		if n := w.agents[s.seenA]; n.rev > s.revs[n.i] {
			s.agents[n.i], s.revs[n.i] = n.item, n.rev
		}
	}
	for ; s.seenH < len(w.records) && w.records[s.seenH].at <= s.readyH; s.seenH++ {
		s.see(w.records[s.seenH].item)
	}
}

// look is one turn of a host's loop.
func (w *world) look(s *simHost) {
	if s.dead {
		return
	}
	w.hear(s)
	if w.hears != nil {
		w.hears(s)
	}
	share := placement.Plan(s.hosts, s.agents, s.loads).Share(s.record.ID)
	claims, again := s.pace.Next(epoch.Add(w.now), share)
	for _, list := range claims {
		revs := make([]int, len(list))
		for i, a := range list {
			revs[i] = s.revs[w.index[a.ID]]
		}
		w.claimAll(s, list, revs)
	}
	if again == 0 || again > 250*time.Millisecond {
		again = 100*time.Millisecond + w.upTo(150*time.Millisecond)
	}
	w.after(max(again, 31*time.Millisecond), func() { w.look(s) })
}

// claimAll claims one after another, until a claim is lost.
func (w *world) claimAll(s *simHost, list []*api.Agent, revs []int) {
	w.after(5*time.Millisecond+w.upTo(25*time.Millisecond), func() {
		if w.claim(s, w.index[list[0].ID], revs[0]) && len(list) > 1 {
			w.claimAll(s, list[1:], revs[1:])
		}
	})
}

// claim is one attempt at a compare-and-set.
func (w *world) claim(s *simHost, i, rev int) bool {
	if s.dead {
		return false
	}
	w.attempts++
	a := w.store[i]
	if rev != w.revs[i] || a.Status.Active() && !w.isDead(a.HostLease) {
		w.lost++
		s.pace.Lost(epoch.Add(w.now), a.ID)
		return false
	}
	taken := *a
	run(&taken, s.record)
	w.set(i, &taken)
	s.agents[i], s.revs[i] = &taken, w.revs[i]
	w.running++
	w.settled = w.now
	return true
}

func (w *world) isDead(lease string) bool {
	for _, s := range w.hosts {
		if s.record.Lease == lease {
			return s.dead
		}
	}
	return true
}

// runUntil lets the world go on until as many agents run, or the time is over.
func (w *world) runUntil(running int, limit time.Duration) bool {
	for w.running < running && w.now < limit && w.due.Len() > 0 {
		e := heap.Pop(&w.due).(event)
		w.now = e.at
		e.do()
	}
	return w.running >= running
}

// perHost counts the agents of each live host, or those of one type.
func (w *world) perHost(kind string) map[string]int {
	counts := map[string]int{}
	for _, s := range w.hosts {
		if !s.dead {
			counts[s.record.ID] = 0
		}
	}
	for _, a := range w.store {
		if _, ok := counts[a.Host]; ok && a.Status.Active() && (kind == "" || a.Type == kind) {
			counts[a.Host]++
		}
	}
	return counts
}

// balance returns the fullest host over the mean, and the emptiest.
func balance(counts map[string]int) (most, least float64) {
	high, low, sum := 0, 1<<60, 0
	for _, n := range counts {
		high, low, sum = max(high, n), min(low, n), sum+n
	}
	mean := float64(sum) / float64(len(counts))
	return float64(high) / mean, float64(low) / mean
}

package pbftsim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/pbft"
)

// Options change what Simulate does.
type Options struct {
	// Plant may spoil the configuration of the honest members.
	Plant func(*pbft.Config)
	// Ed25519 signs with real keys. Without it a keyed hash stands for a signature, which is some hundred times as fast; nobody
	// uses a key that is not theirs in either case.
	Ed25519 bool
	// Trace records what happens.
	Trace bool
}

// Result is what came of a run.
type Result struct {
	Err       error // nil, or one of the Err values with the details
	Members   int
	Faulty    int
	Decisions int    // of honest members
	Views     uint64 // the highest view of an honest member
	Steps     int    // events carried out
	Attacks   int    // messages that the adversary made up
	Trace     string
	Sum       uint64 // of all messages delivered, in order
}

const (
	firstTimeout = 100 * time.Millisecond
	longestStorm = 3 * time.Second
	patience     = 30 * time.Minute // of simulated time, once calm
	mostSteps    = 120_000
)

// Simulate runs one session.
func Simulate(seed uint64, o Options) Result {
	w := newWorld(seed, o)
	for w.err == nil && !w.done() {
		if len(w.queue) == 0 || w.now > w.calm+patience || w.steps > mostSteps {
			w.fail(ErrTermination, "at %s after %d steps, %s", w.now, w.steps, w.missing())
			break
		}
		w.next()
	}
	r := Result{Err: w.err, Members: len(w.members), Faulty: len(w.cabal.ids), Steps: w.steps, Attacks: w.cabal.attacks, Trace: w.trace.String(), Sum: w.sum}
	for _, a := range w.actors {
		if a.honest {
			r.Decisions += len(a.decided)
			r.Views = max(r.Views, a.node.View())
		}
	}
	return r
}

// world is one run.
type world struct {
	rnd     *rand.Rand
	o       Options
	seed    uint64
	now     time.Duration
	calm    time.Duration // from here on messages arrive, within delay
	delay   time.Duration
	loss    int // percent, before the calm
	twice   int // percent, before the calm
	slow    time.Duration
	rare    []byte // kinds of messages that are mostly lost before the calm, so that a phase reaches a few members only
	split   []int  // before the calm: the side that each member is on; equal sides hear each other
	queue   []event
	order   int
	steps   int
	sum     uint64
	err     error
	trace   strings.Builder
	config  pbft.Config
	members []pbft.Member
	keys    []key
	actors  []*actor
	cabal   *cabal
	first   map[uint64]string          // what was decided first, by sequence
	backers map[string]map[string]bool // who has approved what
	lonely  int                        // the one member that hears of decisions before the calm, and is alone after its own; -1 for none
	liked   int                        // percent of the adversary's values that an honest member approves
}

func newWorld(seed uint64, o Options) *world {
	w := &world{
		rnd: rand.New(rand.NewPCG(seed, 7)), o: o, seed: seed, first: map[uint64]string{}, backers: map[string]map[string]bool{}, sum: 14695981039346656037,
	}
	n := pick(w, 4, 4, 4, 5, 7, 10)
	f := pbft.MaxFaulty(n)
	w.calm, w.delay = w.between(0, longestStorm), w.between(firstTimeout/50, 2*firstTimeout)
	w.loss, w.twice, w.slow = w.rnd.IntN(50), w.rnd.IntN(30), w.between(time.Millisecond, 5*firstTimeout)
	if w.percent(50) {
		w.loss = w.rnd.IntN(10)
		rare := []pbft.Kind{pbft.Prepare, pbft.Commit, pbft.Commit, pbft.NewView, pbft.ViewChange}
		w.rare = []byte{byte(pbft.Decided), byte(pick(w, rare...))}
	}
	w.lonely = -1
	if w.percent(25) {
		w.rare, w.loss, w.lonely = nil, w.rnd.IntN(3), w.rnd.IntN(n)
		w.slow /= 8
	}
	w.liked = pick(w, 0, 50, 100, 100, 100)
	for i := range n {
		k := newKey(seed, i, o.Ed25519)
		w.keys = append(w.keys, k)
		w.members = append(w.members, pbft.Member{ID: fmt.Sprintf("m%d", i), Key: k.public, Host: fmt.Sprintf("h%d", i)})
	}
	faulty := w.rnd.Perm(n)[:pick(w, f, f, f, w.rnd.IntN(f+1))]
	if len(faulty) > 1 && w.percent(20) { // two members with one key
		w.keys[faulty[1]] = w.keys[faulty[0]]
		w.members[faulty[1]].Key = w.members[faulty[0]].Key
	}
	w.config = pbft.Config{
		Session: fmt.Sprintf("s%d", seed), Members: w.members, F: f, Sequences: pick(w, 1, 1, 1, 3, 6), Timeout: firstTimeout,
		Window: 2 + w.rnd.IntN(3), CheckpointEvery: 1 + w.rnd.IntN(2),
	}
	if !o.Ed25519 {
		w.config.Verify = verifyHash
	}
	w.split = make([]int, n)
	w.partition()
	w.cabal = newCabal(w, faulty)
	for i := range n {
		if !w.cabal.has(i) {
			w.join(i)
		}
	}
	w.cabal.join()
	return w
}

// join lets an honest member in, sooner or later.
func (w *world) join(i int) {
	cfg := w.config
	if w.o.Plant != nil {
		w.o.Plant(&cfg)
	}
	a := w.newActor(i, cfg)
	a.honest = true
	begin := w.between(0, firstTimeout/10)
	if w.percent(15) {
		begin = w.between(0, w.calm+2*firstTimeout)
	}
	w.after(begin, a.start)
}

func (w *world) done() bool {
	for _, a := range w.actors {
		if (a.honest || a.learner) && !a.node.Done() {
			return false
		}
	}
	return true
}

// missing says who has not decided.
func (w *world) missing() string {
	var all []string
	for _, a := range w.actors {
		if (a.honest || a.learner) && !a.node.Done() {
			all = append(all, fmt.Sprintf("%s in view %d has %d decisions", a.id, a.node.View(), len(a.decided)))
		}
	}
	return strings.Join(all, ", ")
}

func (w *world) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(w.rnd.Int64N(int64(hi-lo)))
}

func (w *world) percent(p int) bool { return w.rnd.IntN(100) < p }

func pick[T any](w *world, from ...T) T { return from[w.rnd.IntN(len(from))] }

func (w *world) note(format string, args ...any) {
	if w.o.Trace {
		fmt.Fprintf(&w.trace, "%10s ", w.now.Round(time.Microsecond))
		fmt.Fprintf(&w.trace, format, args...)
		w.trace.WriteByte('\n')
	}
}

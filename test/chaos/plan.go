package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is what a fault does to its target.
type Kind string

// The kinds of faults. Each ends after a while: the process runs again, the links are whole.
const (
	Kill   Kind = "kill"   // SIGKILL, and a new process in the end
	Stop   Kind = "stop"   // SIGSTOP and SIGCONT
	Cut    Kind = "cut"    // nothing passes, in the end all that has waited does
	Lose   Kind = "lose"   // nothing passes, and what has waited is lost with its connections
	Refuse Kind = "refuse" // connections are reset and refused
)

// The targets that are chosen when the fault begins.
const (
	LocksLeader  = "leader of locks"
	AgentsLeader = "leader of agents"
)

// Fault is one fault of a plan.
type Fault struct {
	At, For time.Duration
	Kind    Kind
	Target  string
	// Node is the only node that the target is cut off from; all if below 0.
	Node int
}

func (f Fault) String() string {
	node := ""
	if f.Node >= 0 {
		node = fmt.Sprintf(" from node%d", f.Node)
	}
	return fmt.Sprintf("%6.2fs %-6s %s%s for %.2fs", f.At.Seconds(), f.Kind, f.Target, node, f.For.Seconds())
}

// Shape is what a plan is made for.
type Shape struct {
	Nodes int
	// Members are the names of the processes that can be hit; those that begin with caller only by their links.
	Members []string
	// Span is how long faults begin, Longest the longest of them.
	Span, Longest time.Duration
}

// Plan draws the faults of a seed. They come in bursts with quiet between, never two at once at the same process, and no
// two NATS nodes are down at once.
func Plan(seed uint64, s Shape) []Fault {
	rng := rand.New(rand.NewPCG(seed, 0x6d61627573))
	between := func(low, high time.Duration) time.Duration { return low + rand64(rng, high-low) }
	var plan []Fault
	busy := map[string]time.Duration{} // until when a target has its fault
	for at := between(0, s.Span/8); at < s.Span; {
		f := Fault{At: at, For: between(s.Longest/20, s.Longest/3), Node: -1}
		if rng.IntN(4) == 0 {
			f.For = between(s.Longest/3, s.Longest)
		}
		s.aim(rng, &f)
		key := f.Target
		if f.atNode() {
			key = "nodes"
		}
		if busy[key] <= at {
			busy[key] = at + f.For
			plan = append(plan, f)
		}
		if rng.IntN(2) == 0 {
			at += between(0, s.Span/20)
		} else {
			at += between(s.Span/20, s.Span/5)
		}
	}
	return plan
}

func rand64(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Int64N(max(int64(d), 1)))
}

// aim chooses the target, and what happens to it.
func (s Shape) aim(rng *rand.Rand, f *Fault) {
	switch n := rng.IntN(100); {
	case n < 10:
		f.Target = fmt.Sprintf("node%d", rng.IntN(s.Nodes))
	case n < 15:
		f.Target = LocksLeader
	case n < 20:
		f.Target = AgentsLeader
	default:
		f.Target = s.Members[rng.IntN(len(s.Members))]
	}
	kinds := []Kind{Kill, Stop, Stop, Cut, Cut, Lose, Refuse}
	switch {
	case f.atNode():
		kinds = []Kind{Kill, Stop}
	case strings.HasPrefix(f.Target, "caller"):
		kinds = []Kind{Cut, Lose, Refuse}
	}
	f.Kind = kinds[rng.IntN(len(kinds))]
	if slices.Contains([]Kind{Cut, Lose, Refuse}, f.Kind) && s.Nodes > 1 && rng.IntN(3) == 0 {
		f.Node = rng.IntN(s.Nodes)
	}
}

// atNode tells whether the fault hits a NATS node.
func (f Fault) atNode() bool {
	return strings.HasPrefix(f.Target, "node") || f.Target == LocksLeader || f.Target == AgentsLeader
}

package scoring

import (
	"math/bits"

	"github.com/mabus-project/mabus/shared/api"
)

// MaxPeerTasks bounds the tasks of one comparison.
const MaxPeerTasks = 10_000

// Peer returns what the reports of one agent about some tasks are worth, when nobody knows the truth but a peer has reported on the
// same tasks: scale * (1 + s)/2, rounded down, where
//
//	s = share of the tasks on which both agree - share of the pairs of different tasks on which they do.
//
// It is the multi-task rule of Dasgupta and Ghosh (2013), taken over all choices of a bonus task and of two penalty tasks instead of
// drawing one. Agreeing without looking, such as by always saying yes, gains nothing, since it agrees across tasks as well. When what
// the two see of a task is binary and positively correlated, and the peer is honest, honesty expects the most, and the most of all that
// both can agree on.
//
// It is false, and nothing is paid, unless both have reported on the same number of tasks, from 2 to MaxPeerTasks.
func Peer(scale api.Micro, mine, peers []bool) (api.Micro, bool) {
	n := len(mine)
	if n != len(peers) || n < 2 || n > MaxPeerTasks {
		return 0, false
	}
	agreed, yes, peersYes := 0, 0, 0
	for i := range mine {
		if mine[i] == peers[i] {
			agreed++
		}
		if mine[i] {
			yes++
		}
		if peers[i] {
			peersYes++
		}
	}
	pairs := yes*peersYes + (n-yes)*(n-peersYes) // any two tasks, the same one counted as well
	all := n * (n - 1)
	// s is (n*agreed - pairs) / all, and from -1 to 1.
	hi, lo := bits.Mul64(uint64(max(0, scale)), uint64(all+n*agreed-pairs))
	q, _ := bits.Div64(hi, lo, uint64(2*all))
	return api.Micro(q), true
}

package ballot

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// ranked is the instant run-off: each ballot counts for the best of the options that are still in; an option with more than half of
// those ballots wins; else the one with the fewest goes. Of several with the fewest, those go first that had fewer in the latest round
// before where they differ, and then the one that is listed last. When the last two have the same, the tie rule decides.
func (b *box) ranked() outcome {
	in := make([]bool, len(b.score))
	for i := range in {
		in[i] = true
	}
	o := outcome{decision: none}
	var history [][]int
	for left := len(in); ; left-- {
		votes, live := b.pass(in)
		history = append(history, votes)
		o.counts = append(o.counts, b.record(votes, in, len(b.rankings)-live))
		if live == 0 { // nobody has chosen, or no ballot names one of those that are left
			return o
		}
		best := bestOf(votes, in)
		o.confidence = share(fixed.Int(votes[best]), b.cast)
		switch {
		case 2*votes[best] > live:
			o.decision, o.reached = best, true
			return o
		case left == 2:
			for i := range in {
				if in[i] {
					o.tied = append(o.tied, i)
				}
			}
			if b.params.Tie == api.TieFirst {
				o.decision, o.reached = o.tied[0], true
			}
			return o
		}
		out := worstOf(history, in)
		in[out] = false
		o.counts[len(o.counts)-1].Eliminated = b.params.Options[out]
	}
}

// pass counts each ballot for the best option that is in; live is how many name one.
func (b *box) pass(in []bool) (votes []int, live int) {
	votes = make([]int, len(in))
	for _, picks := range b.rankings {
		if i := slices.IndexFunc(picks, func(p int) bool { return in[p] }); i >= 0 {
			votes[picks[i]]++
			live++
		}
	}
	return votes, live
}

func (b *box) record(votes []int, in []bool, exhausted int) api.BallotCount {
	c := api.BallotCount{Tally: map[string]int{}, Exhausted: exhausted}
	for i, n := range votes {
		if in[i] {
			c.Tally[b.params.Options[i]] = n
		}
	}
	return c
}

func bestOf(votes []int, in []bool) int {
	best := none
	for i, n := range votes {
		if in[i] && (best == none || n > votes[best]) {
			best = i
		}
	}
	return best
}

// worstOf returns the option to eliminate. The last of the history is the current count.
func worstOf(history [][]int, in []bool) int {
	worst := none
	for i := range in {
		if in[i] && (worst == none || !less(history, worst, i)) {
			worst = i
		}
	}
	return worst
}

// less tells whether option i, which is listed before j, goes before it.
func less(history [][]int, i, j int) bool {
	for _, votes := range slices.Backward(history) {
		if votes[i] != votes[j] {
			return votes[i] < votes[j]
		}
	}
	return false
}

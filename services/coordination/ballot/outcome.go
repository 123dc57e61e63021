package ballot

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// none is the decision when there is none.
const none = -1

// outcome is what comes of a ballot. Decision and reached are what an early end must not change.
type outcome struct {
	decision   int
	reached    bool
	confidence api.Decimal
	tied       []int
	counts     []api.BallotCount
}

// final is the outcome when nobody else will vote.
func (b *box) final() outcome {
	var o outcome
	switch b.algorithm {
	case api.BallotUnanimous:
		o = b.unanimous()
	case api.BallotRankedChoice:
		o = b.ranked()
	default:
		o.decision, o.tied = leader(b.score, b.params.Tie)
		if o.decision != none || len(o.tied) > 0 {
			o.confidence = b.confidence(b.best(o))
		}
		o.reached = o.decision != none && b.enough(b.score[o.decision], b.cast)
	}
	o.reached = o.reached && b.turnout(b.answered)
	return o
}

// best is what the first place has, shared or not.
func (b *box) best(o outcome) api.Decimal {
	if o.decision != none {
		return b.score[o.decision]
	}
	return b.score[o.tied[0]]
}

// leader returns the option with the highest score and, if several share it, all of those. Then the tie rule decides.
func leader(score []api.Decimal, tie string) (first int, tied []int) {
	best := api.Decimal(0)
	for i, s := range score {
		switch {
		case s > best:
			best, tied = s, []int{i}
		case s == best && s > 0:
			tied = append(tied, i)
		}
	}
	switch {
	case len(tied) == 0:
		return none, nil
	case len(tied) == 1:
		return tied[0], nil
	case tie == api.TieFirst:
		return tied[0], tied
	}
	return none, tied
}

func (b *box) confidence(score api.Decimal) api.Decimal {
	if b.algorithm == api.BallotWeightedQuorum {
		return share(score, b.total)
	}
	return share(score, b.cast)
}

// enough tells whether the leading option's score is, out of what was cast.
func (b *box) enough(score, cast api.Decimal) bool {
	switch b.algorithm {
	case api.BallotMajority:
		return 2*score > cast
	case api.BallotSupermajority:
		return share(score, cast) >= b.params.Threshold
	case api.BallotWeightedQuorum:
		return score*api.One > b.params.Quorum*b.total // at most 10^6 members' weights of 10^6 millionths: below 2^63
	}
	return score > 0
}

// turnout tells whether enough members have answered when n have.
func (b *box) turnout(n int) bool {
	return share(fixed.Int(n), fixed.Int(len(b.session.Members))) >= b.params.MinTurnout
}

// unanimous is reached when all who have chosen chose the same.
func (b *box) unanimous() outcome {
	only := none
	for i, s := range b.score {
		switch {
		case s == 0:
		case only != none:
			return outcome{decision: none}
		default:
			only = i
		}
	}
	if only == none {
		return outcome{decision: none}
	}
	return outcome{decision: only, reached: true, confidence: api.One}
}

// early returns the outcome if it is the same whatever the rest does. But for ranked_choice, where only an option that has more than
// half of all first places is seen, it finds it with the very vote that makes it certain.
func (b *box) early() (outcome, bool) {
	if first, _ := leader(b.score, api.TieFirst); b.algorithm == api.BallotRankedChoice && (first == none || 2*b.score[first] <= b.cast+b.rest) {
		return outcome{}, false
	}
	o := b.final()
	var least, most bool // whether it is enough if all the rest vote against it, or all for it
	switch b.algorithm {
	case api.BallotUnanimous:
		if o.decision != none || b.cast == 0 {
			return o, false
		}
	case api.BallotRankedChoice:
		least, most = true, true
	default:
		if !b.settled(o.decision) {
			return o, false
		}
		if o.decision != none {
			score := b.score[o.decision]
			least, most = b.enough(score, b.cast+b.rest), b.enough(score+b.rest, b.cast+b.rest)
		}
	}
	least = least && b.turnout(b.answered)
	most = most && b.turnout(b.answered+b.waiting)
	o.reached = least
	return o, least == most
}

// settled tells whether the decision stays whatever the rest does.
func (b *box) settled(decision int) bool {
	if b.rest == 0 {
		return true
	}
	if decision == none {
		return false
	}
	for i, s := range b.score {
		if i == decision {
			continue
		}
		if d := b.score[decision] - s - b.rest; d < 0 || d == 0 && (b.params.Tie != api.TieFirst || i < decision) {
			return false
		}
	}
	return true
}

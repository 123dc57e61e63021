// Package reputation holds the pure rules of what agents think of one another's work: scores by domain, penalties, history and
// rankings, and the reports that agents make beforehand.
//
// A score is the mean of the prior, 0.5 with a weight of 2, and of what was recorded, less the penalties. What a record weighs is what
// keeps a ring of mutual praise from gaining by it. No rule that treats all identities alike can withstand new ones without end (Cheng
// and Friedman 2005), so weight flows from what cannot be made up, and can only thin out on its way:
//
//   - Operators' records weigh 1.
//   - Anybody else's weigh by the value at stake, sqrt(stake/10 units), 0.05 to 1, a quarter of it between two who rate each other. Of
//     that is proven, up to 0.25, what the rater has left of its allowance: half of the good that is proven about itself, and the fees
//     that it has paid, a unit of which backs a weight of 1. The allowance shrinks with a score below 0.5, and what a rater has given
//     is taken off it.
//   - One rater makes up at most 0.25 of an agent's proven weight: its newer ratings displace its older ones, and it takes many raters
//     to make a name.
//   - What is not proven goes to a pool, in which a rater weighs the less the more of the agent's last 100 records it has made. The
//     pool, whoever is in it, counts for at most 0.5, and for less the more is proven.
//
// So a group that paid no fees, and of which nobody outside with an allowance thinks well, stays between 0.4 and 0.6, however many it
// is, however much money it moves in circles, and whatever its members say of one another. What it gains by paying fees is measured
// in test/reputationsim.
//
// As in the reference, newer records displace older ones: an operator's makes those before weigh 5 % less, and a rater's as much less
// as 15 % of what is proven of it. And all of it fades with the time of the log, by 1 % for each day at midnight UTC, so that a score
// goes back to the prior and a penalty is forgotten. Nothing ticks: sums carry the day to which they have faded.
package reputation

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Prior is the score when nothing is known.
const Prior = api.One / 2

const (
	priorWeight = 2 * api.One        // of the prior, next to the records
	poolLimit   = api.One / 2        // that all the unproven together count when nothing is proven
	raterLimit  = api.One / 4        // of the proven that one rater makes up
	raters      = 32                 // that are told apart; the least makes room, and what it gave counts on as a lump
	leastWeight = api.One / 20       // of a record without a stake
	fullStake   = 10 * api.One       // micro-units at stake that weigh 1
	passedOn    = 2                  // one part in so many of the good that is proven about a rater is what it may give
	mutual      = 4                  // one part in so many counts between two who rate each other
	creditLimit = 1000 * api.One     // that fees back at a time
	ageing      = api.One / 20       // that an operator's record takes off those before
	crowding    = 15 * api.One / 100 // that a rater's of full weight takes off
	burst       = 10                 // opinions of one rater about one agent within burstTime, and no more
	burstTime   = time.Minute        // what is refused within it may be said after
	tooFast     = 100 * time.Millisecond
	specialised = 3                  // records that make a specialisation
	specialist  = 55 * api.One / 100 // the score that makes one
)

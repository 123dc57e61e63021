// Package tender holds the pure rules of task markets (contract net: R. G. Smith, The Contract Net Protocol, IEEE Transactions on
// Computers C-29, 1980): a task is announced with a budget that is held, agents bid in secret, one command awards it to the best bid and
// opens a contract, and the contract settles it.
//
// A tender lasts as long as its contract: while that is live, the tender's state is read from it, and its end comes as a timer.
package tender

import "github.com/mabus-project/mabus/services/economics/act"

// Commands are the rules by noun and verb.
var Commands = map[string]act.Command[*Draft]{
	"tenders.announce": act.On(announce),
	"tenders.bid":      act.On(bid),
	"tenders.withdraw": act.On(withdraw),
	"tenders.award":    act.On(awardNow),
	"tenders.cancel":   act.On(cancel),
	"tenders.complete": act.On(complete),
}

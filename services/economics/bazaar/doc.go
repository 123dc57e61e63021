// Package bazaar holds the pure rules of marketplaces to which reputation is the gate: services are listed for a fee, searched by real
// figures, and bought at their price by a contract that holds the money until it is settled.
package bazaar

import "github.com/mabus-project/mabus/services/economics/act"

// Commands are the rules by noun and verb.
var Commands = map[string]act.Command[*Draft]{
	"bazaars.create":          act.On(create),
	"bazaars.close":           act.On(closeMarket),
	"bazaars.list_service":    act.On(list),
	"bazaars.unlist":          act.On(unlist),
	"bazaars.request_service": act.On(request),
}

// Package desk holds the pure rules of what parties, judges and the clock do with contracts: the commands that move the money held for
// them and tell the provider's reputation. Other domains open and settle contracts by its functions.
package desk

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
)

// Commands are the rules by noun and verb.
var Commands = map[string]act.Command[*contract.Draft]{
	"contracts.deliver": act.On(deliver),
	"contracts.accept":  act.On(accept),
	"contracts.reject":  act.On(reject),
	"contracts.cancel":  act.On(cancel),
}

package realm

import (
	"maps"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/services/economics/contract"
	contracts "github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/services/economics/ledger"
	accounts "github.com/mabus-project/mabus/services/economics/ledger/desk"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/reputation"
	scores "github.com/mabus-project/mabus/services/economics/reputation/desk"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/services/economics/transcript"
)

// part is what the machine has one part of the economy do, beside its commands.
type part struct {
	timer   func(t *tx, key string) error
	outcome func(t *tx, kind, id string, body []byte) error
	drop    func(t *tx, id string)
	record  func(t *tx, id string) any
	log     func(t *tx, id string) *transcript.Log
}

// parts by their names, which timers, effects and entities begin with.
var parts map[string]*part

// commands by their kind, which is noun and verb of the method.
var commands = map[string]func(t *tx, body []byte) (any, error){}

func bind[D any](all map[string]act.Command[D], draft func(*tx) D) {
	for kind, f := range all {
		commands[kind] = func(t *tx, body []byte) (any, error) { return f(&t.Act, draft(t), body) }
	}
}

func init() { //nolint:gochecknoinits // a table whose rows have different types
	bind(accounts.Commands, func(t *tx) *ledger.Draft { return t.Ledger })
	bind(scores.Commands, func(t *tx) *reputation.Draft { return t.Reputation })
	bind(contracts.Commands, func(t *tx) *contract.Draft { return t.Contracts })
	bind(auction.Commands, (*tx).auction)
	bind(tender.Commands, (*tx).tender)
	bind(bazaar.Commands, (*tx).bazaar)
	bind(market.Commands, (*tx).market)
	bind(risk.Commands, (*tx).risks)
	parts = map[string]*part{
		"ledger": {
			timer: func(t *tx, key string) error { return accounts.Timer(&t.Act, t.Ledger, key) },
		},
		"reputation": {
			timer: func(t *tx, key string) error { return scores.Timer(&t.Act, t.Reputation, key) },
		},
		"contract": {
			timer:  func(t *tx, key string) error { return contracts.Timer(&t.Act, t.Contracts, key) },
			drop:   func(t *tx, id string) { contracts.Drop(t.Contracts, id) },
			record: func(t *tx, id string) any { return contracts.Record(t.Contracts, id) },
		},
		"auction": {
			timer: func(t *tx, key string) error { return auction.Timer(&t.Act, t.auction(), key) },
			outcome: func(t *tx, kind, id string, body []byte) error {
				return auction.Outcome(&t.Act, t.auction(), kind, id, body)
			},
			drop:   func(t *tx, id string) { auction.Drop(t.auction(), id) },
			record: func(t *tx, id string) any { return auction.Record(t.auction(), id) },
			log:    func(t *tx, id string) *transcript.Log { return auction.Logs(t.auction(), id) },
		},
		"tender": {
			timer: func(t *tx, key string) error { return tender.Timer(&t.Act, t.tender(), key) },
			outcome: func(t *tx, kind, id string, body []byte) error {
				return tender.Outcome(&t.Act, t.tender(), kind, id, body)
			},
			drop:   func(t *tx, id string) { tender.Drop(t.tender(), id) },
			record: func(t *tx, id string) any { return tender.Record(t.tender(), id) },
		},
		"bazaar": {
			timer:  func(t *tx, key string) error { return bazaar.Timer(&t.Act, t.bazaar(), key) },
			drop:   func(t *tx, id string) { bazaar.Drop(t.bazaar(), id) },
			record: func(t *tx, id string) any { return bazaar.Record(t.bazaar(), id) },
		},
		"market": {
			timer:  func(t *tx, key string) error { return market.Timer(&t.Act, t.market(), key) },
			drop:   func(t *tx, id string) { market.Drop(t.market(), id) },
			record: func(t *tx, id string) any { return market.Record(t.market(), id) },
			log:    func(t *tx, id string) *transcript.Log { return market.Logs(t.market(), id) },
		},
		"risk": {
			timer: func(t *tx, key string) error { return risk.Timer(&t.Act, t.risks(), key) },
		},
	}
}

// Kinds are the kinds of commands that there are, for tests.
func Kinds() map[string]bool {
	kinds := map[string]bool{}
	for kind := range maps.Keys(commands) {
		kinds[kind] = true
	}
	return kinds
}

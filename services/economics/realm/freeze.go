package realm

import (
	"maps"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/codec"
)

// MaxFrozen bounds the rows of a state that is frozen: copying their tables takes some milliseconds, in which no command is carried out.
const MaxFrozen = 50_000

// freeze returns what writes the state as it is now, whatever commands come meanwhile; nil when there are too many rows. Rows are never
// changed where they are (see the package draft), so that copies of the tables are enough; order books are.
func freeze(s *State) func() ([]byte, error) {
	k := &copier{left: MaxFrozen}
	l, r, a, t, b, m, x := s.Ledger, s.Reputation, s.Auctions, s.Tenders, s.Bazaars, s.Markets, s.Risk
	c := &State{
		Ledger: &ledger.State{
			Accounts: table(k, l.Accounts), Holds: table(k, l.Holds), Assets: table(k, l.Assets), Allowances: table(k, l.Allowances), Quotas: table(k, l.Quotas),
		},
		Reputation: &reputation.State{Agents: table(k, r.Agents), Standings: table(k, r.Standings), Reports: table(k, r.Reports), Totals: r.Totals},
		Contracts:  &contract.State{Contracts: table(k, s.Contracts.Contracts), Tallies: table(k, s.Contracts.Tallies)},
		Auctions:   &auction.State{Auctions: table(k, a.Auctions), Bids: table(k, a.Bids), Totals: table(k, a.Totals), Owners: table(k, a.Owners)},
		Tenders:    &tender.State{Tenders: table(k, t.Tenders), Bids: table(k, t.Bids), Announcers: table(k, t.Announcers)},
		Bazaars: &bazaar.State{
			Markets: table(k, b.Markets), Listings: table(k, b.Listings), Shelves: table(k, b.Shelves), Deals: table(k, b.Deals), Tallies: table(k, b.Tallies),
		},
		Markets: &market.State{Markets: table(k, m.Markets), Books: books(k, m.Books), Past: m.Past},
		Risk: &risk.State{
			Books: table(k, x.Books), Stakes: table(k, x.Stakes), Violations: table(k, x.Violations), Occasions: table(k, x.Occasions),
			Reporters: table(k, x.Reporters), Pools: table(k, x.Pools), Policies: table(k, x.Policies), Claims: table(k, x.Claims), Breakers: table(k, x.Breakers),
		},
		Gone: s.Gone,
	}
	if k.left < 0 {
		return nil
	}
	return func() ([]byte, error) { return codec.Marshal(c) }
}

// copier copies until it was too much.
type copier struct{ left int }

func table[T draft.Record[T]](k *copier, t draft.Table[T]) draft.Table[T] {
	if k.left -= len(t); k.left < 0 {
		return nil
	}
	return maps.Clone(t)
}

func books(k *copier, all map[string]*orderbook.Book) map[string]*orderbook.Book {
	c := make(map[string]*orderbook.Book, len(all))
	for id, b := range all {
		if k.left -= b.Len(); k.left < 0 {
			break
		}
		same, err := orderbook.Restore(b.Snapshot())
		if err != nil {
			k.left = -1
			break
		}
		c[id] = same
	}
	return c
}

package economics

import (
	"strings"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/replog/tell"
)

// participles are what the commands that are told as events have done: the event is mabus.<noun>.<participle>. What opens an auction, tender,
// bazaar, contract or market is told by what it opens. Bids, orders, transfers, holds and ratings come by the thousand and are not told:
// transcripts, statements and records of reputation name who has made each.
var participles = map[string]string{
	"accounts.mint": "minted", "accounts.burn": "burned", "assets.create": "created", "allowances.set": "set", "allowances.remove": "removed",
	"auctions.withdraw": "withdrawn", "auctions.close": "closed", "auctions.cancel": "cancelled", "auctions.settle": "settled",
	"contracts.deliver": "delivered", "contracts.accept": "accepted", "contracts.reject": "rejected", "contracts.cancel": "cancelled",
	"tenders.withdraw": "withdrawn", "tenders.award": "awarded", "tenders.cancel": "cancelled", "tenders.complete": "completed",
	"bazaars.close": "closed", "bazaars.list_service": "listed", "bazaars.unlist": "unlisted",
	"reputation.penalise": "penalised", "reports.ask": "asked", "reports.settle": "settled",
	"markets.clear": "cleared", "markets.close": "closed", "markets.resolve": "resolved", "markets.redeem": "redeemed",
	"stakes.configure": "configured", "stakes.put": "put", "stakes.add": "added", "stakes.unbond": "unbonded", "stakes.withdraw": "withdrawn", "stakes.restore": "restored",
	"violations.report": "reported", "violations.judge": "judged", "violations.appeal": "appealed", "violations.overturn": "overturned",
	"pools.create": "created", "pools.fund": "funded", "pools.withdraw": "withdrawn", "pools.close": "closed",
	"policies.buy": "bought", "claims.file": "filed", "claims.judge": "judged", "claims.appeal": "appealed",
	"breakers.set": "set", "breakers.remove": "removed", "breakers.reset": "reset",
}

// subject is what a request, or the answer to it, is about: the first of these fields that it has.
type subject struct {
	ID      string        `json:"id"`
	Auction string        `json:"auction"`
	Pool    string        `json:"pool"`
	Market  string        `json:"market"`
	Agent   string        `json:"agent"`
	Name    string        `json:"name"`
	To      api.AccountID `json:"to"`
	From    api.AccountID `json:"from"`
}

func (s *subject) id() string {
	for _, id := range []string{s.ID, s.Auction, s.Pool, s.Market, s.Agent, s.Name, s.To.Owner(), s.From.Owner()} {
		if api.ValidID(id) {
			return id
		}
	}
	return ""
}

// told returns what an entry has opened and changed, the rules as well, and who has asked for it.
func told(a *engine.Applied) (all []tell.Change) {
	for _, event := range a.Events {
		entities, by := realm.Opened(event)
		for _, entity := range entities {
			domain, id, _ := strings.Cut(entity, "/")
			all = append(all, tell.Change{Noun: domain + "s", ID: id, What: "opened", Principal: by, Correlation: id})
		}
	}
	all = append(all, tell.Rules(a)...) // in the place in which replicas of earlier versions tell of it, since places make ids
	if a.Batch == nil || a.Skipped != "" {
		return all
	}
	for i := range a.Batch.Commands {
		c, r := &a.Batch.Commands[i], &a.Replies[i]
		what := participles[c.Kind]
		if what == "" || r.Err != nil || r.Repeated {
			continue
		}
		var asked, answered subject
		_ = codec.Read(c.Body, &asked)
		id := asked.id()
		if id == "" {
			_ = codec.Read(r.Answer, &answered)
			id = answered.id()
		}
		noun, _, _ := strings.Cut(c.Kind, ".")
		if id == "" {
			id = "-" // it is about no one thing
		}
		all = append(all, tell.Change{Noun: noun, ID: id, What: what, Principal: c.Principal, Correlation: id})
	}
	return all
}

// ownerOf is whose an entity was that has ended: time ends most of them, at the wish of nobody else.
func ownerOf(record any) string {
	switch r := record.(type) {
	case auction.Archived:
		return r.Auction.Owner
	case *market.Market:
		return r.Owner
	case *api.Tender:
		return r.Announcer
	case *api.Bazaar:
		return r.Owner
	case *contract.Contract:
		return r.Buyer
	}
	return ""
}

package market

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/lmsr"
	"github.com/mabus-project/mabus/shared/api"
)

// Commands are the rules by noun and verb of their methods.
var Commands = map[string]act.Command[*Draft]{
	"markets.create":       act.On(create),
	"markets.order":        act.On(order),
	"markets.cancel_order": act.On(cancelOrder),
	"markets.clear":        act.On(clearNow),
	"markets.close":        act.On(closeNow),
	"markets.trade":        act.On(trade),
	"markets.resolve":      act.On(resolve),
	"markets.redeem":       act.On(redeem),
}

func create(a *act.Act, d *Draft, r *api.MarketSpec) (*api.Market, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	if r.ID == "" {
		r.ID = a.ID
	}
	if _, ok := d.markets.Get(r.ID); ok || a.Taken {
		return nil, api.Errorf(api.Conflict, "there is, or was, a market %s: take another id", r.ID).WithReason(api.ReasonMarketExists).WithFields("id")
	}
	if d.markets.Len() >= api.MaxMarkets {
		return nil, api.Errorf(api.Overloaded, "there are %d markets, which is as many as there can be", api.MaxMarkets).WithReason(api.ReasonManyMarkets)
	}
	m := begin(r, a.Principal, a.Time)
	if r.Duration > 0 {
		a.At(Entity(r.ID)+"/close", m.ClosesAt)
	}
	if r.ClearEvery > 0 {
		a.At(Entity(r.ID)+"/clear", m.ClearsAt)
	}
	if r.Type == api.MarketPrediction {
		if err := stake(a, m); err != nil {
			return nil, err
		}
	} else {
		if _, ok := a.Ledger.Asset(r.Commodity); !ok {
			return nil, api.Errorf(api.NotFound, "there is no asset %s: create it first", r.Commodity).WithReason(api.ReasonAssetNotFound).WithFields("commodity")
		}
		d.change(bookChange{market: r.ID, opened: true})
	}
	d.markets.Put(r.ID, m)
	a.Opened(Entity(r.ID))
	if err := step(a, m, StepCreated, r); err != nil {
		return nil, err
	}
	return d.view(m), nil
}

// begin returns a market as it opens.
func begin(spec *api.MarketSpec, owner string, now time.Time) *Market {
	m := &Market{Spec: spec, State: api.MarketOpen, Owner: owner, CreatedAt: now}
	if spec.Duration > 0 {
		m.ClosesAt = now.Add(spec.Duration.Std())
	}
	if spec.ClearEvery > 0 {
		m.ClearsAt = now.Add(spec.ClearEvery.Std())
	}
	if spec.Type == api.MarketPrediction {
		m.Maker = &Maker{Shares: make([]int64, len(spec.Outcomes))}
		m.Maker.Cost = m.maker().Cost()
		m.Maker.Stake, m.Maker.Prices = m.Maker.Cost, m.maker().Prices()
	}
	return m
}

// stake makes the assets of the outcomes, and holds from the owner what the maker may lose.
func stake(a *act.Act, m *Market) error {
	id := m.Spec.ID
	for i, o := range m.Spec.Outcomes {
		if err := a.Ledger.Create(ShareAsset(id, i+1), api.SystemOwner, "a share in "+o); err != nil {
			return err
		}
	}
	return a.Ledger.Hold(Entity(id), api.Account(m.Owner, "", ""), m.Maker.Stake, ledger.Why{Kind: "stake", Ref: Entity(id)})
}

// maker returns the position of the maker.
func (m *Market) maker() *lmsr.Market {
	return &lmsr.Market{Liquidity: m.Spec.Liquidity, Shares: m.Maker.Shares}
}

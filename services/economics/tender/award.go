package tender

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func awardNow(a *act.Act, d *Draft, r *api.TenderAwardRequest) (*api.Tender, error) {
	t, err := d.open(r.ID)
	if err != nil {
		return nil, err
	}
	if err := owns(a, t); err != nil {
		return nil, err
	}
	if t.Count == 0 {
		return nil, api.Errorf(api.FailedPrecondition, "nobody has bid for tender %s: wait, or cancel it", r.ID).WithReason(api.ReasonTenderNoBids)
	}
	award(a, d, t)
	return d.view(a, t), nil
}

// award ends the bidding: the best bid has the contract at the price of the rule, what is held beyond that goes back, and everybody is
// told. What cannot be awarded has failed, and all goes back.
func award(a *act.Act, d *Draft, t *Tender) {
	bids := d.bidsOf(t.Spec.ID, t)
	price, best := choose(a, t, bids)
	if best == nil {
		end(a, t, api.TenderNoBids, "")
		return
	}
	entity := Entity(t.Spec.ID)
	c := api.Contract{
		ID: contract.ID(entity), Origin: entity, Notify: true, Buyer: t.Announcer, Provider: best.Bidder, Price: price, Ceiling: t.Spec.Budget,
		Hold: entity, Domain: t.Spec.Task.Capability, Terms: t.Spec.Terms,
	}
	c.Terms.Completion, c.Terms.QualityGuarantee = best.Time, best.Quality
	err := a.Ledger.Resize(entity, price+c.Terms.Bonus.Max)
	if err == nil {
		err = desk.Open(a, c)
	}
	if err != nil {
		end(a, t, api.TenderFailed, "it could not be awarded: "+api.AsError(err).Message)
		return
	}
	t.State, t.Award = api.TenderAwarded, &api.TenderAward{Winner: best.Bidder, Price: price, Contract: c.ID, At: a.Time}
	a.At(entity, time.Time{})
	if t.Spec.Execution == api.TenderAsTask {
		t.Award.Task = c.ID
		execute(a, t, best)
	}
	changed(a, t)
}

// choose finds the winner and its price; nil when nobody has bid.
func choose(a *act.Act, t *Tender, bids []*Bid) (api.Micro, *Bid) {
	terms := mechanism.Terms{Reverse: true, Reserve: t.Spec.Budget, Quantity: 1}
	list := make([]mechanism.Bid, len(bids))
	for i, b := range bids {
		list[i] = mechanism.Bid{Bidder: b.Bidder, Price: b.Price, Quantity: 1, Order: b.Order}
	}
	var out mechanism.Outcome
	switch t.Spec.Rule {
	case api.TenderFirstPrice:
		out = mechanism.FirstPrice(terms, list)
	case api.TenderScore, api.TenderSecondScore:
		for i, b := range bids {
			list[i].Values = map[string]api.Decimal{
				"quality": b.Quality, "time": seconds(b.Time), "reputation": a.Reputation.Score(b.Bidder, t.Spec.Task.Capability, a.Time),
			}
		}
		out = Scoring(&t.Spec).Run(terms, list)
	default:
		out = mechanism.Vickrey(terms, list)
	}
	if len(out.Awards) == 0 {
		return 0, nil
	}
	for _, b := range bids {
		if b.Bidder == out.Awards[0].Bidder {
			return out.Awards[0].Price, b
		}
	}
	return 0, nil
}

// Scoring is the scoring of a tender: Che, Design Competition through Multidimensional Auctions, RAND Journal of Economics 24, 1993.
func Scoring(s *api.TenderSpec) mechanism.Scoring {
	rule := mechanism.Scoring{PriceWeight: s.Weights.Price, Worst: s.Budget, Second: s.Rule == api.TenderSecondScore}
	for _, x := range []mechanism.Attribute{
		{Name: "quality", Weight: s.Weights.Quality, High: api.One},
		{Name: "reputation", Weight: s.Weights.Reputation, High: api.One},
		{Name: "time", Weight: s.Weights.Time, High: max(1, seconds(s.Terms.Completion)), Less: true},
	} {
		if x.Weight > 0 {
			rule.Attributes = append(rule.Attributes, x)
		}
	}
	return rule
}

// seconds is a duration as a number of seconds.
func seconds(d api.Duration) api.Decimal { return api.Decimal(d.Std().Microseconds()) }

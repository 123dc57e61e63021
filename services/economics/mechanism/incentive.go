package mechanism

import (
	"math"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Record is what is known of a bidder: never what it says of itself.
type Record struct {
	Reputation api.Decimal `json:"reputation"` // 0 to 1
	Quality    api.Decimal `json:"quality"`    // of its work so far, 0 to 1
}

// The weights of an incentive-aligned auction, and the price that counts nothing: 1,000 units (the reference system's formula).
const (
	IncentivePriceWeight                = 400_000
	IncentiveQualityWeight              = 400_000
	IncentiveReputationWeight           = 200_000
	IncentiveWorst            api.Micro = 1_000_000_000
)

// incentive is 0.4(1-price/1000) + 0.4 quality + 0.2 reputation.
var incentive = Scoring{
	PriceWeight: IncentivePriceWeight, Worst: IncentiveWorst,
	Attributes: []Attribute{
		{Name: "quality", Weight: IncentiveQualityWeight, High: api.One},
		{Name: "reputation", Weight: IncentiveReputationWeight, High: api.One},
	},
}

// Incentive awards work to the best score of price, quality and reputation, at the price bid. Quality and reputation are those of the
// records: in the reference system they were what the bid said of itself, so that a liar with price 900 beat an honest 100. Bidders
// without a record do not count. The terms are taken as reverse: the lowest price is best, and the reserve is a ceiling.
func Incentive(t Terms, bids []Bid, records map[string]Record) Outcome {
	t.Reverse = true
	return incentive.Run(t, recorded(bids, records))
}

// IncentiveScore is the score of a bid by the record of its bidder.
func IncentiveScore(b Bid, r Record) api.Decimal {
	b.Values = r.values()
	return incentive.Score(Terms{Reverse: true}, &b)
}

func recorded(bids []Bid, records map[string]Record) []Bid {
	known := make([]Bid, 0, len(bids))
	for i := range bids {
		if r, ok := records[bids[i].Bidder]; ok {
			b := bids[i]
			b.Values = r.values()
			known = append(known, b)
		}
	}
	return known
}

func (r Record) values() map[string]api.Decimal {
	return map[string]api.Decimal{"quality": r.Quality, "reputation": r.Reputation}
}

// Bonuses is what the winner of an incentive-aligned auction gets beside its price (the reference system's formula).
type Bonuses struct {
	Target     api.Decimal   // quality from which on it is rewarded, 0 to 1
	Guarantee  api.Decimal   // quality that the winner has promised, 0 to 1
	Quality    api.Micro     // for each hundredth of quality above Target
	Deadline   time.Duration // from the award
	Speed      api.Micro     // for each hour before the deadline
	Reputation api.Decimal   // share of the price
}

// Settlement is what is due, and of what it is made.
type Settlement struct{ Base, Quality, Speed, Reputation, Total api.Micro }

// Check returns what is wrong with the bonuses, or with the price they are for, as invalid. What passes never settles to more than
// api.MaxAmount.
func (b Bonuses) Check(price api.Micro) error {
	switch {
	case price < 1 || price > api.MaxAmount:
		return wrong("price", "price must be 1 to %d", int64(api.MaxAmount))
	case b.Target < 0 || b.Target > api.One || b.Guarantee < 0 || b.Guarantee > api.One:
		return wrong("guarantee", "target and guarantee must be 0 to 1")
	case b.Quality < 0 || b.Speed < 0 || b.Reputation < 0 || b.Deadline < 0:
		return wrong("bonuses", "no bonus, and no deadline, can be below 0")
	case b.Most(price) > api.MaxAmount:
		return wrong("bonuses", "price and bonuses could make more than %d", int64(api.MaxAmount))
	}
	return nil
}

// Most is the most that can be due: what has to be held until it is settled.
func (b Bonuses) Most(price api.Micro) api.Micro { return b.Settle(price, api.One, 0).Total }

// Settle is what is due for work of a quality (0 to 1) that took so long. The guarantee bounds it: work below it earns no bonus, and of
// the price the part that its quality is of the guarantee.
func (b Bonuses) Settle(price api.Micro, quality api.Decimal, took time.Duration) Settlement {
	quality, took = min(max(quality, 0), api.One), max(took, 0)
	s := Settlement{Base: price}
	if quality < b.Guarantee {
		s.Base = api.Micro(fixed.MulDiv(api.Decimal(price), quality, b.Guarantee))
		s.Total = s.Base
		return s
	}
	s.Quality = part(b.Quality, 100*max(quality-b.Target, 0), api.One)
	s.Speed = part(b.Speed, api.Decimal(max(b.Deadline-took, 0)), api.Decimal(time.Hour))
	s.Reputation = part(price, b.Reputation, api.One)
	for _, m := range []api.Micro{s.Base, s.Quality, s.Speed, s.Reputation} {
		if s.Total += m; s.Total < 0 {
			s.Total = math.MaxInt64
			break
		}
	}
	return s
}

func part(m api.Micro, n, of api.Decimal) api.Micro {
	return api.Micro(fixed.MulDiv(api.Decimal(m), n, of))
}

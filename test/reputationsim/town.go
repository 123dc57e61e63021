package reputationsim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	residents = 60
	deals     = 3000 // about 100 for each resident, half of them as the buyer
	feeShare  = 33   // one part in so many of a price goes to fees: 3 %
)

// town is a population that trades, and says honestly what it thinks of it.
type town struct {
	rng     *rand.Rand
	state   *reputation.State
	now     time.Time
	honest  []string
	quality map[string]api.Decimal
	refs    int
}

// settle returns a town in which the honest have traded for two months. Their true qualities are spread evenly from 0.5 to 0.95.
func settle(seed uint64) (*town, error) {
	t := &town{
		rng: rand.New(rand.NewPCG(seed, 1)), state: reputation.New(), now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		quality: map[string]api.Decimal{},
	}
	for i := range residents {
		id := fmt.Sprintf("honest-%02d", i)
		t.honest = append(t.honest, id)
		t.quality[id] = 500_000 + 450_000*api.Decimal(i)/(residents-1)
	}
	for range deals {
		if err := t.trade(t.someone(), t.someone()); err != nil {
			return nil, err
		}
		t.now = t.now.Add(30 * time.Minute)
	}
	return t, nil
}

func (t *town) someone() string { return t.honest[t.rng.IntN(len(t.honest))] }

// trade has a provider work for a buyer who says what it was worth, 0.15 off at most.
func (t *town) trade(buyer, provider string) error {
	if buyer == provider {
		return nil
	}
	q := t.quality[provider] + api.Decimal(t.rng.Int64N(300_001)) - 150_000
	price := api.Micro(100_000 + t.rng.Int64N(9_900_000)) // 0.1 to 10 units
	return t.say(buyer, provider, max(0, min(api.One, q)), price, price/feeShare)
}

// say records what somebody claims of somebody after a deal.
func (t *town) say(by, agent string, q api.Decimal, price, fee api.Micro) error {
	t.refs++
	d := t.state.Draft()
	err := d.Record(t.now, reputation.Record{
		Agent: agent, By: by, Ref: fmt.Sprint("deal-", t.refs), Quality: q, Satisfaction: q, CostEfficiency: q, Stake: price, Fee: fee,
	})
	if err != nil {
		return err
	}
	d.Apply()
	return nil
}

// view is what one way to score makes of somebody.
type view struct {
	score api.Decimal
	place int // among all who have a record
}

// look returns how somebody stands with the guard, and without: by the reference's mean of all records alike.
func (t *town) look(agent string) (guarded, naive view) {
	d := t.state.Draft()
	of := func(id string) (api.Decimal, api.Decimal) {
		p := d.Profile(id, t.now)
		if p.Records == 0 {
			return p.Score, reputation.Prior
		}
		return p.Score, p.Raw
	}
	guarded.score, naive.score = of(agent)
	for _, id := range t.state.Agents.IDs() {
		if p := d.Profile(id, t.now); p.Records == 0 || id == agent {
			continue
		}
		g, n := of(id)
		if g > guarded.score {
			guarded.place++
		}
		if n > naive.score {
			naive.place++
		}
	}
	guarded.place++
	naive.place++
	return guarded, naive
}

// disorder is the share of the pairs of residents whose qualities are at least 0.1 apart that the score has in the wrong order.
func (t *town) disorder() api.Decimal {
	d := t.state.Draft()
	wrong, all := 0, 0
	for i, a := range t.honest {
		for _, b := range t.honest[i+1:] {
			if t.quality[b]-t.quality[a] < 100_000 {
				continue
			}
			all++
			if d.Score(a, "", t.now) >= d.Score(b, "", t.now) {
				wrong++
			}
		}
	}
	return api.Decimal(wrong) * api.One / api.Decimal(all)
}

// members returns the names of k identities of one attacker, whose true quality is bad.
func (t *town) members(k int) []string {
	ids := make([]string, k)
	for i := range ids {
		ids[i] = fmt.Sprintf("sybil-%04d", i)
		t.quality[ids[i]] = 200_000
	}
	return slices.Clip(ids)
}

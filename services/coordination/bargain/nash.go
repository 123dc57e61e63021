package bargain

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// nash goes on with the choice by the Nash product: candidates if there are none, then what they are worth, then the result.
func (t *table) nash(now *api.SessionRound) protocol.Step {
	candidates := t.candidates()
	switch {
	case now == nil && len(t.params.Candidates) == 0:
		var asks []protocol.Ask
		for _, m := range t.Members {
			asks = add(asks, m.ID, api.BargainOfferAsk{Offer: 1, MaxRounds: 1, Total: t.params.Total, Issues: t.params.Issues, MaxBytes: t.longest})
		}
		return round(PhaseCandidates, asks)
	case len(candidates) == 0:
		return t.without(api.BargainNoOffers, nil)
	case now == nil || now.Phase == PhaseCandidates:
		body := api.BargainUtilitiesAsk{}
		for _, c := range candidates {
			body.Candidates = append(body.Candidates, c.Deal)
		}
		var asks []protocol.Ask
		for _, m := range t.Members {
			asks = add(asks, m.ID, body)
		}
		return round(PhaseUtilities, asks)
	}
	return t.choose(candidates, now)
}

// candidates are those of the parameters, or what the members have offered, in their order and each once.
func (t *table) candidates() []api.BargainOffer {
	var out []api.BargainOffer
	note := func(by string, deal json.RawMessage) {
		if !slices.ContainsFunc(out, func(o api.BargainOffer) bool { return bytes.Equal(o.Deal, deal) }) {
			out = append(out, api.BargainOffer{Offer: len(out) + 1, By: by, Deal: deal})
		}
	}
	for _, c := range t.params.Candidates {
		note("", c)
	}
	if len(out) > 0 || len(t.Rounds) == 0 {
		return out
	}
	for i := range t.Rounds[0].Asks {
		a := &t.Rounds[0].Asks[i]
		if a.State != api.AskAnswered {
			continue
		}
		if said, err := t.offerOf(a.Answer); err == nil && !said.Pass {
			note(a.Member, said.Offer)
		}
	}
	return out
}

// choose takes the candidate with the greatest Nash product of those that leave nobody worse off than no agreement. Of equal products
// (two that are 0, above all) the one with the greater sum of gains is taken, and of equal sums the first. So none of the others is
// better for one and worse for none.
func (t *table) choose(candidates []api.BargainOffer, now *api.SessionRound) protocol.Step {
	worth, reservations := t.worth(now)
	var parties []string
	for _, m := range t.Members {
		if worth[m.ID] != nil {
			parties = append(parties, m.ID)
		}
	}
	if len(parties) < 2 || len(parties) < len(t.Members) && t.params.Absent == api.BargainReject {
		return t.without(api.BargainAbsent, candidates)
	}
	best := -1
	var most *big.Int
	var mostSum api.Decimal
	for i := range candidates {
		gains := make([]api.Decimal, len(parties))
		var sum api.Decimal
		for j, m := range parties {
			gains[j] = fixed.Add(worth[m][i], -reservations[m])
			sum += gains[j] // of at most maxMembers of at most twice api.DecimalLimit
		}
		if slices.Min(gains) < 0 {
			continue
		}
		product := Product(gains)
		candidates[i].NashProduct = Written(product, len(gains))
		if best < 0 || product.Cmp(most) > 0 || product.Cmp(most) == 0 && sum > mostSum {
			best, most, mostSum = i, product, sum
		}
	}
	if best < 0 {
		return t.without(api.BargainNoDeal, candidates)
	}
	c := course{reservations: reservations}
	for i, cand := range candidates {
		o := offer{number: cand.Offer, by: cand.By, deal: cand.Deal, utilities: map[string]api.Decimal{}, parties: parties}
		for _, m := range parties {
			o.utilities[m] = worth[m][i]
		}
		c.offers = append(c.offers, o)
	}
	return t.agreed(&c, &c.offers[best], 0, candidates)
}

// worth is what the candidates are worth to those who have said so.
func (t *table) worth(now *api.SessionRound) (map[string][]api.Decimal, map[string]api.Decimal) {
	worth, reservations := map[string][]api.Decimal{}, map[string]api.Decimal{}
	for m, d := range t.params.Reservations {
		reservations[m] = d
	}
	for i := range now.Asks {
		a := &now.Asks[i]
		if a.State != api.AskAnswered {
			continue
		}
		if u, err := utilitiesOf(a, a.Answer); err == nil {
			worth[a.Member] = u.Utilities
			if u.Reservation != nil {
				reservations[a.Member] = *u.Reservation
			}
		}
	}
	return worth, reservations
}

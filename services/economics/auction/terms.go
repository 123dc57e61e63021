package auction

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// fill puts the defaults into terms that are valid.
func fill(t *api.AuctionSpec, id, owner string) {
	t.ID = id
	if t.Type == api.AuctionSealedBid {
		t.Type = api.AuctionFirstPrice
	}
	if t.Account == "" {
		t.Account = api.Account(owner, "", "")
	} else {
		t.Account, _ = api.ParseAccount(string(t.Account)) // it is valid
	}
	t.Quantity = max(t.Quantity, 1)
	for i := range t.Items {
		if t.Items[i].Asset != "" {
			t.Items[i].Quantity = max(t.Items[i].Quantity, 1)
		}
	}
	if t.MaxBidders == 0 {
		t.MaxBidders = api.AuctionBidders
	}
	if t.QualityGuarantee == 0 {
		t.QualityGuarantee = api.AuctionQuality
	}
	if t.Completion == 0 {
		t.Completion = api.AuctionCompletion
	}
	length := api.AuctionTime
	switch t.Type {
	case api.AuctionEnglish:
		if t.Increment == 0 {
			t.Increment = api.AuctionIncrement
		}
	case api.AuctionDutch:
		t.Reserve = max(t.Reserve, 1)
		length = min(api.Duration(clock(t).Ends()), api.MaxAuctionTime*api.Duration(time.Second))
	case api.AuctionDouble:
		if t.Rule == "" {
			t.Rule = api.RuleMidpoint
		}
	case api.AuctionMultiTrait:
		if t.Rule == "" {
			t.Rule = api.RuleFirstScore
		}
	case api.AuctionIncentive:
		if t.Incentive.Target == 0 {
			t.Incentive.Target = api.AuctionQuality
		}
		if t.Incentive.Deadline == 0 {
			t.Incentive.Deadline = api.AuctionDeadline
		}
	}
	if t.Duration == nil {
		t.Duration = &length
	}
}

// check asks the mechanism whether it can work with the terms.
func check(t *api.AuctionSpec) error {
	for _, asset := range assets(t) {
		switch {
		case asset == api.CreditAsset:
			return badBid("asset", "prices are in %s: sell something else", api.CreditAsset)
		case t.Reverse && t.Type == api.AuctionCombinatorial:
			return badBid("items", "in a reverse combinatorial auction items are bought by contract: name no assets")
		}
	}
	var err error
	switch t.Type {
	case api.AuctionEnglish:
		err = english(t).Check()
	case api.AuctionDutch:
		err = clock(t).Check()
	case api.AuctionMultiTrait:
		err = scoring(t).Check(t.Reverse)
	case api.AuctionIncentive:
		err = bonuses(t).Check(t.Reserve)
	case api.AuctionUniform:
		err = sealed(t).Check()
	}
	if e := api.AsError(err); e != nil {
		return e.WithReason(api.ReasonAuctionTerms)
	}
	return err
}

// assets are those that the auction is about.
func assets(t *api.AuctionSpec) []string {
	var all []string
	if t.Asset != "" {
		all = append(all, t.Asset)
	}
	for i := range t.Items {
		if t.Items[i].Asset != "" {
			all = append(all, t.Items[i].Asset)
		}
	}
	return all
}

func english(t *api.AuctionSpec) mechanism.English {
	return mechanism.English{
		Reverse: t.Reverse, Reserve: t.Reserve, Increment: t.Increment, BuyNow: t.BuyNow, SoftClose: t.SoftClose.Std(),
	}
}

func clock(t *api.AuctionSpec) mechanism.Clock {
	return mechanism.Clock{Reverse: t.Reverse, Start: t.StartPrice, Step: t.Step, Reserve: t.Reserve, Interval: t.Interval.Std()}
}

// sealed are the terms for the mechanisms of sealed bids. A lot counts as one unit there.
func sealed(t *api.AuctionSpec) mechanism.Terms {
	m := mechanism.Terms{Reverse: t.Reverse, Reserve: t.Reserve, Quantity: 1}
	if t.Type == api.AuctionUniform {
		m.Quantity = t.Quantity
	}
	return m
}

func scoring(t *api.AuctionSpec) mechanism.Scoring {
	s := mechanism.Scoring{PriceWeight: t.Scoring.PriceWeight, Worst: t.Scoring.WorstPrice, Best: t.Scoring.BestPrice, Second: t.Rule == api.RuleSecondScore}
	for _, a := range t.Scoring.Attributes {
		s.Attributes = append(s.Attributes, mechanism.Attribute{Name: a.Name, Weight: a.Weight, Low: a.Low, High: a.High, Less: a.Less})
	}
	return s
}

func bonuses(t *api.AuctionSpec) mechanism.Bonuses {
	i := t.Incentive
	return mechanism.Bonuses{
		Target: i.Target, Guarantee: t.QualityGuarantee, Quality: i.QualityRate, Deadline: i.Deadline.Std(), Speed: i.SpeedRate, Reputation: i.ReputationRate,
	}
}

// budget is what the owner of a reverse auction could have to pay at most.
func budget(t *api.AuctionSpec) api.Micro {
	switch t.Type {
	case api.AuctionIncentive:
		return bonuses(t).Most(t.Reserve)
	case api.AuctionUniform:
		return mechanism.Amount(t.Reserve, t.Quantity)
	case api.AuctionCombinatorial:
		sum := api.Micro(0)
		for i := range t.Items {
			sum += t.Items[i].Reserve
		}
		return sum
	}
	return t.Reserve
}

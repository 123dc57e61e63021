package api

import "time"

// checkType checks what only some types of auctions have.
func (s *AuctionSpec) checkType() error {
	t := s.Type
	for _, only := range []struct {
		given bool
		ok    bool
		field string
	}{
		{s.Increment != 0, t == AuctionEnglish, "increment"},
		{s.BuyNow != 0, t == AuctionEnglish, "buy_now"},
		{s.SoftClose != 0, t == AuctionEnglish, "soft_close"},
		{s.StartPrice != 0, t == AuctionDutch, "start_price"},
		{s.Step != 0, t == AuctionDutch, "step"},
		{s.Interval != 0, t == AuctionDutch, "interval"},
		{s.Reveal != 0, t.Committed(), "reveal"},
		{s.Deposit != 0, s.Reveal > 0, "deposit"},
		{s.Forfeit != 0, s.Deposit > 0, "forfeit"},
		{s.Scoring != nil, t == AuctionMultiTrait, "scoring"},
		{s.Incentive != nil, t == AuctionIncentive, "incentive"},
		{s.Rule == RuleMidpoint || s.Rule == RuleMcAfee, t == AuctionDouble, "rule"},
		{s.Rule == RuleFirstScore || s.Rule == RuleSecondScore, t == AuctionMultiTrait, "rule"},
		{s.Rule != "", t == AuctionDouble || t == AuctionMultiTrait, "rule"},
		{s.Reverse, t != AuctionDouble, "reverse"},
		{s.Asset != "", t != AuctionMultiTrait && t != AuctionIncentive, "asset"},
	} {
		if only.given && !only.ok {
			return badAuction(ReasonAuctionTerms, only.field, "%s does not go with the other terms of a %s auction", only.field, t)
		}
	}
	if s.Reverse && s.Reserve == 0 && t != AuctionCombinatorial {
		return badAuction(ReasonInvalidReserve, "reserve", "a reverse auction needs a reserve: the highest price that its owner would pay")
	}
	switch t {
	case AuctionEnglish:
		if s.BuyNow != 0 && (s.Reverse && s.BuyNow > s.Reserve || !s.Reverse && s.BuyNow < s.Reserve) {
			return badAuction(ReasonAuctionTerms, "buy_now", "buy_now must be no worse for the owner than the reserve")
		}
	case AuctionDutch:
		return s.checkClock()
	case AuctionUniform:
		return s.checkUnits()
	case AuctionMultiTrait:
		return s.checkScoring()
	case AuctionIncentive:
		return s.checkIncentive()
	}
	return nil
}

func (s *AuctionSpec) checkClock() error {
	if s.StartPrice == 0 || s.Step == 0 || s.Interval < Duration(time.Millisecond) {
		return Errorf(Invalid, "a dutch auction needs a start_price, a step, and an interval of at least 1ms").WithReason(ReasonMissingFields).WithFields("start_price", "step", "interval")
	}
	if s.Reverse && s.StartPrice > s.Reserve || !s.Reverse && s.StartPrice < s.Reserve {
		return badAuction(ReasonAuctionTerms, "start_price", "the clock goes from start_price to the reserve: down, or in a reverse auction up")
	}
	return nil
}

// checkUnits keeps what all units could cost within an amount.
func (s *AuctionSpec) checkUnits() error {
	if q := max(s.Quantity, 1); s.Reserve > MaxAmount/Micro(q) {
		return badAuction(ReasonInvalidReserve, "reserve", "all units at the reserve must cost at most %d millionths", int64(MaxAmount))
	}
	return nil
}

func (s *AuctionSpec) checkScoring() error {
	c := s.Scoring
	if c == nil || len(c.Attributes) == 0 {
		return Errorf(Invalid, "a multi_attribute auction needs a scoring with attributes").WithReason(ReasonMissingFields).WithFields("scoring")
	}
	if len(c.Attributes) > MaxAuctionTraits {
		return badAuction(ReasonAuctionTerms, "scoring.attributes", "at most %d attributes are allowed", MaxAuctionTraits)
	}
	for i := range c.Attributes {
		if err := CheckID("scoring.attributes.name", c.Attributes[i].Name); err != nil {
			return err
		}
	}
	return nil
}

func (s *AuctionSpec) checkIncentive() error {
	if !s.Reverse {
		return badAuction(ReasonAuctionTerms, "reverse", "an incentive auction chooses a provider: say reverse, and as reserve the highest price")
	}
	i := s.Incentive
	if i == nil {
		return Errorf(Invalid, "an incentive auction needs its incentive").WithReason(ReasonMissingFields).WithFields("incentive")
	}
	if i.ReputationRate < 0 || i.ReputationRate > One {
		return badAuction(ReasonAuctionTerms, "incentive.reputation_rate", "reputation_rate must be 0 to 1")
	}
	if i.Deadline < 0 || i.Deadline > Duration(MaxAuctionTime*time.Second) {
		return badAuction(ReasonInvalidDuration, "incentive.deadline", "deadline must be 0s to %v", MaxAuctionTime*time.Second)
	}
	return first(CheckOptionalID("incentive.judge", i.Judge), checkIDs("incentive.required_specializations", i.Skills, MaxAuctionSkills))
}

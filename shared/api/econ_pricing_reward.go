package api

// FeeRequest asks for a fee that a good reputation makes less: base fee times (1 - reputation * discount rate).
type FeeRequest struct {
	BaseFee Micro `json:"base_fee"`
	// Agent, and the domain of its work, take the reputation from the service's own records; without it reputation must be given.
	Agent      string   `json:"agent,omitempty"`
	Domain     string   `json:"domain,omitempty"`
	Reputation *Decimal `json:"reputation,omitempty"`
	// DiscountRate is the discount for a reputation of 1, from 0 to 1.
	DiscountRate Decimal `json:"discount_rate,omitempty"`
	// MinimumScore refuses a lower reputation.
	MinimumScore Decimal `json:"minimum_score,omitempty"`
	MinRevision  string  `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *FeeRequest) Validate() error {
	if err := CheckAmount("base_fee", r.BaseFee); err != nil {
		return err
	}
	if r.Agent == "" && r.Reputation == nil {
		return Errorf(Invalid, "name the agent, or give the reputation").WithReason(ReasonMissingFields).WithFields("agent", "reputation")
	}
	if err := checkOwnRecords(r.Agent, r.Domain, 0, r.Reputation); err != nil {
		return err
	}
	return checkFractions(figure{"discount_rate", r.DiscountRate}, figure{"minimum_score", r.MinimumScore})
}

// PriceFee is a fee.
type PriceFee struct {
	Fee Micro `json:"fee"`
	// Discount is what the reputation saves.
	Discount   Micro   `json:"discount"`
	Reputation Decimal `json:"reputation"`
	Revision   string  `json:"revision,omitempty"`
}

// RewardRequest asks for a reward: for performance or for reputation.
type RewardRequest struct {
	Base        Micro              `json:"base"`
	Performance *PerformanceReward `json:"performance,omitempty"`
	Reputation  *ReputationReward  `json:"reputation,omitempty"`
	MinRevision string             `json:"min_revision,omitempty"`
}

// PerformanceReward is base * (1 + quality * quality_multiplier) * (1 + (speed - 1) * speed_multiplier) * (1 + (cost - 1) *
// cost_multiplier), each factor 0 at least.
type PerformanceReward struct {
	// Quality is from 0 to 1. Speed and Cost are expected over actual: 1 as expected, more if it was better. Both are 1 unless given.
	Quality           Decimal `json:"quality"`
	QualityMultiplier Decimal `json:"quality_multiplier,omitempty"`
	Speed             Decimal `json:"speed,omitempty"`
	SpeedMultiplier   Decimal `json:"speed_multiplier,omitempty"`
	Cost              Decimal `json:"cost,omitempty"`
	CostMultiplier    Decimal `json:"cost_multiplier,omitempty"`
}

// ReputationReward is base * (1 + score * score_multiplier + consistency * consistency_bonus + specialisation_bonus + threshold_bonus), and
// that times penalty_multiplier when the recent quality is below the penalty threshold.
type ReputationReward struct {
	// Agent, and the domain of its work, take score, consistency, specialised and recent quality from the service's own records.
	Agent  string `json:"agent,omitempty"`
	Domain string `json:"domain,omitempty"`

	Score           Decimal `json:"score,omitempty"`
	ScoreMultiplier Decimal `json:"score_multiplier,omitempty"`
	// Consistency is from 0 to 1.
	Consistency      Decimal `json:"consistency,omitempty"`
	ConsistencyBonus Decimal `json:"consistency_bonus,omitempty"`
	// Specialised earns the specialisation bonus.
	Specialised         bool    `json:"specialised,omitempty"`
	SpecialisationBonus Decimal `json:"specialisation_bonus,omitempty"`
	// RecentQuality of the standard (0.8 unless given) or more earns the threshold bonus. Nothing follows from none.
	RecentQuality  *Decimal `json:"recent_quality,omitempty"`
	Standard       Decimal  `json:"standard,omitempty"`
	ThresholdBonus Decimal  `json:"threshold_bonus,omitempty"`
	// PenaltyThreshold is 0.5 unless given; PenaltyMultiplier is 1, no penalty, unless given.
	PenaltyThreshold  Decimal  `json:"penalty_threshold,omitempty"`
	PenaltyMultiplier *Decimal `json:"penalty_multiplier,omitempty"`
}

// Validate implements Validator.
func (r *RewardRequest) Validate() error {
	if err := CheckAmount("base", r.Base); err != nil {
		return err
	}
	if (r.Performance == nil) == (r.Reputation == nil) {
		return Errorf(Invalid, "a reward is for performance or for reputation: give one of them").
			WithReason(ReasonMissingFields).WithFields("performance", "reputation")
	}
	if p := r.Performance; p != nil {
		if err := checkFractions(figure{"quality", p.Quality}); err != nil {
			return err
		}
		return checkMultipliers(figure{"quality_multiplier", p.QualityMultiplier}, figure{"speed", p.Speed}, figure{"speed_multiplier", p.SpeedMultiplier},
			figure{"cost", p.Cost}, figure{"cost_multiplier", p.CostMultiplier})
	}
	x := r.Reputation
	if x.Agent != "" && (x.Score != 0 || x.Consistency != 0 || x.Specialised || x.RecentQuality != nil) {
		return Errorf(Invalid, "with an agent, its records say what its reputation is: leave that out").WithFields("agent")
	}
	if err := checkOwnRecords(x.Agent, x.Domain, 0, nil); err != nil {
		return err
	}
	if err := checkFractions(figure{"score", x.Score}, figure{"consistency", x.Consistency}, figure{"recent_quality", deref(x.RecentQuality)},
		figure{"standard", x.Standard}, figure{"penalty_threshold", x.PenaltyThreshold}, figure{"penalty_multiplier", deref(x.PenaltyMultiplier)}); err != nil {
		return err
	}
	return checkMultipliers(figure{"score_multiplier", x.ScoreMultiplier}, figure{"consistency_bonus", x.ConsistencyBonus},
		figure{"specialisation_bonus", x.SpecialisationBonus}, figure{"threshold_bonus", x.ThresholdBonus})
}

// Reward is what is earned.
type Reward struct {
	PriceQuote
	// Penalised tells that the penalty multiplier was applied.
	Penalised bool   `json:"penalised,omitempty"`
	Revision  string `json:"revision,omitempty"`
}

// figure is a number of a request by its name.
type figure struct {
	field string
	value Decimal
}

// deref returns 0 for a number that is not given.
func deref(d *Decimal) Decimal {
	if d == nil {
		return 0
	}
	return *d
}

func checkMultipliers(all ...figure) error {
	for _, x := range all {
		if x.value < 0 || x.value > MultiplierLimit {
			return Errorf(Invalid, "%s must be 0 to %v", x.field, MultiplierLimit).WithFields(x.field)
		}
	}
	return nil
}

// checkFractions refuses what is not from 0 to 1.
func checkFractions(all ...figure) error {
	for _, x := range all {
		if x.value < 0 || x.value > One {
			return Errorf(Invalid, "%s must be 0 to 1", x.field).WithFields(x.field)
		}
	}
	return nil
}

func checkPriceCount(field string, n int64) error {
	if n < 0 || n > MaxPriceCount {
		return Errorf(Invalid, "%s must be 0 to %d", field, MaxPriceCount).WithFields(field)
	}
	return nil
}

// checkOwnRecords refuses an agent whose records are taken from the service and given too.
func checkOwnRecords(agent, domain string, records int, reputation *Decimal) error {
	if err := CheckOptionalID("agent", agent); err != nil {
		return err
	}
	if err := CheckOptionalID("domain", domain); err != nil {
		return err
	}
	switch {
	case agent != "" && (records > 0 || reputation != nil):
		return Errorf(Invalid, "with an agent, the service's own records count: leave out records and reputation").WithFields("agent")
	case agent == "" && domain != "":
		return Errorf(Invalid, "domain says which records of an agent count: name the agent").WithFields("domain")
	case records > MaxPriceRecords:
		return Errorf(Invalid, "%d records are more than the %d that are allowed", records, MaxPriceRecords).WithFields("records")
	case reputation != nil:
		return checkFractions(figure{"reputation", *reputation})
	}
	return nil
}

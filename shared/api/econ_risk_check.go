package api

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// DefaultMinimumStake is the least stake unless the rules say otherwise: 100 units.
const DefaultMinimumStake = 100_000_000

// WithDefaults returns the rules with what was not given filled in.
func (r StakeRules) WithDefaults() StakeRules {
	set := func(d *Duration, days time.Duration) {
		if *d == 0 {
			*d = Duration(days * 24 * time.Hour)
		}
	}
	set(&r.Unbonding, 7)
	set(&r.Appeal, 1)
	set(&r.Judging, 30)
	set(&r.Retention, 90)
	set(&r.Recovery, 30)
	if r.Minimum == 0 {
		r.Minimum = DefaultMinimumStake
	}
	if r.ReputationMultiplier == 0 {
		r.ReputationMultiplier = One
	}
	if r.JurySize == 0 {
		r.JurySize = 3
	}
	if r.Rates == nil {
		r.Rates = map[string]Decimal{"quality_fraud": One / 4}
	}
	return r
}

// DefaultSlashingRate is the share of a stake that a violation costs whose kind has no rate of its own.
const DefaultSlashingRate = One / 10

// Rate returns what a violation of a kind costs.
func (r *StakeRules) Rate(kind string) Decimal {
	if rate, ok := r.Rates[kind]; ok {
		return rate
	}
	return DefaultSlashingRate
}

// Validate implements Validator.
func (r *StakeRules) Validate() error {
	if r.Minimum < 0 || r.Minimum > MaxAmount {
		return Errorf(Invalid, "minimum must be 0 to %d millionths", int64(MaxAmount)).WithFields("minimum")
	}
	if m := r.ReputationMultiplier; m != 0 && (m < One || m > 100*One) {
		return Errorf(Invalid, "reputation_multiplier must be 1 to 100").WithFields("reputation_multiplier")
	}
	if len(r.Rates) > MaxSlashingRates {
		return Errorf(Invalid, "rates has %d entries, at most %d are allowed", len(r.Rates), MaxSlashingRates).WithFields("rates")
	}
	if err := checkRates(r.Rates, One); err != nil {
		return err
	}
	if len(slices.Compact(slices.Sorted(slices.Values(r.Jurors)))) != len(r.Jurors) {
		return Errorf(Invalid, "jurors name somebody twice").WithFields("jurors")
	}
	if r.JurySize != 0 && (r.JurySize < 3 || r.JurySize > MaxJury || r.JurySize%2 == 0) {
		return Errorf(Invalid, "jury_size must be odd, 3 to %d", MaxJury).WithFields("jury_size")
	}
	return first(checkIDs("jurors", r.Jurors, MaxJurors), checkRiskPeriod("unbonding", r.Unbonding), checkRiskPeriod("appeal", r.Appeal),
		checkRiskPeriod("judging", r.Judging), checkRiskPeriod("retention", r.Retention), checkRiskPeriod("recovery", r.Recovery))
}

// checkRates accepts shares by ids, from 0 to limit. The first bad one in the order of the ids is named.
func checkRates(rates map[string]Decimal, limit Decimal) error {
	names := make([]string, 0, len(rates))
	for name := range rates {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !ValidID(name) || rates[name] < 0 || rates[name] > limit {
			return Errorf(Invalid, "rates.%.70s must be an id with a rate of 0 to %s", name, limit).WithFields("rates")
		}
	}
	return nil
}

func checkRiskPeriod(field string, d Duration) error {
	if d < 0 || d.Std() > MaxRiskPeriod*time.Second {
		return Errorf(Invalid, "%s must be 0s to %ds", field, MaxRiskPeriod).WithFields(field)
	}
	return nil
}

func checkRiskNote(field, s string) error {
	if len(s) > MaxRiskNote {
		return Errorf(Invalid, "%s has %d bytes, at most %d are allowed", field, len(s), MaxRiskNote).WithFields(field)
	}
	return nil
}

func checkEvidence(raw json.RawMessage) error {
	if len(raw) > MaxEvidence {
		return Errorf(Invalid, "evidence has %d bytes, at most %d are allowed: put it into the object store and name it here", len(raw), MaxEvidence).
			WithReason(ReasonPayloadTooLarge).WithFields("evidence")
	}
	if err := checkDepth("evidence", raw); err != nil {
		return err
	}
	return nil
}

// checkOccasion accepts 1 to 160 bytes of printable text without spaces.
func checkOccasion(field, s string) error {
	if s == "" {
		return Errorf(Invalid, "%s is required", field).WithReason(ReasonMissingFields).WithFields(field)
	}
	if len(s) > 160 || strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r >= 0x7f }) {
		return Errorf(Invalid, "%s must be 1 to 160 printable ASCII characters without spaces", field).WithFields(field)
	}
	return nil
}

// checkCredit accepts an account of credit, or none.
func checkCredit(field string, id AccountID) error {
	if id == "" {
		return nil
	}
	whole, err := ParseAccount(string(id))
	if err != nil {
		return err
	}
	if whole.Asset() != CreditAsset {
		return Errorf(Invalid, "%s must be an account of %s", field, CreditAsset).WithReason(ReasonInvalidAccount).WithFields(field)
	}
	return nil
}

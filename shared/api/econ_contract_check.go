package api

import (
	"encoding/json"
	"time"
)

func badTerm(field, want string) error {
	return Errorf(Invalid, "%s must be %s", field, want).WithReason(ReasonInvalidContract).WithFields(field)
}

// checkShare accepts a part of one.
func checkShare(field string, v Decimal) error {
	if v < 0 || v > One {
		return badTerm(field, "0 to 1")
	}
	return nil
}

// checkPrice accepts an amount that may be nothing.
func checkPrice(field string, v Micro) error {
	if v < 0 || v > MaxAmount {
		return badTerm(field, `"0" to "1000000000000000"`)
	}
	return nil
}

func checkContractTime(field string, d Duration) error {
	if d < 0 || d.Std() > MaxContractTime*time.Second {
		return badTerm(field, "0s to 8760h")
	}
	return nil
}

func checkContractItem(field string, raw json.RawMessage) error {
	if len(raw) > MaxContractItem {
		return Errorf(Invalid, "%s has %d bytes, at most %d are allowed", field, len(raw), MaxContractItem).WithReason(ReasonPayloadTooLarge).WithFields(field)
	}
	return nil
}

func checkContractReason(reason string) error {
	if len(reason) > MaxContractReason {
		return Errorf(Invalid, "reason has %d bytes, at most %d are allowed", len(reason), MaxContractReason).WithFields("reason")
	}
	return nil
}

// first returns the first error. The order is what makes the answer the same on every replica.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Check returns an invalid error that says what is wrong with the terms.
func (t *ContractTerms) Check() error {
	b := &t.Bonus
	err := first(
		checkShare("terms.quality_guarantee", t.QualityGuarantee),
		checkShare("terms.fee", t.Fee),
		checkShare("terms.bonus.target", b.Target),
		checkShare("terms.bonus.min_reputation", b.MinReputation),
		checkContractTime("terms.completion", t.Completion),
		checkContractTime("terms.judging", t.Judging),
		checkContractTime("terms.bonus.deadline", b.Deadline),
		checkPrice("terms.bonus.max", b.Max),
		checkPrice("terms.bonus.quality_rate", b.QualityRate),
		checkPrice("terms.bonus.speed_rate", b.SpeedRate),
		CheckOptionalID("terms.judge", t.Judge),
	)
	if err == nil && t.Penalty != nil {
		err = checkShare("terms.penalty", *t.Penalty)
	}
	if r := b.ReputationMultiplier; err == nil && (r < 0 || r > MaxMultiplier*One) {
		err = badTerm("terms.bonus.reputation_multiplier", "0 to 1000000")
	}
	return err
}

// Check returns an invalid error that says what is wrong with a contract that is to be opened.
func (c *Contract) Check() error {
	err := first(
		CheckID("id", c.ID),
		CheckID("buyer", c.Buyer),
		CheckID("provider", c.Provider),
		CheckOptionalID("domain", c.Domain),
		checkPrice("price", c.Price),
		checkPrice("ceiling", c.Ceiling),
		checkContractItem("item", c.Item),
		c.Terms.Check(),
	)
	switch {
	case err != nil:
		return err
	case c.Buyer == c.Provider:
		return badTerm("provider", "another than the buyer")
	case c.Price > 0 && c.Hold == "":
		return badTerm("hold", "the hold that pays the price")
	case c.Terms.Judge != "" && (c.Terms.Judge == c.Buyer || c.Terms.Judge == c.Provider):
		return badTerm("terms.judge", "neither of the parties")
	}
	return nil
}

package api

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// WithDefaults returns the terms with what was not given filled in.
func (t PoolTerms) WithDefaults() PoolTerms {
	if t.Period == 0 {
		t.Period = Duration(30 * 24 * time.Hour)
	}
	set := func(p **Decimal, v Decimal) {
		if *p == nil {
			*p = &v
		}
	}
	set(&t.Loading, One)
	set(&t.ReputationWeight, 400_000)
	set(&t.ComplexityWeight, 400_000)
	if t.Coverage == 0 {
		t.Coverage = 800_000
	}
	return t
}

// Check returns an invalid error that says what is wrong with the terms.
func (t *PoolTerms) Check() error {
	if len(t.Rates) == 0 {
		return Errorf(Invalid, "rates is required: what each type of loss costs").WithReason(ReasonMissingFields).WithFields("rates")
	}
	if len(t.Rates) > MaxPolicyTypes {
		return Errorf(Invalid, "rates has %d entries, at most %d are allowed", len(t.Rates), MaxPolicyTypes).WithFields("rates")
	}
	share := func(field string, v *Decimal) error {
		if v != nil && (*v < 0 || *v > MaxInsurancePrice*One) {
			return Errorf(Invalid, "%s must be 0 to %d", field, MaxInsurancePrice).WithFields(field)
		}
		return nil
	}
	switch {
	case t.Coverage < 0 || t.Coverage > One:
		return Errorf(Invalid, "coverage must be above 0 and at most 1").WithFields("coverage")
	case t.ClaimCap < 0 || t.ClaimCap > MaxAmount:
		return Errorf(Invalid, "claim_cap must be 0 to %d millionths", int64(MaxAmount)).WithFields("claim_cap")
	}
	return first(checkRates(t.Rates, MaxInsurancePrice*One), checkRiskPeriod("period", t.Period), share("loading", t.Loading),
		share("reputation_weight", t.ReputationWeight), share("complexity_weight", t.ComplexityWeight), share("max_risk", &t.MaxRisk))
}

// PoolCreateRequest creates a pool, which belongs to the principal who asks.
type PoolCreateRequest struct {
	// ID is permanent; one is made unless it is given. At most 59 characters.
	ID string `json:"id,omitempty"`
	PoolTerms
}

// Validate implements Validator.
func (r *PoolCreateRequest) Validate() error {
	if len(r.ID) > MaxPoolID {
		return Errorf(Invalid, "id must be at most %d characters", MaxPoolID).WithFields("id")
	}
	return first(CheckOptionalID("id", r.ID), r.Check())
}

// PoolMoneyRequest brings money to a pool, or takes it out.
type PoolMoneyRequest struct {
	Pool   string `json:"pool"`
	Amount Micro  `json:"amount"`
	// Account is where it comes from or goes to; the principal's main account unless given.
	Account AccountID `json:"account,omitempty"`
}

// Validate implements Validator.
func (r *PoolMoneyRequest) Validate() error {
	return first(CheckID("pool", r.Pool), CheckAmount("amount", r.Amount), checkCredit("account", r.Account))
}

// PoolsListResponse is a page of pools.
type PoolsListResponse struct {
	Pools    []Pool `json:"pools"`
	Next     string `json:"next,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// Validate implements Validator.
func (c *Cover) Validate() error {
	switch {
	case c.Complexity != "" && !slices.Contains(InsuranceLevels, c.Complexity):
		return Errorf(Invalid, "complexity must be one of %v", InsuranceLevels).WithFields("complexity")
	case len(c.Types) == 0:
		return Errorf(Invalid, "types is required: what is insured").WithReason(ReasonMissingFields).WithFields("types")
	case len(slices.Compact(slices.Sorted(slices.Values(c.Types)))) != len(c.Types):
		return Errorf(Invalid, "types name one twice").WithFields("types")
	case c.Term <= 0 || c.Term.Std() > MaxPolicyTerm*time.Second:
		return Errorf(Invalid, "term must be above 0s and at most %ds", MaxPolicyTerm).WithFields("term")
	}
	return first(CheckID("pool", c.Pool), CheckOptionalID("subject", c.Subject), CheckAmount("value", c.Value), checkIDs("types", c.Types, MaxPolicyTypes))
}

// Rate returns the sum of the rates of types, and a type that the pool does not cover, if there is one.
func (t *PoolTerms) Rate(types []string) (rate Decimal, missing string) {
	for _, name := range types {
		r, ok := t.Rates[name]
		if !ok {
			return 0, name
		}
		rate += r
	}
	return rate, ""
}

// Covered returns the types of losses that the pool covers, in their order.
func (t *PoolTerms) Covered() []string { return slices.Sorted(maps.Keys(t.Rates)) }

// PolicyBuyRequest buys a policy for the principal who asks.
type PolicyBuyRequest struct {
	// ID is permanent; one is made unless it is given.
	ID string `json:"id,omitempty"`
	Cover
	// MaxPremium refuses a higher price; any will do unless given.
	MaxPremium Micro `json:"max_premium,omitempty"`
	// Account pays the premium and gets the payouts; the principal's main account unless given.
	Account AccountID `json:"account,omitempty"`
}

// Validate implements Validator.
func (r *PolicyBuyRequest) Validate() error {
	if r.MaxPremium < 0 {
		return Errorf(Invalid, "max_premium must not be negative").WithFields("max_premium")
	}
	return first(CheckOptionalID("id", r.ID), r.Cover.Validate(), checkCredit("account", r.Account))
}

// PoliciesListRequest selects policies.
type PoliciesListRequest struct {
	Holder      string      `json:"holder,omitempty"`
	Pool        string      `json:"pool,omitempty"`
	State       PolicyState `json:"state,omitempty"`
	After       string      `json:"after,omitempty"`
	Limit       int         `json:"limit,omitempty"`
	MinRevision string      `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *PoliciesListRequest) Validate() error {
	if r.State != "" && !slices.Contains(PolicyStates, r.State) {
		return Errorf(Invalid, "state must be one of %v", PolicyStates).WithFields("state")
	}
	return first(CheckOptionalID("holder", r.Holder), CheckOptionalID("pool", r.Pool), CheckOptionalID("after", r.After), checkPage(r.Limit))
}

// PoliciesListResponse is a page of policies.
type PoliciesListResponse struct {
	Policies []Policy `json:"policies"`
	Next     string   `json:"next,omitempty"`
	Revision string   `json:"revision,omitempty"`
}

// ClaimFileRequest claims a loss.
type ClaimFileRequest struct {
	// ID is permanent; one is made unless it is given.
	ID     string `json:"id,omitempty"`
	Policy string `json:"policy"`
	Type   string `json:"type"`
	// Event is what has happened, such as "contract/<id>".
	Event string `json:"event"`
	// Gap between the quality that was promised and the one delivered, 0 to 1.
	Gap Decimal `json:"gap,omitzero"`
	// Loss is what the holder has lost; the value of the policy unless given.
	Loss     Micro           `json:"loss,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"`
}

// Validate implements Validator.
func (r *ClaimFileRequest) Validate() error {
	switch {
	case r.Gap < 0 || r.Gap > One:
		return Errorf(Invalid, "gap must be 0 to 1").WithFields("gap")
	case r.Loss < 0 || r.Loss > MaxAmount:
		return Errorf(Invalid, "loss must be 0 to %d millionths", int64(MaxAmount)).WithFields("loss")
	}
	return first(CheckOptionalID("id", r.ID), CheckID("policy", r.Policy), CheckID("type", r.Type), checkOccasion("event", r.Event), checkEvidence(r.Evidence))
}

// ClaimJudgeRequest judges a claim.
type ClaimJudgeRequest struct {
	ID string `json:"id"`
	// Approve pays it. The owner of the pool judges so, and operators; of an appealed claim operators alone.
	Approve bool `json:"approve,omitempty"`
	// Amount is what is paid when it is less than what the claim is worth.
	Amount Micro `json:"amount,omitempty"`
	// Session names a session of the jury whose decision counts in place of approve. Anybody may bring it.
	Session string `json:"session,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Validate implements Validator.
func (r *ClaimJudgeRequest) Validate() error {
	switch {
	case r.Session != "" && (r.Approve || r.Amount != 0):
		return Errorf(Invalid, "give either approve or a session, which decides by itself").WithFields("approve", "session")
	case r.Amount < 0 || r.Amount > 0 && !r.Approve:
		return Errorf(Invalid, "amount is what an approved claim is paid").WithFields("amount")
	}
	return first(CheckID("id", r.ID), CheckOptionalID("session", r.Session), checkRiskNote("note", r.Note))
}

// ClaimsListRequest selects claims.
type ClaimsListRequest struct {
	Policy      string     `json:"policy,omitempty"`
	Pool        string     `json:"pool,omitempty"`
	State       ClaimState `json:"state,omitempty"`
	After       string     `json:"after,omitempty"`
	Limit       int        `json:"limit,omitempty"`
	MinRevision string     `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ClaimsListRequest) Validate() error {
	if r.State != "" && !slices.Contains(ClaimStates, r.State) {
		return Errorf(Invalid, "state must be one of %v", ClaimStates).WithFields("state")
	}
	return first(CheckOptionalID("policy", r.Policy), CheckOptionalID("pool", r.Pool), CheckOptionalID("after", r.After), checkPage(r.Limit))
}

// ClaimsListResponse is a page of claims, without their evidence.
type ClaimsListResponse struct {
	Claims   []Claim `json:"claims"`
	Next     string  `json:"next,omitempty"`
	Revision string  `json:"revision,omitempty"`
}

package api

// Usage is what an answer has cost. A task's usage and that of a job are sums.
type Usage struct {
	TokensIn  int64 `json:"tokens_in,omitempty"`
	TokensOut int64 `json:"tokens_out,omitempty"`
	Cost      Micro `json:"cost,omitzero"`
}

// Add adds another usage. A sum stays within what an int64 holds.
func (u *Usage) Add(o Usage) {
	u.TokensIn = addBounded(u.TokensIn, o.TokensIn)
	u.TokensOut = addBounded(u.TokensOut, o.TokensOut)
	u.Cost = Micro(addBounded(int64(u.Cost), int64(o.Cost)))
}

// IsZero tells whether nothing was used.
func (u Usage) IsZero() bool { return u == Usage{} }

// Validate implements Validator.
func (u *Usage) Validate() error {
	if u.TokensIn < 0 || u.TokensOut < 0 || u.Cost < 0 {
		return Errorf(Invalid, "usage: tokens_in, tokens_out and cost must not be negative").WithFields("usage")
	}
	return nil
}

// addBounded adds numbers that are not negative; a sum that is too great becomes the greatest.
func addBounded(a, b int64) int64 {
	if s := a + b; s >= a {
		return s
	}
	return 1<<63 - 1
}

// BudgetScope is what a cap on spending is for.
type BudgetScope string

// The scopes. A call counts in each that has a cap and that it belongs to.
const (
	BudgetNamespace BudgetScope = "namespace" // every call of the namespace; its id is empty
	BudgetAgent     BudgetScope = "agent"     // the calls that one agent answers
	BudgetJob       BudgetScope = "job"       // the calls made for one job, also by the agents that carry its tasks out
)

// Budget is a cap on spending and what stands against it. Before a call its stated maximum is reserved in every budget that it
// counts in, all or none; after it what it cost is spent instead. So spent and reserved together never pass the cap, unless a
// call costs more than it stated. A call whose end nobody has reported stays reserved: it may have cost its maximum.
type Budget struct {
	Scope BudgetScope `json:"scope"`
	ID    string      `json:"id,omitempty"`
	Cap   Micro       `json:"cap"`
	// Spent is the cost of the calls that have ended.
	Spent Micro `json:"spent"`
	// Reserved is the stated maximum of those that have not.
	Reserved  Micro `json:"reserved"`
	TokensIn  int64 `json:"tokens_in,omitempty"`
	TokensOut int64 `json:"tokens_out,omitempty"`
	// Calls counts the calls that have ended, Open those that have not.
	Calls int64 `json:"calls"`
	Open  int   `json:"open"`
	// Exhausted is set when a call was refused that what is spent leaves no room for, until the cap is changed.
	Exhausted bool `json:"exhausted,omitempty"`
	// Account is what pays, if money is held for the budget in the ledger: then no more is spent than Held and Captured together.
	Account AccountID `json:"account,omitempty"`
	// Held is still set aside, Captured was paid out of it for what is spent.
	Held     Micro `json:"held,omitzero"`
	Captured Micro `json:"captured,omitzero"`
	// Settling is set while the money is being settled: no call is let in any more, and those that have not ended keep what they may cost.
	Settling bool `json:"settling,omitempty"`
	// Revision is the opaque token of this state.
	Revision string `json:"revision,omitempty"`
}

// BudgetKey names a budget.
type BudgetKey struct {
	Scope BudgetScope `json:"scope"`
	ID    string      `json:"id,omitempty"`
}

// Validate implements Validator.
func (k *BudgetKey) Validate() error {
	switch k.Scope {
	case BudgetNamespace:
		if k.ID != "" {
			return Errorf(Invalid, "the budget of the namespace has no id").WithFields("id")
		}
		return nil
	case BudgetAgent, BudgetJob:
		return CheckID("id", k.ID)
	}
	return Errorf(Invalid, "scope must be namespace, agent or job").WithFields("scope")
}

// BudgetSetRequest sets a cap. What is spent and reserved stays as it is.
type BudgetSetRequest struct {
	Scope BudgetScope `json:"scope"`
	ID    string      `json:"id,omitempty"`
	Cap   Micro       `json:"cap"`
	// Account has what the cap still lets be spent held in the ledger before the cap counts; the one that was named before unless given.
	// It is one of the principal's, of credit.
	Account AccountID `json:"account,omitempty"`
	// Allowance is one of the account, for the spender agenthost, by which agent hosts have it held: where principals have credentials, no host
	// does it in the name of the account's owner. Give it with every cap that is higher.
	Allowance string `json:"allowance,omitempty"`
}

// Validate implements Validator.
func (r *BudgetSetRequest) Validate() error {
	if r.Cap < 0 {
		return Errorf(Invalid, "cap must not be negative").WithFields("cap")
	}
	if r.Account != "" {
		if err := CheckAccount("account", &r.Account); err != nil {
			return err
		}
		if r.Cap > MaxAmount {
			return CheckAmount("cap", r.Cap)
		}
	}
	if err := CheckOptionalID("allowance", r.Allowance); err != nil {
		return err
	}
	return (&BudgetKey{r.Scope, r.ID}).Validate()
}

// BudgetsListRequest selects budgets.
type BudgetsListRequest struct {
	Scope  BudgetScope `json:"scope,omitempty"`
	Limit  int         `json:"limit,omitempty"`
	Cursor string      `json:"cursor,omitempty"`
}

// Validate implements Validator.
func (r *BudgetsListRequest) Validate() error {
	switch r.Scope {
	case "", BudgetNamespace, BudgetAgent, BudgetJob:
	default:
		return Errorf(Invalid, "scope must be namespace, agent or job").WithFields("scope")
	}
	if len(r.Cursor) > 2*MaxIDLength {
		return Errorf(Invalid, "cursor must be the next of the page before").WithFields("cursor")
	}
	return checkPage(r.Limit)
}

// BudgetsListResponse is one page of budgets, in the order of scope and id.
type BudgetsListResponse struct {
	Budgets []Budget `json:"budgets"`
	Next    string   `json:"next,omitempty"`
}

// The methods of services/agenthost about spending.
var (
	BudgetsSet = Method[BudgetSetRequest, Budget]{
		Service: "agenthost", Noun: "budgets", Verb: "set", Write: true,
		Doc: "Sets the cap on what the calls of a job, an agent or the namespace may cost. Tasks that wait because the old cap was reached are tried again. With an account what may still be spent is held there before the cap counts, and what a lower cap leaves over goes back: refused with insufficient_funds, not_owner, budget_unfunded.",
	}
	BudgetsGet = Method[BudgetKey, Budget]{
		Service: "agenthost", Noun: "budgets", Verb: "get",
		Doc: "Returns a budget, or not_found (budget_not_found) where there is no cap.",
	}
	BudgetsList = Method[BudgetsListRequest, BudgetsListResponse]{
		Service: "agenthost", Noun: "budgets", Verb: "list",
		Doc: "Returns the budgets, a page at a time.",
	}
	BudgetsRemove = Method[BudgetKey, Empty]{
		Service: "agenthost", Noun: "budgets", Verb: "remove", Write: true,
		Doc: "Lifts a cap and forgets what was spent under it. Removing one that does not exist succeeds. Where money is held, what was spent is paid before, with what calls may cost that have not ended, and the rest goes back: refused with not_owner to others than who pays.",
	}
	BudgetsSettle = Method[BudgetKey, Budget]{
		Service: "agenthost", Noun: "budgets", Verb: "settle", Write: true,
		Doc: "Pays what was spent under a budget out of what is held for it, and gives the rest back; what calls may cost that have not ended stays held until they have. No more is spent then until the cap is set again. A budget for which nothing is held stays as it is. Refused with budget_not_found, not_owner.",
	}
)

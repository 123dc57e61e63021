package api

import (
	"encoding/json"
	"slices"
	"time"
)

// Bounds of tenders.
const (
	MaxTendersOwned  = 10_000    // of them, that one principal may have announced
	MaxTenders       = 100_000   // tenders that are live at a time; further ones are overloaded
	MaxTenderPayload = 64 << 10  // bytes of the payload of a tender's task
	MaxTenderBidders = 1000      // bidders of one tender
	MaxTenderTime    = 2_592_000 // seconds for which a tender may take bids
)

// Reasons of tenders.
const (
	ReasonTenderNotFound   = "tender_not_found"   // not_found
	ReasonTenderExists     = "tender_exists"      // conflict
	ReasonTenderNotOpen    = "tender_not_open"    // failed_precondition: it takes no bids any more
	ReasonTenderNotAwarded = "tender_not_awarded" // failed_precondition: nobody is at work on it
	ReasonTenderNoBids     = "tender_no_bids"     // failed_precondition: there is none to award it to
	ReasonOverBudget       = "over_budget"        // invalid: the price is more than the budget of the task
	ReasonTenderFull       = "too_many_bidders"   // overloaded
	ReasonNotInvited       = "not_invited"        // permission_denied
	ReasonOwnTender        = "own_tender"         // permission_denied: the announcer cannot bid
	ReasonManyTenders      = "too_many_tenders"   // overloaded
)

// TenderRule is how a tender is awarded.
type TenderRule string

// The rules. The lowest price wins, or the best score; ties go to the earliest bid.
const (
	TenderVickrey     TenderRule = "vickrey"      // the winner gets the second lowest price, alone the budget: the default
	TenderFirstPrice  TenderRule = "first_price"  // the winner gets its price
	TenderScore       TenderRule = "score"        // price, time, quality and reputation by weights; the winner gets its price
	TenderSecondScore TenderRule = "second_score" // the same; the winner gets the price at which it would have the second best score
)

// TenderRules lists every rule.
var TenderRules = []TenderRule{TenderVickrey, TenderFirstPrice, TenderScore, TenderSecondScore}

// TenderExecution says who has the awarded task done.
type TenderExecution string

// The ways to execute.
const (
	TenderByAgent     TenderExecution = "agent"     // the winner sees its award and delivers the contract: the default
	TenderAsTask      TenderExecution = "task"      // the service submits a durable task with the capability agent-<winner>
	TenderByAnnouncer TenderExecution = "announcer" // the announcer gives the winner the work, and tells the outcome
)

// TenderExecutions lists every way.
var TenderExecutions = []TenderExecution{TenderByAgent, TenderAsTask, TenderByAnnouncer}

// TenderState is where a tender stands.
type TenderState string

// The states of a tender. All but the first two are its end.
const (
	TenderOpen      TenderState = "open"      // it takes bids
	TenderAwarded   TenderState = "awarded"   // somebody is at work on it, or it is being judged
	TenderDone      TenderState = "done"      // accepted, and paid for
	TenderFailed    TenderState = "failed"    // the winner has not kept the contract; the money is back
	TenderCancelled TenderState = "cancelled" // given up by the announcer, or by both
	TenderNoBids    TenderState = "no_bids"   // its time was up and nobody had bid
)

// TenderStates lists every state.
var TenderStates = []TenderState{TenderOpen, TenderAwarded, TenderDone, TenderFailed, TenderCancelled, TenderNoBids}

// Over tells whether a tender has ended.
func (s TenderState) Over() bool { return s != TenderOpen && s != TenderAwarded }

// TenderSpec announces a task (contract net: Smith 1980).
type TenderSpec struct {
	// ID names the tender; made by the service when left out.
	ID   string     `json:"id,omitempty"`
	Task TenderTask `json:"task"`
	// Budget is the most that is paid. It is held from Account at once, together with the bonus that the terms allow.
	Budget Micro `json:"budget"`
	// Account is the announcer's; its main account unless given. Short forms are allowed.
	Account AccountID `json:"account,omitempty"`
	// Rule is vickrey unless given.
	Rule    TenderRule    `json:"rule,omitempty"`
	Weights TenderWeights `json:"weights,omitzero"`
	// Bidding is for how long bids are taken; 1m unless given. It is awarded earlier when Expected bidders have bid, or by the announcer.
	Bidding  Duration `json:"bidding,omitzero"`
	Expected int      `json:"expected,omitempty"`
	// Invited are those who may bid; everybody unless given. Expected is their number unless given.
	Invited []string `json:"invited,omitempty"`
	// MinReputation is the least score, in the domain of the task's capability, of who bids.
	MinReputation Decimal `json:"min_reputation,omitzero"`
	// MaxBidders is 50 unless given.
	MaxBidders int `json:"max_bidders,omitempty"`
	// Execution is agent unless given.
	Execution TenderExecution `json:"execution,omitempty"`
	// Check says that the announcer judges what a durable task has brought. Without it, and without a judge, a result that is there is
	// accepted with the quality of the guarantee.
	Check bool `json:"check,omitempty"`
	// Terms are those of the contract. Promises of the winner's bid tighten them.
	Terms ContractTerms `json:"terms,omitzero"`
}

// TenderTask is what is to be done.
type TenderTask struct {
	Capability string `json:"capability"`
	// Name says for people what it is about; up to 1024 bytes.
	Name    string          `json:"name,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
	// Job groups tenders, and the tasks that come of them.
	Job string `json:"job,omitempty"`
}

// TenderWeights are for the rules with a score, and make 1 together; price 0.5, quality 0.3 and time 0.2 unless one is given. The score is
// the weighted sum of (budget-price)/budget, the promised quality, (completion-time)/completion, and the bidder's reputation.
type TenderWeights struct {
	Price      Decimal `json:"price,omitzero"`
	Quality    Decimal `json:"quality,omitzero"`
	Time       Decimal `json:"time,omitzero"`
	Reputation Decimal `json:"reputation,omitzero"`
}

// Tender is an announced task, and what has become of it.
type Tender struct {
	TenderSpec
	Announcer string      `json:"announcer"`
	State     TenderState `json:"state"`
	// Reason says why it has failed or was cancelled.
	Reason   string    `json:"reason,omitempty"`
	OpenedAt time.Time `json:"opened_at"`
	ClosesAt time.Time `json:"closes_at"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	// BidCount is how many have bid.
	BidCount int `json:"bid_count"`
	// Bids are those that the principal may see: while the tender is open its own, then all.
	Bids  []TenderBid  `json:"bids,omitempty"`
	Award *TenderAward `json:"award,omitempty"`
	// Contract is the contract as it stands, for its parties and judge.
	Contract *Contract `json:"contract,omitempty"`
	Revision string    `json:"revision,omitempty"`
}

// SetRevision sets the revision of an answer.
func (t *Tender) SetRevision(r string) { t.Revision = r }

// TenderBid is an offer to do the task.
type TenderBid struct {
	Bidder string `json:"bidder"`
	Price  Micro  `json:"price"`
	// Time is in how long it is promised to be done; the terms' completion unless given.
	Time Duration `json:"time,omitzero"`
	// Quality is promised, at least the terms' guarantee, which it takes the place of.
	Quality Decimal   `json:"quality,omitzero"`
	At      time.Time `json:"at"`
	// Order is the place of the bid in the log.
	Order    uint64 `json:"order"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision sets the revision of an answer.
func (b *TenderBid) SetRevision(r string) { b.Revision = r }

// TenderAward says who has won.
type TenderAward struct {
	Winner   string    `json:"winner"`
	Price    Micro     `json:"price"`
	Contract string    `json:"contract"`
	At       time.Time `json:"at"`
	// Task is the durable task that executes it.
	Task string `json:"task,omitempty"`
}

// Validate implements Validator.
func (s *TenderSpec) Validate() error {
	err := first(
		CheckOptionalID("id", s.ID),
		CheckID("task.capability", s.Task.Capability),
		CheckOptionalID("task.job", s.Task.Job),
		checkIDs("invited", s.Invited, MaxTenderBidders),
		checkPrice("budget", s.Budget),
		checkShare("min_reputation", s.MinReputation),
		s.Weights.check(),
		s.Terms.Check(),
	)
	if err == nil && s.Account != "" {
		_, err = ParseAccount(string(s.Account))
	}
	switch {
	case err != nil:
		return err
	case s.Budget < 1:
		return badTerm("budget", "at least \"1\"")
	case len(s.Task.Name) > 1024:
		return badTerm("task.name", "at most 1024 bytes")
	case len(s.Task.Payload) > MaxTenderPayload:
		return Errorf(Invalid, "task.payload has %d bytes, at most %d are allowed", len(s.Task.Payload), MaxTenderPayload).WithReason(ReasonPayloadTooLarge).
			WithFields("task.payload")
	case s.Rule != "" && !slices.Contains(TenderRules, s.Rule):
		return Errorf(Invalid, "rule must be one of %v", TenderRules).WithFields("rule")
	case s.Execution != "" && !slices.Contains(TenderExecutions, s.Execution):
		return Errorf(Invalid, "execution must be one of %v", TenderExecutions).WithFields("execution")
	case s.Bidding < 0 || s.Bidding.Std() > MaxTenderTime*time.Second:
		return badTerm("bidding", "0s to 720h")
	case s.Expected < 0 || s.Expected > MaxTenderBidders:
		return badTerm("expected", "0 to 1000")
	case s.MaxBidders < 0 || s.MaxBidders > MaxTenderBidders:
		return badTerm("max_bidders", "0 to 1000")
	}
	return nil
}

func (w *TenderWeights) check() error {
	if *w == (TenderWeights{}) {
		return nil
	}
	if err := first(checkShare("weights.price", w.Price), checkShare("weights.quality", w.Quality), checkShare("weights.time", w.Time),
		checkShare("weights.reputation", w.Reputation)); err != nil {
		return err
	}
	if w.Price < One/1000 || w.Price+w.Quality+w.Time+w.Reputation != One {
		return badTerm("weights", "1 together, the price at least 0.001")
	}
	return nil
}

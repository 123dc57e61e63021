package api

import (
	"encoding/json"
	"time"
)

// Bounds of auctions.
const (
	MaxAuctionsOwned    = 10_000      // of them, that one principal may own
	MaxAuctions         = 100_000     // auctions that are under way at a time in a namespace; further ones are overloaded
	MaxAuctionBids      = 1_000_000   // bids, of one bidder in one auction each, that are under way in a namespace; further ones are overloaded
	MaxAuctionBidders   = 100_000     // bidders of one auction whose losing bids hold nothing
	MaxSealedBidders    = 10_000      // bidders of one sealed auction, whose bids are all held until it closes
	MaxAuctionWinners   = 500         // bidders of one auction that may have many winners: uniform and double
	MaxAuctionItem      = 16 << 10    // bytes of what an auction is about
	MaxAuctionItems     = 64          // items of one combinatorial auction
	MaxAuctionBundles   = 16          // bundles that one bidder may offer as alternatives
	MaxAuctionTime      = 366 * 86400 // seconds that bidding, and that revealing, may take
	MaxAuctionMinTime   = 1           // milliseconds that a duration must have at least
	MaxAuctionTraits    = 16          // attributes of one multi-attribute auction, and of a bid
	MaxAuctionSkills    = 16          // specialisations that an incentive auction may ask for
	MaxAuctionSteps     = 1_000       // steps of one page of a transcript
	MaxAuctionSalt      = 128         // bytes of the salt of a commitment
	MaxAuctionSaltLeast = 16          // bytes that the salt of a commitment must have at least
)

// AuctionType is how an auction finds its winners and prices: see docs/mechanisms.md.
type AuctionType string

// The types of auctions.
const (
	AuctionEnglish       AuctionType = "english"         // open, ascending
	AuctionDutch         AuctionType = "dutch"           // a descending clock: who accepts first has it
	AuctionFirstPrice    AuctionType = "first_price"     // sealed, the winner pays its bid
	AuctionSealedBid     AuctionType = "sealed_bid"      // the same: the reference system's other name for it
	AuctionVickrey       AuctionType = "vickrey"         // sealed, the winner pays the second price
	AuctionUniform       AuctionType = "uniform"         // sealed, several units at one price, the highest that loses
	AuctionDouble        AuctionType = "double"          // sealed, buyers and sellers
	AuctionCombinatorial AuctionType = "combinatorial"   // sealed, bundles of items, VCG prices
	AuctionMultiTrait    AuctionType = "multi_attribute" // sealed, the best score of price and attributes
	AuctionIncentive     AuctionType = "incentive"       // sealed, a provider is chosen by price and record, and paid by what it achieves
)

// AuctionTypes lists every type.
var AuctionTypes = []AuctionType{
	AuctionEnglish, AuctionDutch, AuctionFirstPrice, AuctionSealedBid, AuctionVickrey, AuctionUniform, AuctionDouble, AuctionCombinatorial,
	AuctionMultiTrait, AuctionIncentive,
}

// AuctionState is where an auction stands.
type AuctionState string

// The states of an auction. The last three are its end.
const (
	AuctionOpen      AuctionState = "open"      // bids are taken
	AuctionClosing   AuctionState = "closing"   // no more bids: commitments are revealed, or winners are determined
	AuctionAwarded   AuctionState = "awarded"   // incentive: there is a winner, whose outcome is awaited
	AuctionClosed    AuctionState = "closed"    // there is a winner, and all is paid
	AuctionCancelled AuctionState = "cancelled" // it was called off
	AuctionExpired   AuctionState = "expired"   // its time was up without a valid bid
)

// AuctionStates lists every state.
var AuctionStates = []AuctionState{AuctionOpen, AuctionClosing, AuctionAwarded, AuctionClosed, AuctionCancelled, AuctionExpired}

// Reasons of auctions.
const (
	ReasonAuctionNotFound     = "auction_not_found"       // not_found
	ReasonAuctionExists       = "auction_exists"          // conflict: another auction has, or had, the id
	ReasonAuctionNotOpen      = "auction_not_open"        // failed_precondition: it takes no bids now
	ReasonAuctionExpired      = "auction_expired"         // failed_precondition: its time is up
	ReasonAuctionFull         = "auction_full"            // failed_precondition: it has as many bidders as it takes
	ReasonManyAuctions        = "too_many_auctions"       // overloaded
	ReasonManyBids            = "too_many_bids"           // overloaded
	ReasonInvalidAuctionType  = "invalid_auction_type"    // invalid
	ReasonInvalidReserve      = "invalid_reserve_price"   // invalid
	ReasonInvalidDuration     = "invalid_duration"        // invalid
	ReasonAuctionTerms        = "invalid_auction_spec"    // invalid: terms that do not go together, or a bid of a form that the auction does not take
	ReasonMissingPrice        = "missing_price"           // invalid
	ReasonInvalidPrice        = "invalid_price"           // invalid: not above zero, or beyond what an account may hold
	ReasonInvalidQuantity     = "invalid_quantity"        // invalid
	ReasonBidTooLow           = "bid_too_low"             // failed_precondition: the message names what is enough
	ReasonBidTooHigh          = "bid_too_high"            // failed_precondition: in a reverse auction
	ReasonNoBids              = "no_bids"                 // failed_precondition
	ReasonCannotWithdraw      = "cannot_withdraw"         // failed_precondition: an open bid stands
	ReasonOwnAuction          = "own_auction"             // permission_denied: the owner of an auction does not bid in it
	ReasonNotAuctionOwner     = "not_auction_owner"       // permission_denied
	ReasonInsufficientRecord  = "insufficient_reputation" // failed_precondition
	ReasonMissingSkills       = "missing_specializations" // failed_precondition
	ReasonNotRevealing        = "not_revealing"           // failed_precondition: commitments are not revealed now
	ReasonCommitmentMismatch  = "commitment_mismatch"     // invalid: what is revealed is not what was committed to
	ReasonBidNotFound         = "bid_not_found"           // not_found
	ReasonAlreadySettled      = "already_settled"         // failed_precondition: an outcome is reported once
	ReasonMechanismNotFound   = "mechanism_not_found"     // not_found
	ReasonAuctionRevealing    = "still_revealing"         // failed_precondition: some commitments may still be revealed
	ReasonAuctionUnderSolving = "still_solving"           // failed_precondition: the winners are being determined
)

// AuctionSpec is what an auction is about, and its terms. Prices are for the whole lot, but per unit in uniform and double auctions, and
// per bundle in combinatorial ones. All prices are in credit.
type AuctionSpec struct {
	// ID is the auction's permanent name; one is made unless given.
	ID   string      `json:"id,omitempty"`
	Type AuctionType `json:"type"`
	// Reverse makes it a procurement: bidders sell, the lowest price wins, the reserve is a ceiling, and the owner pays. What it
	// could have to pay at most is held from its account until the end.
	Reverse bool `json:"reverse,omitempty"`
	// Item describes what is sold: any JSON value. The winner and the owner get a contract about it.
	Item json.RawMessage `json:"item,omitempty"`
	// Asset is sold instead: its units are held from the seller's account, and delivered against the payment.
	Asset string `json:"asset,omitempty"`
	// Quantity is how many units there are; 1 unless given.
	Quantity int64 `json:"quantity,omitempty"`
	// Items are what the bundles of a combinatorial auction are made of.
	Items    []AuctionItem `json:"items,omitempty"`
	Category string        `json:"category,omitempty"`
	// Account is the owner's that is paid, or that pays; "<owner>/main/credit" unless given. An asset comes from, or goes to, the
	// account of the same owner and purpose.
	Account AccountID `json:"account,omitempty"`

	// Reserve is the least price, or in a reverse auction, where it is required, the highest; 0 unless given.
	Reserve Micro `json:"reserve,omitempty"`
	// Increment is by how much a bid of an english auction must improve; 0.1 unless given.
	Increment Micro `json:"increment,omitempty"`
	// BuyNow is a price at which an english auction closes at once.
	BuyNow Micro `json:"buy_now,omitempty"`
	// Duration is how long bids are taken; 60 minutes unless given, and of a dutch auction until its last price has stood for an
	// interval.
	Duration *Duration `json:"duration,omitempty"`
	// SoftClose puts off the end of an english auction: there is none sooner than that after a bid.
	SoftClose Duration `json:"soft_close,omitzero"`
	// StartPrice is where the clock of a dutch auction begins. It moves by Step at every Interval, and stops at the reserve.
	StartPrice Micro    `json:"start_price,omitempty"`
	Step       Micro    `json:"step,omitempty"`
	Interval   Duration `json:"interval,omitzero"`
	// Reveal makes bids commitments, which hide the price even from the service, and is how long they may be revealed after the last
	// one. First-price, vickrey and uniform auctions have it.
	Reveal Duration `json:"reveal,omitzero"`
	// Deposit is what a commitment holds at least. Of the deposit of one that is not revealed the owner gets the share Forfeit, 0
	// unless given.
	Deposit Micro   `json:"deposit,omitempty"`
	Forfeit Decimal `json:"forfeit,omitempty"`
	// MaxBidders is how many may bid; 50 unless given.
	MaxBidders int `json:"max_bidders,omitempty"`
	// Fee is the share of the price that whoever is paid leaves to the system.
	Fee Decimal `json:"fee,omitempty"`
	// MinReputation is what a bidder's reputation in the domain must be.
	MinReputation Decimal `json:"min_reputation,omitempty"`
	Domain        string  `json:"domain,omitempty"`
	// QualityGuarantee and Completion go into the contract: 0.8 and 3,600 s unless given.
	QualityGuarantee Decimal  `json:"quality_guarantee,omitempty"`
	Completion       Duration `json:"completion,omitzero"`
	// Rule is how a double auction sets its price, midpoint (the default) or mcafee, or a multi-attribute one its payment,
	// first_score (the default) or second_score.
	Rule      AuctionRule     `json:"rule,omitempty"`
	Scoring   *ScoringTerms   `json:"scoring,omitempty"`
	Incentive *IncentiveTerms `json:"incentive,omitempty"`
}

// AuctionItem is one of those that bundles are made of.
type AuctionItem struct {
	Name string `json:"name"`
	// Asset and Quantity, if given, are held from the owner's account and delivered; otherwise the winner gets a contract about it.
	Asset    string `json:"asset,omitempty"`
	Quantity int64  `json:"quantity,omitempty"`
	// Reserve is the least price of the item, also within a bundle.
	Reserve Micro `json:"reserve,omitempty"`
}

// AuctionRule chooses between the ways of one type.
type AuctionRule string

// The rules.
const (
	RuleMidpoint    AuctionRule = "midpoint"     // double: the middle of the prices of the last pair that trades
	RuleMcAfee      AuctionRule = "mcafee"       // double: trade reduction, truthful
	RuleFirstScore  AuctionRule = "first_score"  // multi_attribute: the winner is paid what it asked, or pays what it offered
	RuleSecondScore AuctionRule = "second_score" // multi_attribute: at the price that gives it the second score
)

// AuctionRules lists every rule.
var AuctionRules = []AuctionRule{RuleMidpoint, RuleMcAfee, RuleFirstScore, RuleSecondScore}

// ScoringTerms weigh the price against attributes. The score of a bid is the weighted mean of the utilities of its price and attributes.
type ScoringTerms struct {
	PriceWeight Decimal `json:"price_weight"`
	// WorstPrice has the utility 0 and BestPrice 1; in a reverse auction the best is the lower.
	WorstPrice Micro           `json:"worst_price"`
	BestPrice  Micro           `json:"best_price"`
	Attributes []ScoringWeight `json:"attributes"`
}

// ScoringWeight says how an attribute counts: nothing at Low or below, all of its weight at High or above, or with Less the other way about.
type ScoringWeight struct {
	Name   string  `json:"name"`
	Weight Decimal `json:"weight"`
	Low    Decimal `json:"low"`
	High   Decimal `json:"high"`
	Less   bool    `json:"less,omitempty"`
}

// IncentiveTerms are what the winner of an incentive auction earns beside its price: QualityRate for each hundredth of quality above
// Target, SpeedRate for each hour before Deadline, and the share ReputationRate of the price. Work below the quality guarantee earns
// none of it, and of the price the part that its quality is of the guarantee.
type IncentiveTerms struct {
	Skills []string `json:"required_specializations,omitempty"`
	// Target is 0.8 unless given.
	Target         Decimal `json:"target,omitempty"`
	QualityRate    Micro   `json:"quality_rate,omitempty"`
	SpeedRate      Micro   `json:"speed_rate,omitempty"`
	ReputationRate Decimal `json:"reputation_rate,omitempty"`
	// Deadline is from the award; 24 h unless given.
	Deadline Duration `json:"deadline,omitzero"`
	// Judge reports the outcome instead of the owner. Without a report the price is paid when deadline and completion are over.
	Judge string `json:"judge,omitempty"`
}

// Auction is an auction as it stands.
type Auction struct {
	AuctionSpec
	Owner string       `json:"owner"`
	State AuctionState `json:"state"`
	// Reason says why it has no winner.
	Reason string `json:"reason,omitempty"`
	// Price is what the leader of an english auction would pay, what the clock of a dutch one shows, or at last what was paid.
	Price Micro `json:"price,omitempty"`
	// NextPrice is what is enough for another bid, while it is open and not sealed.
	NextPrice Micro  `json:"next_price,omitempty"`
	Leader    string `json:"leader,omitempty"`
	// Bids were accepted; Bidders are who has made them.
	Bids    uint64 `json:"bids"`
	Bidders int    `json:"bidders"`
	// Outcome is there when it has closed. In a list it is left out.
	Outcome   *AuctionOutcome `json:"outcome,omitempty"`
	CreatedAt time.Time       `json:"created_at"`
	// EndsAt is when bidding ends, RevealEndsAt when revealing does.
	EndsAt       time.Time `json:"ends_at"`
	RevealEndsAt time.Time `json:"reveal_ends_at,omitzero"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	// Version counts the steps of the transcript, whose chain of hashes ends in Head.
	Version  uint64 `json:"version"`
	Head     string `json:"head"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision sets the revision of the answer.
func (a *Auction) SetRevision(r string) { a.Revision = r }

// AuctionOutcome is who has won what at which price.
type AuctionOutcome struct {
	Awards []AuctionAward `json:"awards"`
	// Price is that of the lot, or of a unit; of a combinatorial auction what all bundles cost together.
	Price Micro `json:"price"`
	// Traded is what all who pay pay together, Fee what of it goes to the system.
	Traded Micro `json:"traded"`
	Fee    Micro `json:"fee,omitempty"`
	// Welfare is what the winning bids of a combinatorial auction offer beyond the reserves, together.
	Welfare Micro `json:"welfare,omitempty"`
	// Settlement is how an incentive auction has paid.
	Settlement *AuctionSettlement `json:"settlement,omitempty"`
	// Payments counts the movements on accounts, which are in the transcript.
	Payments int `json:"payments"`
}

// AuctionAward is what one winner has.
type AuctionAward struct {
	Bidder   string    `json:"bidder"`
	Side     OrderSide `json:"side,omitempty"`
	Quantity int64     `json:"quantity,omitempty"`
	Items    []string  `json:"items,omitempty"`
	// Price is for the lot, the unit or the bundle; Amount is the whole of what the bidder pays, or is paid if it sells.
	Price  Micro `json:"price"`
	Amount Micro `json:"amount"`
	// Score is that of multi-attribute and incentive auctions.
	Score Decimal `json:"score,omitempty"`
	// Contracts are about what is not delivered at once.
	Contracts []string `json:"contracts,omitempty"`
}

// AuctionSettlement is how the winner of an incentive auction was paid.
type AuctionSettlement struct {
	Quality         Decimal  `json:"quality"`
	Took            Duration `json:"took"`
	Base            Micro    `json:"base"`
	QualityBonus    Micro    `json:"quality_bonus"`
	SpeedBonus      Micro    `json:"speed_bonus"`
	ReputationBonus Micro    `json:"reputation_bonus"`
	Total           Micro    `json:"total"`
	// Unreported says that the owner reported nothing in time, so that the price was paid without bonus.
	Unreported bool `json:"unreported,omitempty"`
}

// AuctionPayment is one movement on accounts, as the transcript of an auction has it.
type AuctionPayment struct {
	From   AccountID `json:"from"`
	To     AccountID `json:"to"`
	Amount Micro     `json:"amount"`
	// Kind is settlement, fee, surplus, delivery, forfeit or escrow, which stays in its account, held for a contract.
	Kind string `json:"kind"`
}

package api

import (
	"slices"
	"time"
)

// The methods of services/economics about auctions.
var (
	AuctionsCreate = Method[AuctionSpec, Auction]{
		Service: "economics", Noun: "auctions", Verb: "create", Write: true,
		Doc: "Opens an auction. What its owner sells, or in a reverse auction could have to pay, is held until the end. Refused with invalid_auction_spec, invalid_auction_type, invalid_reserve_price, invalid_duration, auction_exists, insufficient_funds, too_many_auctions.",
	}
	AuctionsBid = Method[AuctionBidRequest, BidReceipt]{
		Service: "economics", Noun: "auctions", Verb: "bid", Write: true,
		Doc: "Places a bid in the name of the principal, and holds what it may cost. Refused with auction_not_found, auction_not_open, auction_expired, auction_full, own_auction, missing_price, invalid_price, bid_too_low, bid_too_high, insufficient_funds, insufficient_reputation, missing_specializations.",
	}
	AuctionsReveal = Method[AuctionRevealRequest, BidReceipt]{
		Service: "economics", Noun: "auctions", Verb: "reveal", Write: true,
		Doc: "Opens the principal's commitment, and holds what the bid may cost. When all are revealed the auction closes. Refused with not_revealing, commitment_mismatch, bid_not_found, insufficient_funds.",
	}
	AuctionsWithdraw = Method[AuctionRequest, BidReceipt]{
		Service: "economics", Noun: "auctions", Verb: "withdraw", Write: true,
		Doc: "Takes the principal's sealed bid back while bids are taken. Refused with cannot_withdraw, auction_not_open, bid_not_found.",
	}
	AuctionsClose = Method[AuctionRequest, Auction]{
		Service: "economics", Noun: "auctions", Verb: "close", Write: true,
		Doc: "Ends the bidding now, by the owner or an operator: the winners are determined, and what is due is paid, in one step. An auction whose time is up does so by itself. Refused with no_bids, auction_not_open, still_revealing, not_auction_owner.",
	}
	AuctionsCancel = Method[AuctionCancelRequest, Auction]{
		Service: "economics", Noun: "auctions", Verb: "cancel", Write: true,
		Doc: "Calls an auction off, by its owner while no bid stands (cannot_cancel), or by an operator; all that is held goes back.",
	}
	AuctionsSettle = Method[AuctionSettleRequest, Auction]{
		Service: "economics", Noun: "auctions", Verb: "settle", Write: true,
		Doc: "The owner or the judge of an incentive auction, or an operator, reports what the winner has achieved, once, and it is paid accordingly. Refused with already_settled, auction_not_open, not_auction_owner.",
	}
	AuctionsGet = Method[GetRequest, Auction]{
		Service: "economics", Noun: "auctions", Verb: "get",
		Doc: "Returns an auction, or not_found (auction_not_found).",
	}
	AuctionsList = Method[AuctionsListRequest, AuctionsListResponse]{
		Service: "economics", Noun: "auctions", Verb: "list",
		Doc: "Returns the auctions that are not archived yet and meet every given condition, in the order of their ids, a page at a time.",
	}
	AuctionsWait = Method[AuctionWaitRequest, Auction]{
		Service: "economics", Noun: "auctions", Verb: "wait",
		Doc: "Returns an auction as soon as it has more steps than those that are known, or when the wait is over.",
	}
	AuctionsBids = Method[AuctionBidsRequest, AuctionBidsResponse]{
		Service: "economics", Noun: "auctions", Verb: "bids",
		Doc: "Returns the bids of an auction as they stand, in the order in which their bidders came. What is sealed of others is left out until the auction has closed.",
	}
	AuctionsTranscript = Method[AuctionTranscriptRequest, AuctionTranscriptResponse]{
		Service: "economics", Noun: "auctions", Verb: "transcript",
		Doc: "Returns the steps of an auction, a page at a time, and with the last of them the service's signature over all. Sealed bids of others, and what proxies may spend, have only their digest until the auction has closed.",
	}
	AuctionsKey = Method[Empty, SigningKey]{
		Service: "economics", Noun: "auctions", Verb: "key",
		Doc: "Returns the public key with which the service signs transcripts in this namespace: whoever checks them pins it.",
	}
	AuctionsMechanisms = Method[MechanismsRequest, MechanismsResponse]{
		Service: "economics", Noun: "auctions", Verb: "mechanisms",
		Doc: "Returns what each mechanism promises, and by which test it is shown; with a name, that of one, or not_found (mechanism_not_found).",
	}
	AuctionsStats = Method[Empty, AuctionsStatsResponse]{
		Service: "economics", Noun: "auctions", Verb: "stats",
		Doc: "Counts the auctions since the log began, by type and state, and what they have traded.",
	}
)

var econAuctionMethods = []Descriptor{
	AuctionsCreate.Describe(), AuctionsBid.Describe(), AuctionsReveal.Describe(), AuctionsWithdraw.Describe(), AuctionsClose.Describe(),
	AuctionsCancel.Describe(), AuctionsSettle.Describe(), AuctionsGet.Describe(), AuctionsList.Describe(), AuctionsWait.Describe(),
	AuctionsBids.Describe(), AuctionsTranscript.Describe(), AuctionsKey.Describe(), AuctionsMechanisms.Describe(), AuctionsStats.Describe(),
}

// AuctionRequest names an auction.
type AuctionRequest struct {
	Auction string `json:"auction"`
}

// Validate implements Validator.
func (r *AuctionRequest) Validate() error { return CheckID("auction", r.Auction) }

// AuctionCancelRequest calls an auction off.
type AuctionCancelRequest struct {
	Auction string `json:"auction"`
	Reason  string `json:"reason,omitempty"`
}

// Validate implements Validator.
func (r *AuctionCancelRequest) Validate() error {
	if len(r.Reason) > 4096 {
		return Errorf(Invalid, "reason has %d bytes, at most 4096 are allowed", len(r.Reason)).WithFields("reason")
	}
	return CheckID("auction", r.Auction)
}

// AuctionSettleRequest reports what the winner of an incentive auction has achieved.
type AuctionSettleRequest struct {
	Auction string `json:"auction"`
	// Quality is 0 to 1.
	Quality Decimal `json:"quality"`
	// Took is how long the work has taken.
	Took Duration `json:"took"`
}

// Validate implements Validator.
func (r *AuctionSettleRequest) Validate() error {
	if r.Quality < 0 || r.Quality > One {
		return badAuction(ReasonAuctionTerms, "quality", "quality must be 0 to 1")
	}
	if r.Took < 0 || r.Took > Duration(MaxAuctionTime*time.Second) {
		return badAuction(ReasonInvalidDuration, "took", "took must be 0s to %v", MaxAuctionTime*time.Second)
	}
	return CheckID("auction", r.Auction)
}

// AuctionsListRequest selects auctions; conditions that are left out hold for every auction.
type AuctionsListRequest struct {
	Type        AuctionType  `json:"type,omitempty"`
	State       AuctionState `json:"state,omitempty"`
	Category    string       `json:"category,omitempty"`
	Owner       string       `json:"owner,omitempty"`
	After       string       `json:"after,omitempty"`
	Limit       int          `json:"limit,omitempty"`
	MinRevision string       `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *AuctionsListRequest) Validate() error {
	if r.Type != "" && !slices.Contains(AuctionTypes, r.Type) {
		return badAuction(ReasonInvalidAuctionType, "type", "type must be one of %v", AuctionTypes)
	}
	if r.State != "" && !slices.Contains(AuctionStates, r.State) {
		return Errorf(Invalid, "state must be one of %v", AuctionStates).WithFields("state")
	}
	return first(CheckOptionalID("category", r.Category), CheckOptionalID("owner", r.Owner), CheckOptionalID("after", r.After), checkPage(r.Limit))
}

// AuctionsListResponse is a page of auctions, without what they are about, without the terms of scores and incentives, and without outcomes.
type AuctionsListResponse struct {
	Auctions []Auction `json:"auctions"`
	Next     string    `json:"next,omitempty"`
	Revision string    `json:"revision,omitempty"`
}

// AuctionWaitRequest waits for something new in an auction.
type AuctionWaitRequest struct {
	Auction string `json:"auction"`
	// After is the version that is known; 0 means none.
	After uint64   `json:"after,omitempty"`
	Wait  Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *AuctionWaitRequest) Validate() error {
	return first(CheckID("auction", r.Auction), checkSessionTimes(map[string]Duration{"wait": r.Wait}))
}

// AuctionBidsRequest asks for the bids of an auction.
type AuctionBidsRequest struct {
	Auction string `json:"auction"`
	// Bidder asks for one bidder's alone.
	Bidder string `json:"bidder,omitempty"`
	// After is how many bidders to pass over.
	After       int    `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *AuctionBidsRequest) Validate() error {
	if r.After < 0 || r.After > MaxAuctionBidders {
		return Errorf(Invalid, "after must be 0 to %d", MaxAuctionBidders).WithFields("after")
	}
	return first(CheckID("auction", r.Auction), CheckOptionalID("bidder", r.Bidder), checkPage(r.Limit))
}

// AuctionBidsResponse is a page of bids.
type AuctionBidsResponse struct {
	Bids []AuctionBid `json:"bids"`
	// Next is the After of the next page; 0 on the last one.
	Next     int    `json:"next,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// AuctionTranscriptRequest asks for steps.
type AuctionTranscriptRequest struct {
	Auction string `json:"auction"`
	// After is the number of the last step that is known.
	After       uint64 `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *AuctionTranscriptRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxAuctionSteps {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for %d", MaxAuctionSteps, DefaultPage).WithFields("limit")
	}
	return CheckID("auction", r.Auction)
}

// AuctionTranscriptResponse is a page of steps.
type AuctionTranscriptResponse struct {
	Steps []TranscriptStep `json:"steps"`
	// Version and Head are those of the auction now.
	Version uint64       `json:"version"`
	Head    string       `json:"head"`
	State   AuctionState `json:"state"`
	// Namespace and Entity are what is signed beside the number of the steps and the head: see Transcript. Key and Signature come with
	// the page that has the last step.
	Namespace string `json:"namespace"`
	Entity    string `json:"entity"`
	Key       string `json:"key,omitempty"`
	Signature string `json:"signature,omitempty"`
	Revision  string `json:"revision,omitempty"`
}

// SigningKey is the public half of the key with which transcripts are signed.
type SigningKey struct {
	// Key is ed25519, in base64, as Transcript has it.
	Key string `json:"key"`
}

// MechanismsRequest asks what mechanisms promise.
type MechanismsRequest struct {
	Name string `json:"name,omitempty"`
}

// Validate implements Validator.
func (r *MechanismsRequest) Validate() error { return CheckOptionalID("name", r.Name) }

// MechanismsResponse has one card for each mechanism.
type MechanismsResponse struct {
	Mechanisms []MechanismCard `json:"mechanisms"`
}

// MechanismCard says what a mechanism is, and what it promises.
type MechanismCard struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Summary string `json:"summary"`
	// When says when to use it, Formula who wins and what the price is, Paper where it comes from.
	When       string              `json:"when,omitempty"`
	Formula    string              `json:"formula,omitempty"`
	Paper      string              `json:"paper,omitempty"`
	Properties []MechanismProperty `json:"properties"`
	// Regret is absent when honesty is always best.
	Regret *MechanismRegret `json:"regret,omitempty"`
}

// MechanismProperty is something that a mechanism promises, or does not.
type MechanismProperty struct {
	Name string `json:"name"`
	// Holds is yes, no, or with condition.
	Holds string `json:"holds"`
	// Condition is the condition, or why it does not hold.
	Condition string `json:"condition,omitempty"`
	// Test shows it: a directory below services/economics, and the name of the test there.
	Test string `json:"test"`
}

// MechanismRegret is what the best deviation of one bidder gains over its true value, measured over random situations: the mean and the
// most, where 1 is the highest value that a bidder can have.
type MechanismRegret struct {
	Mean Decimal `json:"mean"`
	Max  Decimal `json:"max"`
	// Setting says how it was measured.
	Setting string `json:"setting"`
}

// AuctionsStatsResponse counts auctions since the log began.
type AuctionsStatsResponse struct {
	Total int `json:"total"`
	// Types are those of which there were any.
	Types []AuctionTypeStats `json:"types"`
	// Traded is what all who paid have paid, Fees what of it went to the system.
	Traded   Micro  `json:"traded"`
	Fees     Micro  `json:"fees"`
	Revision string `json:"revision,omitempty"`
}

// AuctionTypeStats counts the auctions of a type.
type AuctionTypeStats struct {
	Type      AuctionType `json:"type"`
	Created   int         `json:"created"`
	Open      int         `json:"open"`
	Closed    int         `json:"closed"`
	Cancelled int         `json:"cancelled"`
	Expired   int         `json:"expired"`
	// Bids were accepted in those that have ended.
	Bids   uint64 `json:"bids"`
	Traded Micro  `json:"traded"`
	Fees   Micro  `json:"fees"`
}

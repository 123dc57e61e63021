package api

import "encoding/json"

// Algorithms of negotiation.
const (
	// BargainAlternating lets members make offers in turn until all others accept one (the default).
	BargainAlternating = "alternating_offers"
	// BargainBilateral is the same between exactly two.
	BargainBilateral = "bilateral_bargaining"
	// BargainNash asks everybody what each candidate is worth, and takes the one with the greatest product of gains.
	BargainNash = "nash"
)

// What a negotiation makes of members who fail or are silent.
const (
	BargainReject  = "reject"  // silence is no consent: there is no agreement with them (the default)
	BargainAbstain = "abstain" // the others agree among themselves
)

// Why a negotiation has ended without an agreement.
const (
	BargainDeadline = "deadline"             // no offer was accepted by all in max_rounds
	BargainNoZone   = "no_zone_of_agreement" // the reservation values add up to more than there is
	BargainNoOffers = "no_offers"            // everybody in turn, or in the round of candidates, has offered nothing
	BargainAbsent   = "silent_members"       // somebody, or with abstain all but one, has not said what the candidates are worth
	BargainNoDeal   = "no_common_deal"       // each candidate is worth less to somebody than no agreement
	BargainNobody   = "no_members"
)

// Responses to an offer.
const (
	BargainAccept  = "accept"
	BargainRefuse  = "reject"
	BargainCounter = "counter"
)

// BargainParams are the parameters of negotiation. With total a deal is a share for each member, {"a": 60, "b": 40}; with issues a
// choice for each, {"colour": "red"}; with neither any JSON value but null.
type BargainParams struct {
	// Total is how much there is to divide, more than 0.
	Total *Decimal `json:"total,omitempty"`
	// Issues are what has to be settled, each with its options.
	Issues map[string][]string `json:"issues,omitempty"`
	// Candidates are the deals to choose from with nash, at most 100; each member offers one unless they are given.
	Candidates []json.RawMessage `json:"candidates,omitempty"`
	// Reservations are the utilities that members have without an agreement; 0 unless given here or by the member itself.
	Reservations map[string]Decimal `json:"reservations,omitempty"`
	// MaxRounds is how many offers are made at most, 1 to 100; 10 unless given.
	MaxRounds int `json:"max_rounds"`
	// Discount is what a utility is worth one offer later, more than 0 and up to 1; 1 unless given, and Discounts are those of members
	// of whom it is another.
	Discount  Decimal            `json:"discount"`
	Discounts map[string]Decimal `json:"discounts,omitempty"`
	// Absent is reject or abstain.
	Absent string `json:"absent"`
}

// BargainOfferAsk is what the member whose turn it is is asked in the phase "offer", and everybody in the phase "candidates".
type BargainOfferAsk struct {
	// Offer counts the turns from 1 up to MaxRounds.
	Offer     int                 `json:"offer"`
	MaxRounds int                 `json:"max_rounds"`
	Total     *Decimal            `json:"total,omitempty"`
	Issues    map[string][]string `json:"issues,omitempty"`
	// MaxBytes is how long a deal may be in JSON.
	MaxBytes int `json:"max_bytes"`
	// Rejected is the last offer that was made.
	Rejected json.RawMessage `json:"rejected,omitempty"`
}

// BargainOfferAnswer is the answer to it. The deal alone is understood too.
type BargainOfferAnswer struct {
	Offer json.RawMessage `json:"offer,omitempty"`
	// Pass makes no offer.
	Pass bool `json:"pass,omitempty"`
	// Utility is what the deal is worth to the member if it is made at once, and Reservation what no agreement is. Both may be left
	// out: of a division the utility is the member's share, and the reservation is that of the parameters.
	Utility     *Decimal `json:"utility,omitempty"`
	Reservation *Decimal `json:"reservation,omitempty"`
}

// BargainResponseAsk is what all others are asked in the phase "response".
type BargainResponseAsk struct {
	Offer     int                 `json:"offer"`
	MaxRounds int                 `json:"max_rounds"`
	By        string              `json:"by"`
	Deal      json.RawMessage     `json:"deal"`
	Total     *Decimal            `json:"total,omitempty"`
	Issues    map[string][]string `json:"issues,omitempty"`
	MaxBytes  int                 `json:"max_bytes"`
}

// BargainResponse is the answer to it. "accept", "reject", "yes", "no", true and false alone are understood too.
type BargainResponse struct {
	// Response is accept, reject or counter; counter unless given if there is an offer.
	Response string `json:"response,omitempty"`
	// Utility and Reservation are as in BargainOfferAnswer, of the deal that is asked about.
	Utility     *Decimal `json:"utility,omitempty"`
	Reservation *Decimal `json:"reservation,omitempty"`
	// Offer is the counter-offer, and OfferUtility what that is worth to the member.
	Offer        json.RawMessage `json:"offer,omitempty"`
	OfferUtility *Decimal        `json:"offer_utility,omitempty"`
}

// BargainUtilitiesAsk is what everybody is asked in the phase "utilities" of nash.
type BargainUtilitiesAsk struct {
	Candidates []json.RawMessage `json:"candidates"`
}

// BargainUtilities is the answer to it: a number for each candidate in their order. The list alone is understood too.
type BargainUtilities struct {
	Utilities   []Decimal `json:"utilities"`
	Reservation *Decimal  `json:"reservation,omitempty"`
}

// BargainResult is the result of negotiation.
type BargainResult struct {
	Algorithm string `json:"algorithm"`
	// Agreement tells whether there is one. The fields Deal to ParetoEfficient are there only then.
	Agreement  bool            `json:"agreement"`
	Deal       json.RawMessage `json:"deal,omitempty"`
	ProposedBy string          `json:"proposed_by,omitempty"`
	// Offer is the number of the offer that was accepted, or of the candidate that was chosen, from 1.
	Offer   int            `json:"offer,omitempty"`
	Parties []BargainParty `json:"parties,omitempty"`
	// NashProduct is the product of the parties' gains, exactly; 0 when one gains nothing or loses. It is left out when the gain of
	// one is not known.
	NashProduct string `json:"nash_product,omitempty"`
	// ParetoEfficient tells whether, of all offers of which everybody's utility is known, none is better for one and worse for none.
	// It is left out when the utility of the deal is not known of all.
	ParetoEfficient *bool `json:"pareto_efficient,omitempty"`
	// Reason says why there is no agreement.
	Reason string `json:"reason,omitempty"`
	// Offers are all that were made, in their order.
	Offers []BargainOffer `json:"offers"`
	// Silent are the members whose last question has no answer, in the order of the members.
	Silent []string `json:"silent,omitempty"`
}

// BargainParty is a member whom an agreement binds.
type BargainParty struct {
	Member string `json:"member"`
	// Utility is the deal's for the member, if known, and Discounted what of it is left after the offers before.
	Utility     *Decimal `json:"utility,omitempty"`
	Discounted  *Decimal `json:"discounted,omitempty"`
	Reservation Decimal  `json:"reservation"`
	// Gain is Discounted less Reservation.
	Gain *Decimal `json:"gain,omitempty"`
}

// BargainOffer is an offer that was made.
type BargainOffer struct {
	Offer int             `json:"offer"`
	By    string          `json:"by,omitempty"`
	Deal  json.RawMessage `json:"deal"`
	// Accepted counts who accepted it, without who made it.
	Accepted int `json:"accepted,omitempty"`
	// NashProduct is that of a candidate, left out when somebody would lose by it.
	NashProduct string `json:"nash_product,omitempty"`
}

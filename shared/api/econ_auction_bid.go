package api

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// AuctionBidRequest is a bid of the principal who asks. Another one of the same bidder replaces the first; in a combinatorial auction it is
// an alternative, of which one wins at most.
type AuctionBidRequest struct {
	Auction string `json:"auction"`
	// Price is for the lot, the unit, or the bundle. An english auction takes the least price that is enough if only Max is given, and who
	// leads one raises its limit, not what it pays. A dutch one takes what the clock shows; Price is a limit to that.
	Price *Micro `json:"price,omitempty"`
	// Max lets an english auction raise the bid by itself up to that, or in a reverse one lower it down to that. Nobody sees it before
	// the end.
	Max *Micro `json:"max,omitempty"`
	// Quantity is how many units of a uniform or double auction the bid is for; 1 unless given. Whole refuses fewer.
	Quantity int64 `json:"quantity,omitempty"`
	Whole    bool  `json:"whole,omitempty"`
	// Side is needed in a double auction.
	Side OrderSide `json:"side,omitempty"`
	// Items are the bundle of a combinatorial auction.
	Items []string `json:"items,omitempty"`
	// Attributes are what a multi-attribute auction asks for.
	Attributes []AuctionAttribute `json:"attributes,omitempty"`
	// Commitment is, in hex, what SealBid makes of auction, bidder, price, quantity and salt. Deposit is what is held for
	// it; what the auction asks for unless given. More may be held, so that the price is there when it is revealed.
	Commitment string `json:"commitment,omitempty"`
	Deposit    Micro  `json:"deposit,omitempty"`
	// Account is the bidder's that pays, or is paid; "<bidder>/main/credit" unless given.
	Account AccountID `json:"account,omitempty"`
}

// SealBid is the commitment to a bid: SHA-256, in lower-case hex, over the texts "mabus/commitment/1", auction, bidder, price and
// quantity in decimal digits, and salt, each after its length in bytes as four bytes, the highest first. The salt must be random, and
// secret until the bid is revealed: a price can be guessed, a salt cannot.
func SealBid(auction, bidder string, price Micro, quantity int64, salt string) string {
	h := sha256.New()
	for _, text := range []string{"mabus/commitment/1", auction, bidder, price.String(), Micro(quantity).String(), salt} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text))))
		h.Write([]byte(text))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// AuctionAttribute is one of what a bid promises.
type AuctionAttribute struct {
	Name  string  `json:"name"`
	Value Decimal `json:"value"`
}

// Validate implements Validator. What depends on the auction's type is checked by its rules.
func (r *AuctionBidRequest) Validate() error {
	if err := CheckID("auction", r.Auction); err != nil {
		return err
	}
	for _, m := range []struct {
		field string
		m     *Micro
	}{{"price", r.Price}, {"max", r.Max}} {
		if m.m != nil && (*m.m <= 0 || *m.m > MaxAmount) {
			return badAuction(ReasonInvalidPrice, m.field, "%s must be above 0 and at most %d millionths", m.field, int64(MaxAmount))
		}
	}
	switch {
	case r.Quantity < 0 || r.Quantity > MaxQuantity:
		return badAuction(ReasonInvalidQuantity, "quantity", "quantity must be 1 to %d", int64(MaxQuantity))
	case r.Side != "" && !slices.Contains(OrderSides, r.Side):
		return badAuction(ReasonAuctionTerms, "side", "side must be one of %v", OrderSides)
	case r.Commitment != "" && !isDigest(r.Commitment):
		return badAuction(ReasonAuctionTerms, "commitment", "commitment must be the 64 hexadecimal digits of a SHA-256, in lower case")
	case r.Commitment != "" && (r.Price != nil || r.Max != nil || r.Quantity != 0 || r.Whole):
		return badAuction(ReasonAuctionTerms, "commitment", "a commitment goes without the price and quantity that it hides")
	case r.Deposit < 0 || r.Deposit > MaxAmount || r.Deposit > 0 && r.Commitment == "":
		return badAuction(ReasonAuctionTerms, "deposit", "a deposit goes with a commitment, and is at most %d millionths", int64(MaxAmount))
	case len(r.Attributes) > MaxAuctionTraits:
		return badAuction(ReasonAuctionTerms, "attributes", "at most %d attributes are allowed", MaxAuctionTraits)
	}
	if r.Account != "" {
		if _, err := ParseAccount(string(r.Account)); err != nil {
			return err
		}
	}
	return checkIDs("items", r.Items, MaxAuctionItems)
}

func isDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// BidReceipt says that a bid was accepted, and binds everything before it by the head of the auction's chain.
type BidReceipt struct {
	Auction string `json:"auction"`
	// Number is that of the step in the transcript.
	Number uint64 `json:"number"`
	// Price is what the leader of an english auction would pay now, what a dutch one was sold for, or the own sealed price.
	Price Micro `json:"price,omitempty"`
	// Leading says that the bid would win if the auction ended now, in auctions whose bids are not sealed.
	Leading bool `json:"leading,omitempty"`
	// State tells that the bid has closed the auction, if it has.
	State    AuctionState `json:"state"`
	EndsAt   time.Time    `json:"ends_at"`
	Head     string       `json:"head"`
	Revision string       `json:"revision,omitempty"`
}

// SetRevision sets the revision of the answer.
func (r *BidReceipt) SetRevision(revision string) { r.Revision = revision }

// AuctionRevealRequest opens the commitment of the principal who asks.
type AuctionRevealRequest struct {
	Auction string `json:"auction"`
	Price   *Micro `json:"price"`
	// Quantity is 1 unless given.
	Quantity int64  `json:"quantity,omitempty"`
	Salt     string `json:"salt"`
}

// Validate implements Validator.
func (r *AuctionRevealRequest) Validate() error {
	if err := CheckID("auction", r.Auction); err != nil {
		return err
	}
	if r.Price == nil {
		return badAuction(ReasonMissingPrice, "price", "price is required: that of the commitment")
	}
	if *r.Price <= 0 || *r.Price > MaxAmount {
		return badAuction(ReasonInvalidPrice, "price", "price must be above 0 and at most %d millionths", int64(MaxAmount))
	}
	if r.Quantity < 0 || r.Quantity > MaxQuantity {
		return badAuction(ReasonInvalidQuantity, "quantity", "quantity must be 1 to %d", int64(MaxQuantity))
	}
	if len(r.Salt) < MaxAuctionSaltLeast || len(r.Salt) > MaxAuctionSalt {
		return badAuction(ReasonAuctionTerms, "salt", "a salt has %d to %d bytes", MaxAuctionSaltLeast, MaxAuctionSalt)
	}
	return nil
}

// AuctionBid is a bidder's bid as it stands. What is sealed is left out for others before its time.
type AuctionBid struct {
	Bidder string    `json:"bidder"`
	At     time.Time `json:"at"`
	// Number is that of the step in the transcript.
	Number     uint64             `json:"number"`
	State      BidState           `json:"state"`
	Price      Micro              `json:"price,omitempty"`
	Max        Micro              `json:"max,omitempty"`
	Quantity   int64              `json:"quantity,omitempty"`
	Whole      bool               `json:"whole,omitempty"`
	Side       OrderSide          `json:"side,omitempty"`
	Bundles    []AuctionBundle    `json:"bundles,omitempty"`
	Attributes []AuctionAttribute `json:"attributes,omitempty"`
	Commitment string             `json:"commitment,omitempty"`
	Account    AccountID          `json:"account,omitempty"`
	// Held is what the bid holds of the account now.
	Held Micro `json:"held,omitempty"`
}

// AuctionBundle is one alternative of a bidder in a combinatorial auction.
type AuctionBundle struct {
	Items []string `json:"items"`
	Price Micro    `json:"price"`
}

// BidState is where a bid stands.
type BidState string

// The states of a bid.
const (
	BidStanding  BidState = "standing"  // it may win
	BidOutbid    BidState = "outbid"    // another one is better
	BidCommitted BidState = "committed" // its price is not revealed
	BidWithdrawn BidState = "withdrawn"
	BidWon       BidState = "won"
	BidLost      BidState = "lost"
	BidForfeited BidState = "forfeited" // it was not revealed in time
)

// BidStates lists every state.
var BidStates = []BidState{BidStanding, BidOutbid, BidCommitted, BidWithdrawn, BidWon, BidLost, BidForfeited}

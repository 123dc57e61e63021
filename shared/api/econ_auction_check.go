package api

import (
	"slices"
	"time"
)

// Defaults of auctions, those of the reference system.
const (
	AuctionTime       = Duration(time.Hour)
	AuctionIncrement  = Micro(100_000)
	AuctionBidders    = 50
	AuctionQuality    = Decimal(800_000)
	AuctionCompletion = Duration(time.Hour)
	AuctionDeadline   = Duration(24 * time.Hour)
)

func badAuction(reason, field, format string, args ...any) error {
	return Errorf(Invalid, format, args...).WithReason(reason).WithFields(field)
}

// Sealed tells whether the bids of auctions of this type are nobody else's business until they have ended.
func (t AuctionType) Sealed() bool { return t != AuctionEnglish && t != AuctionDutch }

// PerUnit tells whether prices are for one unit of several.
func (t AuctionType) PerUnit() bool { return t == AuctionUniform || t == AuctionDouble }

// Committed tells whether auctions of this type may take commitments for bids.
func (t AuctionType) Committed() bool {
	return t == AuctionFirstPrice || t == AuctionSealedBid || t == AuctionVickrey || t == AuctionUniform
}

// Ended tells whether nothing more will come.
func (s AuctionState) Ended() bool {
	return s == AuctionClosed || s == AuctionCancelled || s == AuctionExpired
}

// Validate implements Validator.
func (s *AuctionSpec) Validate() error {
	switch {
	case s.Type == "" || len(s.Item) == 0 && s.Asset == "" && len(s.Items) == 0:
		return Errorf(Invalid, "missing required fields: an auction has a type, and an item, an asset or items").WithReason(ReasonMissingFields).WithFields("type", "item")
	case !slices.Contains(AuctionTypes, s.Type):
		return badAuction(ReasonInvalidAuctionType, "type", "invalid auction type: it must be one of %v", AuctionTypes)
	case s.Reserve < 0:
		return badAuction(ReasonInvalidReserve, "reserve", "invalid reserve price: cannot be negative")
	case s.Reserve > MaxAmount:
		return badAuction(ReasonInvalidReserve, "reserve", "invalid reserve price: at most %d millionths", int64(MaxAmount))
	}
	return first(CheckOptionalID("id", s.ID), CheckOptionalID("asset", s.Asset), CheckOptionalID("category", s.Category), CheckOptionalID("domain", s.Domain),
		s.checkTimes(), s.checkAmounts(), s.checkSubject(), s.checkType(), s.checkBidders())
}

func (s *AuctionSpec) checkTimes() error {
	if s.Duration != nil && *s.Duration < Duration(MaxAuctionMinTime*time.Millisecond) {
		return badAuction(ReasonInvalidDuration, "duration", "invalid duration: must be positive")
	}
	if s.Duration != nil && *s.Duration > Duration(MaxAuctionTime*time.Second) {
		return badAuction(ReasonInvalidDuration, "duration", "invalid duration: at most %v", MaxAuctionTime*time.Second)
	}
	for _, t := range []struct {
		field string
		d     Duration
	}{{"soft_close", s.SoftClose}, {"interval", s.Interval}, {"reveal", s.Reveal}, {"completion", s.Completion}} {
		if t.d < 0 || t.d > Duration(MaxAuctionTime*time.Second) {
			return badAuction(ReasonInvalidDuration, t.field, "%s must be 0s to %v", t.field, MaxAuctionTime*time.Second)
		}
	}
	return nil
}

func (s *AuctionSpec) checkAmounts() error {
	for _, m := range []struct {
		field string
		m     Micro
	}{{"increment", s.Increment}, {"buy_now", s.BuyNow}, {"start_price", s.StartPrice}, {"step", s.Step}, {"deposit", s.Deposit}} {
		if m.m < 0 || m.m > MaxAmount {
			return badAuction(ReasonAuctionTerms, m.field, "%s must be 0 to %d millionths", m.field, int64(MaxAmount))
		}
	}
	for _, d := range []struct {
		field string
		d     Decimal
	}{{"forfeit", s.Forfeit}, {"fee", s.Fee}, {"min_reputation", s.MinReputation}, {"quality_guarantee", s.QualityGuarantee}} {
		if d.d < 0 || d.d > One {
			return badAuction(ReasonAuctionTerms, d.field, "%s must be 0 to 1", d.field)
		}
	}
	if s.Account != "" {
		if _, err := ParseAccount(string(s.Account)); err != nil {
			return err
		}
	}
	return nil
}

func (s *AuctionSpec) checkSubject() error {
	if len(s.Item) > MaxAuctionItem {
		return badAuction(ReasonPayloadTooLarge, "item", "item has %d bytes, at most %d are allowed", len(s.Item), MaxAuctionItem)
	}
	if s.Quantity != 0 {
		if err := CheckQuantity("quantity", s.Quantity); err != nil {
			return badAuction(ReasonInvalidQuantity, "quantity", "quantity must be 1 to %d", int64(MaxQuantity))
		}
	}
	if s.Quantity > 1 && s.Asset == "" && s.Type != AuctionUniform {
		return badAuction(ReasonAuctionTerms, "quantity", "a quantity goes with an asset, or with a uniform auction")
	}
	if (s.Type == AuctionCombinatorial) != (len(s.Items) > 0) {
		return badAuction(ReasonAuctionTerms, "items", "items go with combinatorial auctions, which need them")
	}
	if s.Type == AuctionCombinatorial && (s.Asset != "" || s.Reserve != 0) {
		return badAuction(ReasonAuctionTerms, "items", "in a combinatorial auction each of the items has its asset and its reserve")
	}
	if len(s.Items) > MaxAuctionItems {
		return badAuction(ReasonAuctionTerms, "items", "items has %d entries, at most %d are allowed", len(s.Items), MaxAuctionItems)
	}
	seen, reserves := map[string]bool{}, Micro(0)
	for i := range s.Items {
		one := &s.Items[i]
		if err := first(CheckID("items.name", one.Name), CheckOptionalID("items.asset", one.Asset)); err != nil {
			return err
		}
		if seen[one.Name] {
			return badAuction(ReasonAuctionTerms, "items", "there is one item of each name, %s is there twice", one.Name)
		}
		seen[one.Name] = true
		if one.Quantity < 0 || one.Quantity > MaxQuantity || one.Quantity > 0 && one.Asset == "" {
			return badAuction(ReasonInvalidQuantity, "items", "the quantity of item %s must be 1 to %d, and of an asset", one.Name, int64(MaxQuantity))
		}
		if one.Reserve < 0 || one.Reserve > MaxAmount-reserves || s.Reverse && one.Reserve == 0 {
			return badAuction(ReasonInvalidReserve, "items", "the reserve of item %s must be 0 or more, in a reverse auction above 0, and all together at most %d millionths", one.Name, int64(MaxAmount))
		}
		reserves += one.Reserve
	}
	return nil
}

// checkBidders bounds the bidders by what they cost when the auction closes.
func (s *AuctionSpec) checkBidders() error {
	limit := MaxAuctionBidders
	switch {
	case s.Type.PerUnit():
		limit = MaxAuctionWinners
	case s.Type.Sealed():
		limit = MaxSealedBidders
	}
	if s.MaxBidders < 0 || s.MaxBidders > limit {
		return badAuction(ReasonAuctionTerms, "max_bidders", "max_bidders of this type must be 1 to %d", limit)
	}
	return nil
}

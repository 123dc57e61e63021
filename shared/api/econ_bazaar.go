package api

import "time"

// Bounds of marketplaces.
const (
	MaxBazaars            = 10_000     // marketplaces that are live at a time
	MaxListings           = 100_000    // listings of all marketplaces
	MaxShelf              = 1000       // listings of one type of service in one marketplace
	MaxBazaarTypes        = 64         // types of service of one marketplace
	MaxBazaarTransactions = 100        // transactions that a marketplace remembers once they have ended
	MaxListingCapacity    = 1_000_000  // requests that a listing serves at the same time
	MaxListingTime        = 31_536_000 // seconds for which a listing may be there
	MaxListingText        = 4096       // bytes of a description
)

// Reasons of marketplaces. A gate asks for reputation, specializations, history and consistency, in this order.
const (
	ReasonInsufficientHistory     = "insufficient_history"     // failed_precondition: too few records
	ReasonInsufficientConsistency = "insufficient_consistency" // failed_precondition: the quality of the records varies too much
	ReasonBazaarNotFound          = "marketplace_not_found"    // not_found
	ReasonBazaarExists            = "marketplace_exists"       // conflict
	ReasonBazaarClosed            = "marketplace_closed"       // failed_precondition
	ReasonServiceNotAllowed       = "service_type_not_allowed" // invalid
	ReasonListingNotFound         = "listing_not_found"        // not_found
	ReasonListingExists           = "listing_exists"           // conflict
	ReasonNothingSuits            = "no_suitable_listing"      // not_found
	ReasonAboveMaxCost            = "price_above_max_cost"     // failed_precondition
	ReasonListingBusy             = "listing_busy"             // overloaded: it serves as many as it can
	ReasonOwnListing              = "own_listing"              // permission_denied: nobody buys from itself
	ReasonTransactionExists       = "transaction_exists"       // conflict
	ReasonManyBazaars             = "too_many_marketplaces"    // overloaded
	ReasonManyListings            = "too_many_listings"        // overloaded
)

// BazaarSpec describes a marketplace.
type BazaarSpec struct {
	// ID names the marketplace; made by the service when left out.
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// ServiceTypes are what may be listed; anything unless given. The type is the domain of reputation of what is done.
	ServiceTypes []string   `json:"service_types,omitempty"`
	Gate         BazaarGate `json:"gate,omitzero"`
	// ListingFee is what a listing costs at most: less its part by the provider's score times FeeDiscount. It goes to mabus/fees/credit.
	ListingFee  Micro   `json:"listing_fee,omitzero"`
	FeeDiscount Decimal `json:"fee_discount,omitzero"`
	// TransactionFee is the share of what providers are paid that goes to mabus/fees/<asset>.
	TransactionFee Decimal `json:"transaction_fee,omitzero"`
}

// BazaarGate is what the records of a provider must show when it lists something, and when that is bought.
type BazaarGate struct {
	MinimumScore            Decimal  `json:"minimum_score,omitzero"`
	RequiredSpecialisations []string `json:"required_specializations,omitempty"`
	// HistoryLength is the number of records.
	HistoryLength int `json:"performance_history_length,omitempty"`
	// Consistency is 1 less the variance of the records' quality.
	Consistency Decimal `json:"consistency_requirement,omitzero"`
}

// Bazaar is a marketplace.
type Bazaar struct {
	BazaarSpec
	Owner     string    `json:"owner"`
	CreatedAt time.Time `json:"created_at"`
	// ClosedAt is when its owner has closed it: what was bought before is still settled.
	ClosedAt time.Time `json:"closed_at,omitzero"`
	Listings int       `json:"listings"`
	// Open counts the transactions under way.
	Open     int    `json:"open"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision sets the revision of an answer.
func (b *Bazaar) SetRevision(r string) { b.Revision = r }

// ListingSpec offers a service.
type ListingSpec struct {
	Bazaar string `json:"market"`
	// ID names the listing in its marketplace; made by the service when left out.
	ID           string   `json:"id,omitempty"`
	ServiceType  string   `json:"service_type"`
	Capabilities []string `json:"capabilities,omitempty"`
	Description  string   `json:"description,omitempty"`
	// Price is what one request costs.
	Price Micro `json:"price"`
	// Capacity is how many requests are served at the same time; 1 unless given.
	Capacity int `json:"capacity,omitempty"`
	// Quality is the guarantee of the contracts, Completion their time; 0.8 and 1h unless given.
	Quality    Decimal  `json:"quality,omitzero"`
	Completion Duration `json:"completion,omitzero"`
	// Expires is after which time the listing goes; never unless given.
	Expires Duration `json:"expires,omitzero"`
}

// Listing is a service on offer.
type Listing struct {
	ListingSpec
	Provider string    `json:"provider"`
	ListedAt time.Time `json:"listed_at"`
	// ExpiresAt is when it goes by itself.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Busy is how many requests it serves now.
	Busy int `json:"busy"`
	// Fee was paid for it.
	Fee Micro `json:"fee,omitzero"`
	// Order is its place in the log.
	Order    uint64 `json:"order"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision sets the revision of an answer.
func (l *Listing) SetRevision(r string) { l.Revision = r }

// RankedListing is a listing that was searched for: Score = 0.4 Reputation + 0.3 Price + 0.2 Quality + 0.1 Availability, each 0 to 1.
type RankedListing struct {
	Listing
	Score Decimal `json:"score"`
	// Reputation is the provider's score in the type of service.
	Reputation Decimal `json:"reputation"`
	// PriceScore is the price of the cheapest that was found divided by its own.
	PriceScore Decimal `json:"price_score"`
	// QualityScore is the mean quality of the provider's records in the type of service; without any, its score.
	QualityScore Decimal `json:"quality_score"`
	// Availability is the share of its capacity that is free.
	Availability Decimal `json:"availability"`
}

// BazaarTransaction is a service that was bought: its contract has the rest.
type BazaarTransaction struct {
	ID          string `json:"id"`
	Bazaar      string `json:"market"`
	Listing     string `json:"listing"`
	ServiceType string `json:"service_type"`
	Buyer       string `json:"buyer"`
	Provider    string `json:"provider"`
	// Price was agreed, Paid is what the buyer has paid in the end.
	Price        Micro         `json:"price"`
	Paid         Micro         `json:"paid,omitzero"`
	Fee          Micro         `json:"fee,omitzero"`
	Contract     string        `json:"contract"`
	State        ContractState `json:"state"`
	Quality      Decimal       `json:"quality,omitzero"`
	Satisfaction Decimal       `json:"satisfaction,omitzero"`
	At           time.Time     `json:"at"`
	EndedAt      time.Time     `json:"ended_at,omitzero"`
	Revision     string        `json:"revision,omitempty"`
}

// SetRevision sets the revision of an answer.
func (t *BazaarTransaction) SetRevision(r string) { t.Revision = r }

// Validate implements Validator.
func (s *BazaarSpec) Validate() error {
	g := &s.Gate
	err := first(
		CheckOptionalID("id", s.ID),
		checkText("name", s.Name, MaxTagLength),
		checkIDs("service_types", s.ServiceTypes, MaxBazaarTypes),
		checkIDs("gate.required_specializations", g.RequiredSpecialisations, MaxBazaarTypes),
		checkShare("gate.minimum_score", g.MinimumScore),
		checkShare("gate.consistency_requirement", g.Consistency),
		checkShare("fee_discount", s.FeeDiscount),
		checkShare("transaction_fee", s.TransactionFee),
		checkPrice("listing_fee", s.ListingFee),
	)
	switch {
	case err != nil:
		return err
	case s.Name == "":
		return Errorf(Invalid, "name is required").WithReason(ReasonMissingFields).WithFields("name")
	case g.HistoryLength < 0 || g.HistoryLength > MaxReputationHistory:
		return Errorf(Invalid, "gate.performance_history_length must be 0 to %d", MaxReputationHistory).WithFields("gate.performance_history_length")
	}
	return nil
}

func checkText(field, s string, most int) error {
	if len(s) > most {
		return Errorf(Invalid, "%s has %d bytes, at most %d are allowed", field, len(s), most).WithFields(field)
	}
	return nil
}

// Validate implements Validator.
func (s *ListingSpec) Validate() error {
	err := first(
		CheckID("market", s.Bazaar),
		CheckID("service_type", s.ServiceType),
		CheckOptionalID("id", s.ID),
		checkIDs("capabilities", s.Capabilities, MaxCapabilities),
		checkText("description", s.Description, MaxListingText),
		checkPrice("price", s.Price),
		checkShare("quality", s.Quality),
		checkContractTime("completion", s.Completion),
		checkContractTime("expires", s.Expires),
	)
	switch {
	case err != nil:
		return err
	case s.Price < 1:
		return badTerm("price", "at least \"1\"")
	case s.Capacity < 0 || s.Capacity > MaxListingCapacity:
		return badTerm("capacity", "0 to 1000000")
	}
	return nil
}

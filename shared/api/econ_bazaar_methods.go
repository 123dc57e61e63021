package api

import "encoding/json"

// The methods of services/economics about marketplaces.
var (
	BazaarsCreate = Method[BazaarSpec, Bazaar]{
		Service: "economics", Noun: "bazaars", Verb: "create", Write: true,
		Doc: "Creates a marketplace, which belongs to the principal who asks. Refused with marketplace_exists, too_many_marketplaces.",
	}
	BazaarsClose = Method[BazaarRequest, Bazaar]{
		Service: "economics", Noun: "bazaars", Verb: "close", Write: true,
		Doc: "Closes a marketplace: its listings go, and what was bought is still settled. Refused with not_owner, marketplace_closed.",
	}
	BazaarsGet = Method[BazaarRequest, Bazaar]{
		Service: "economics", Noun: "bazaars", Verb: "get",
		Doc: "Returns a marketplace, or not_found (marketplace_not_found).",
	}
	BazaarsList = Method[BazaarsListRequest, BazaarsListResponse]{
		Service: "economics", Noun: "bazaars", Verb: "list",
		Doc: "Returns the marketplaces in the order of their ids, a page at a time.",
	}
	BazaarsListService = Method[ListingSpec, Listing]{
		Service: "economics", Noun: "bazaars", Verb: "list_service", Write: true,
		Doc: "Offers a service of the principal, and charges the listing fee. Refused with marketplace_not_found, service_type_not_allowed, insufficient_reputation, missing_specializations, insufficient_history, insufficient_consistency, insufficient_funds, listing_exists.",
	}
	BazaarsUnlist = Method[ListingRequest, Listing]{
		Service: "economics", Noun: "bazaars", Verb: "unlist", Write: true,
		Doc: "Takes a listing away; what was bought is still settled. The provider may, and the owner of the marketplace. Refused with listing_not_found, not_owner.",
	}
	BazaarsSearch = Method[BazaarSearchRequest, BazaarSearchResponse]{
		Service: "economics", Noun: "bazaars", Verb: "search",
		Doc: "Returns what is on offer of a type of service, the best first: only what has all capabilities, costs no more than max_cost, has free capacity, and whose provider passes the gate. Ties go to the earliest.",
	}
	BazaarsRequestService = Method[ServiceRequest, BazaarTransaction]{
		Service: "economics", Noun: "bazaars", Verb: "request_service", Write: true,
		Doc: "Buys a service at its price, from the named listing or the best that search finds: the price is held, and a contract is opened. Refused with listing_not_found, no_suitable_listing, price_above_max_cost, listing_busy, own_listing, insufficient_funds, and as list_service by the gate.",
	}
	BazaarsTransactions = Method[BazaarTransactionsRequest, BazaarTransactionsResponse]{
		Service: "economics", Noun: "bazaars", Verb: "transactions",
		Doc: "Returns the transactions of a marketplace that are under way, and then the last 100 that have ended, each the newest first.",
	}
	BazaarsAnalytics = Method[BazaarRequest, BazaarAnalytics]{
		Service: "economics", Noun: "bazaars", Verb: "analytics",
		Doc: "Adds up the transactions of a marketplace since it was created, by type of service.",
	}
)

var econBazaarMethods = []Descriptor{
	BazaarsCreate.Describe(), BazaarsClose.Describe(), BazaarsGet.Describe(), BazaarsList.Describe(), BazaarsListService.Describe(),
	BazaarsUnlist.Describe(), BazaarsSearch.Describe(), BazaarsRequestService.Describe(), BazaarsTransactions.Describe(), BazaarsAnalytics.Describe(),
}

// BazaarRequest names a marketplace.
type BazaarRequest struct {
	ID          string `json:"id"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *BazaarRequest) Validate() error { return CheckID("id", r.ID) }

// BazaarsListRequest asks for marketplaces.
type BazaarsListRequest struct {
	// ServiceType keeps those in which it may be listed.
	ServiceType string `json:"service_type,omitempty"`
	After       string `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *BazaarsListRequest) Validate() error {
	return first(CheckOptionalID("service_type", r.ServiceType), CheckOptionalID("after", r.After), checkPage(r.Limit))
}

// BazaarsListResponse is a page of marketplaces.
type BazaarsListResponse struct {
	Bazaars  []Bazaar `json:"markets"`
	Next     string   `json:"next,omitempty"`
	Revision string   `json:"revision,omitempty"`
}

// ListingRequest names a listing.
type ListingRequest struct {
	Bazaar string `json:"market"`
	ID     string `json:"id"`
}

// Validate implements Validator.
func (r *ListingRequest) Validate() error {
	return first(CheckID("market", r.Bazaar), CheckID("id", r.ID))
}

// BazaarSearchRequest says what is wanted.
type BazaarSearchRequest struct {
	Bazaar       string   `json:"market"`
	ServiceType  string   `json:"service_type"`
	Capabilities []string `json:"capabilities,omitempty"`
	// MaxCost is the highest price; any unless given.
	MaxCost Micro `json:"max_cost,omitzero"`
	// MinQuality is the least guarantee.
	MinQuality Decimal `json:"min_quality,omitzero"`
	// Busy keeps what has no free capacity, too.
	Busy        bool   `json:"busy,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *BazaarSearchRequest) Validate() error {
	return first(CheckID("market", r.Bazaar), CheckID("service_type", r.ServiceType), checkIDs("capabilities", r.Capabilities, MaxCapabilities),
		checkPrice("max_cost", r.MaxCost), checkShare("min_quality", r.MinQuality), checkPage(r.Limit))
}

// BazaarSearchResponse has what was found, the best first.
type BazaarSearchResponse struct {
	Listings []RankedListing `json:"listings"`
	// Found is how many there are.
	Found    int    `json:"found"`
	Revision string `json:"revision,omitempty"`
}

// ServiceRequest buys a service.
type ServiceRequest struct {
	Bazaar string `json:"market"`
	// ID names the transaction in its marketplace; made by the service when left out.
	ID string `json:"id,omitempty"`
	// Listing is what is bought; the best of ServiceType with Capabilities unless given.
	Listing      string   `json:"listing,omitempty"`
	ServiceType  string   `json:"service_type,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
	MinQuality   Decimal  `json:"min_quality,omitzero"`
	// MaxCost is the most that the buyer wants to pay. The price is the listing's, or the request is refused.
	MaxCost Micro `json:"max_cost"`
	// Account is the buyer's; its main account unless given. Short forms are allowed.
	Account AccountID `json:"account,omitempty"`
	// Item is what the request is about.
	Item json.RawMessage `json:"item,omitempty"`
	// Judge and Judging are those of the contract.
	Judge   string   `json:"judge,omitempty"`
	Judging Duration `json:"judging,omitzero"`
}

// Validate implements Validator.
func (r *ServiceRequest) Validate() error {
	err := first(CheckID("market", r.Bazaar), CheckOptionalID("id", r.ID), CheckOptionalID("listing", r.Listing), CheckOptionalID("judge", r.Judge),
		checkIDs("capabilities", r.Capabilities, MaxCapabilities), checkShare("min_quality", r.MinQuality), checkPrice("max_cost", r.MaxCost),
		checkContractItem("item", r.Item), checkContractTime("judging", r.Judging))
	if err == nil && r.Account != "" {
		_, err = ParseAccount(string(r.Account))
	}
	switch {
	case err != nil:
		return err
	case r.MaxCost < 1:
		return badTerm("max_cost", "at least \"1\"")
	case r.Listing == "":
		return CheckID("service_type", r.ServiceType)
	case r.ServiceType != "" || len(r.Capabilities) > 0 || r.MinQuality != 0:
		return badTerm("listing", "left out to look by service_type, capabilities and min_quality")
	}
	return nil
}

// BazaarTransactionsRequest asks for transactions.
type BazaarTransactionsRequest struct {
	Bazaar string `json:"market"`
	// Party keeps those of a buyer or provider.
	Party       string `json:"party,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *BazaarTransactionsRequest) Validate() error {
	return first(CheckID("market", r.Bazaar), CheckOptionalID("party", r.Party), checkPage(r.Limit))
}

// BazaarTransactionsResponse has transactions.
type BazaarTransactionsResponse struct {
	Transactions []BazaarTransaction `json:"transactions"`
	Revision     string              `json:"revision,omitempty"`
}

// BazaarAnalytics is what the transactions of a marketplace add up to. Nothing in it is estimated.
type BazaarAnalytics struct {
	Bazaar string `json:"market"`
	// Providers counts those who have something listed.
	Providers int `json:"providers"`
	Listings  int `json:"listings"`
	// Price is the mean price of what is listed; "0" when nothing is.
	Price       Micro         `json:"price"`
	Open        int           `json:"open"`
	ListingFees Micro         `json:"listing_fees"`
	Total       ContractStats `json:"total"`
	// ByService has the types of service with transactions, in their order.
	ByService []ServiceStats `json:"by_service"`
	Revision  string         `json:"revision,omitempty"`
}

// ServiceStats are the sums of one type of service.
type ServiceStats struct {
	ServiceType string        `json:"service_type"`
	Stats       ContractStats `json:"stats"`
}

package api

// Bounds of prices.
const (
	MaxPriceRecords = 1000          // records of one request
	MaxPriceCount   = 1_000_000_000 // requests, agents or units that a price is made from
)

// Reasons of what is refused about prices and choices.
const (
	ReasonNoSupply        = "no_supply"          // failed_precondition: nobody offers anything, so there is no price
	ReasonPriceOutOfRange = "price_out_of_range" // failed_precondition: the price would be beyond every amount
	ReasonNoRecords       = "no_records"         // failed_precondition: there is nothing to make a price from
	ReasonTooHard         = "too_hard"           // failed_precondition: the best choice is not found within the bounds
	ReasonNoOption        = "no_feasible_option" // failed_precondition: every option breaks a constraint
	ReasonInvalidBundles  = "invalid_bundles"    // invalid: items and bids of an auction of bundles that contradict one another
	ReasonWrongSolution   = "wrong_solution"     // invalid: winners or payments that do not follow from the bids
)

// MultiplierLimit bounds rates and multipliers of prices and rewards.
const MultiplierLimit = 1000 * One

// PriceQuote is a price, and by what factor it differs from the one that it was made from. The factor is rounded, the price is not made
// from the rounded factor.
type PriceQuote struct {
	Price  Micro   `json:"price"`
	Factor Decimal `json:"factor"`
}

// SupplyDemandRequest asks for a price by supply and demand: base price times demand over supply.
type SupplyDemandRequest struct {
	BasePrice Micro `json:"base_price"`
	// Demand is what is wanted, for example pending requests; Supply what is offered, for example free providers, in the same units.
	Demand int64 `json:"demand"`
	Supply int64 `json:"supply"`
}

// Validate implements Validator.
func (r *SupplyDemandRequest) Validate() error {
	if err := CheckAmount("base_price", r.BasePrice); err != nil {
		return err
	}
	if err := checkPriceCount("demand", r.Demand); err != nil {
		return err
	}
	return checkPriceCount("supply", r.Supply)
}

// DynamicPriceRequest asks for the next price of a service whose price follows the demand in small steps.
type DynamicPriceRequest struct {
	// Previous is the price until now; each price is made from the one before.
	Previous Micro `json:"previous"`
	// Requests and Agents are those of the last period.
	Requests int64 `json:"requests"`
	Agents   int64 `json:"agents"`
	// Rate is how much of the imbalance the price takes up, 0.1 unless given: the factor is 1 + (requests/agents - 1) * rate.
	Rate Decimal `json:"base_adjustment_rate,omitempty"`
	// MaxChange is how far the factor may be from 1, less than 1; 0.5 unless given.
	MaxChange Decimal `json:"maximum_price_change,omitempty"`
}

// Validate implements Validator.
func (r *DynamicPriceRequest) Validate() error {
	if err := CheckAmount("previous", r.Previous); err != nil {
		return err
	}
	if err := checkPriceCount("requests", r.Requests); err != nil {
		return err
	}
	if err := checkPriceCount("agents", r.Agents); err != nil {
		return err
	}
	if r.MaxChange < 0 || r.MaxChange >= One {
		return Errorf(Invalid, "maximum_price_change must be 0 or more and less than 1, so that a price never becomes nothing").WithFields("maximum_price_change")
	}
	return checkMultipliers(figure{"base_adjustment_rate", r.Rate})
}

// PriceRange is by what a price is multiplied for the worst and the best.
type PriceRange struct {
	Min Decimal `json:"min"`
	Max Decimal `json:"max"`
}

// PerformanceRecord is how one piece of work went.
type PerformanceRecord struct {
	// Quality and Reliability are from 0 to 1.
	Quality     Decimal `json:"quality"`
	Reliability Decimal `json:"reliability"`
	// Speed is the time that was expected over the time that it took; 0 when it is not known.
	Speed Decimal `json:"speed,omitempty"`
}

// PerformancePriceRequest asks what an agent's work is worth by how it has worked.
type PerformancePriceRequest struct {
	BasePrice Micro `json:"base_price"`
	// Agent, and the domain of its work, take reputation and records from the service's own, where satisfaction stands for reliability;
	// without it they are in the request.
	Agent  string `json:"agent,omitempty"`
	Domain string `json:"domain,omitempty"`
	// Expected is how long the work shall take, to tell the speed of the service's own records.
	Expected Duration `json:"expected,omitzero"`
	// Reputation, from 0 to 1, stands for quality and reliability where there are no records; 0.5 unless given.
	Reputation *Decimal            `json:"reputation,omitempty"`
	Records    []PerformanceRecord `json:"records,omitempty"`
	// The ranges are 0.8 to 1.2 unless given.
	Quality     *PriceRange `json:"quality_range,omitempty"`
	Speed       *PriceRange `json:"speed_range,omitempty"`
	Reliability *PriceRange `json:"reliability_range,omitempty"`
	// MinimumTasks is how many records there must be for the price to differ from the base price.
	MinimumTasks int `json:"minimum_tasks,omitempty"`
	// Damping is how many factors of 1 are averaged with the three, 3 unless given; 0.000001 is as good as none.
	Damping     Decimal `json:"damping,omitempty"`
	MinRevision string  `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *PerformancePriceRequest) Validate() error {
	if err := CheckAmount("base_price", r.BasePrice); err != nil {
		return err
	}
	if err := checkOwnRecords(r.Agent, r.Domain, len(r.Records), r.Reputation); err != nil {
		return err
	}
	for _, x := range r.Records {
		if err := checkFractions(figure{"quality", x.Quality}, figure{"reliability", x.Reliability}); err != nil {
			return err
		}
		if err := checkMultipliers(figure{"speed", x.Speed}); err != nil {
			return err
		}
	}
	for i, x := range []*PriceRange{r.Quality, r.Speed, r.Reliability} {
		if x != nil && (x.Min < 0 || x.Max < x.Min || x.Max > MultiplierLimit) {
			field := []string{"quality_range", "speed_range", "reliability_range"}[i]
			return Errorf(Invalid, "%s must be from 0 to %v, the lesser first", field, MultiplierLimit).WithFields(field)
		}
	}
	if r.MinimumTasks < 0 || r.MinimumTasks > MaxPriceRecords {
		return Errorf(Invalid, "minimum_tasks must be 0 to %d", MaxPriceRecords).WithFields("minimum_tasks")
	}
	if r.Expected < 0 {
		return Errorf(Invalid, "expected must not be negative").WithFields("expected")
	}
	return checkMultipliers(figure{"damping", r.Damping})
}

// PerformancePrice is what an agent's work is worth.
type PerformancePrice struct {
	PriceQuote
	// Quality, Speed and Reliability are the scores behind the factors, from 0 to 1.
	Quality     Decimal `json:"quality"`
	Speed       Decimal `json:"speed"`
	Reliability Decimal `json:"reliability"`
	// Records is how many there were, and Confidence a fiftieth of that, 1 at most.
	Records    int     `json:"records"`
	Confidence Decimal `json:"confidence"`
	Revision   string  `json:"revision,omitempty"`
}

// OptimalPriceRequest asks for the price that similar work has had.
type OptimalPriceRequest struct {
	// Agent, and the domain of its work, take the records from the service's own: what was at stake in settlements. Without it they are
	// in the request.
	Agent  string `json:"agent,omitempty"`
	Domain string `json:"domain,omitempty"`
	// Records are from the oldest to the newest; the last 100 count.
	Records     []PriceRecord `json:"records,omitempty"`
	MinRevision string        `json:"min_revision,omitempty"`
}

// PriceRecord is what something has cost.
type PriceRecord struct {
	Price Micro `json:"price"`
	// Quality is how good it was, from 0 to 1, if that is known.
	Quality *Decimal `json:"quality,omitempty"`
}

// Validate implements Validator.
func (r *OptimalPriceRequest) Validate() error {
	if err := checkOwnRecords(r.Agent, r.Domain, len(r.Records), nil); err != nil {
		return err
	}
	for _, x := range r.Records {
		if err := CheckAmount("price", x.Price); err != nil {
			return err
		}
		if x.Quality == nil {
			continue
		}
		if err := checkFractions(figure{"quality", *x.Quality}); err != nil {
			return err
		}
	}
	return nil
}

// PriceTrend says where prices go.
type PriceTrend string

// The trends.
const (
	TrendIncreasing PriceTrend = "increasing"
	TrendDecreasing PriceTrend = "decreasing"
	TrendStable     PriceTrend = "stable"
	TrendUnknown    PriceTrend = "unknown" // less than two records
)

// PriceTrends lists every trend.
var PriceTrends = []PriceTrend{TrendIncreasing, TrendDecreasing, TrendStable, TrendUnknown}

// OptimalPrice is what similar work has cost.
type OptimalPrice struct {
	// Price is the mean of the last 100 records.
	Price Micro `json:"price"`
	// Records is how many counted, and Confidence a fiftieth of that, 1 at most.
	Records    int     `json:"records"`
	Confidence Decimal `json:"confidence"`
	// Trend compares the mean of the newest records, ten at most, with that of as many before them: stable within a twentieth.
	Trend PriceTrend `json:"trend"`
	// Change is how much more the newest cost than those before, as a share of these; absent when the trend is unknown.
	Change *Decimal `json:"change,omitempty"`
	// QualityCorrelation is Pearson's, of price and quality, over the records that have one; absent when it is not defined.
	QualityCorrelation *Decimal `json:"quality_correlation,omitempty"`
	Revision           string   `json:"revision,omitempty"`
}

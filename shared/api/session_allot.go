package api

// Algorithms of resource_allocation.
const (
	// AllotMaxMinFair raises everybody's share together until each has what it asked for or nothing is left (the default).
	AllotMaxMinFair = "max_min_fair"
	// AllotProportional gives everybody the same part of what it asked for.
	AllotProportional = "proportional"
)

// MaxAllotResources bounds the resources of one session.
const MaxAllotResources = 32 // resources of one allocation

// AllotWeightLimit bounds a member's weight in an allocation.
const AllotWeightLimit = 1000 * One

// AllotParams are the parameters of resource_allocation.
type AllotParams struct {
	// Resources is how much there is to share, by the names of the resources: {"cpu": 100, "memory": 1000}.
	Resources map[string]Decimal `json:"resources,omitempty"`
	// Weights are how much members count for when there is not enough, more than 0 and at most 1000; 1 for who is not named.
	Weights map[string]Decimal `json:"weights,omitempty"`
}

// AllotAsk is what a member is asked in the phase "demand".
type AllotAsk struct {
	// Resources is how much there is of each.
	Resources map[string]Decimal `json:"resources"`
}

// AllotAnswer is a member's demand. {"cpu": 20} alone is understood too, and so is 20 where there is one resource.
type AllotAnswer struct {
	// Demand is the most that the member can use of each resource, up to DecimalLimit divided by the number of members; 0 of what is
	// not named.
	Demand map[string]Decimal `json:"demand"`
}

// AllotResult is the result of resource_allocation.
type AllotResult struct {
	Algorithm string `json:"algorithm"`
	// Allocations are in the order of the members.
	Allocations []Allotment `json:"allocations"`
	// Resources is what became of each resource.
	Resources map[string]AllotUse `json:"resources"`
	// Satisfied tells whether everybody got all that it asked for.
	Satisfied bool `json:"satisfied"`
	// Silent are the members without an answer, in the order of the members. They asked for nothing and get nothing.
	Silent []string `json:"silent,omitempty"`
}

// Allotment is what one member gets.
type Allotment struct {
	Member string `json:"member"`
	// Asked and Granted name only resources of which the member wants some.
	Asked   map[string]Decimal `json:"asked,omitempty"`
	Granted map[string]Decimal `json:"granted,omitempty"`
	// Satisfaction is the mean of granted/asked over the resources that the member wants, 0 to 1; 1 for one that wants none.
	Satisfaction Decimal `json:"satisfaction"`
}

// AllotUse is what became of one resource.
type AllotUse struct {
	Capacity Decimal `json:"capacity"`
	Asked    Decimal `json:"asked"`
	Granted  Decimal `json:"granted"`
	// Utilisation is granted/capacity, 0 where there is no capacity.
	Utilisation Decimal `json:"utilisation"`
	// Fairness is Jain's index (Jain, Chiu and Hawe 1984) of granted/asked over the members that want some: (sum x)^2 / (n sum x^2).
	// It is 1 when all are served to the same degree, nobody included, and 1/n when one of n gets everything.
	Fairness Decimal `json:"fairness"`
}

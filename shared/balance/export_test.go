package balance

// Want is what a tenant wants of a capacity: any number unless it is bounded.
type Want = want

// NewWant makes a Want.
func NewWant(weight, most float64, bounded bool) Want { return want{weight, most, bounded} }

// WaterLevel is the level of weighted max-min fair shares.
var WaterLevel = waterLevel

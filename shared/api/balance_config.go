package api

import (
	"slices"
	"time"
)

// BalanceStrategy says how one of several agents is chosen for a message.
type BalanceStrategy string

// The strategies. Package balance says by which rules, and from which papers they are.
const (
	StrategyP2C              BalanceStrategy = "p2c_ewma"             // of two at random the one where a message is sooner done; the default
	StrategyRoundRobin       BalanceStrategy = "round_robin"          // one after another
	StrategyLeastOutstanding BalanceStrategy = "least_outstanding"    // the one with the fewest messages not yet answered
	StrategyResourceAware    BalanceStrategy = "resource_aware"       // the least of 0.4 cpu + 0.3 memory + 0.3 active/10
	StrategyPerformance      BalanceStrategy = "performance_weighted" // each in proportion to its speed
	StrategyCapability       BalanceStrategy = "capability_based"     // the best match of capabilities, then the least loaded
	StrategyHash             BalanceStrategy = "consistent_hash"      // one key to one agent, while that has room
)

// BalanceStrategies lists every strategy.
var BalanceStrategies = []BalanceStrategy{
	StrategyP2C, StrategyRoundRobin, StrategyLeastOutstanding, StrategyResourceAware, StrategyPerformance, StrategyCapability, StrategyHash,
}

// Reasons of load balancing.
const (
	ReasonNoSuitableAgent = "no_suitable_agent"     // unavailable: no running agent has all that is required
	ReasonAllOverloaded   = "all_agents_overloaded" // overloaded: every agent that would do is over its thresholds
	ReasonTenantOverShare = "tenant_over_share"     // overloaded: the tenant has its share of the work, and others wait for theirs
)

// Bounds of a BalanceConfig.
const (
	MaxBalanceTenants  = 256       // tenants with a weight of their own
	MaxBalanceWeight   = 1_000     // weight of a tenant or an agent
	MaxBalanceActive   = 2_000_000 // messages of one agent
	MaxBalanceDuration = 3600      // seconds of any duration in the configuration
)

// BalanceConfig is by what agents are chosen. Thresholds are strict: what is exactly at one is not over it. A threshold of 0 is not
// considered.
type BalanceConfig struct {
	Strategy BalanceStrategy `json:"strategy"`
	// MaxCPU is the share of its host's processors in use, from 0 to 1, above which an agent is overloaded.
	MaxCPU Decimal `json:"max_cpu"`
	// MaxMemory is the share of its host's memory in use, from 0 to 1, above which an agent is overloaded.
	MaxMemory Decimal `json:"max_memory"`
	// MaxMemoryBytes is the memory of its own above which an agent is overloaded, where that was told.
	MaxMemoryBytes int64 `json:"max_memory_bytes"`
	// MaxActive is the number of messages, waiting or being handled, above which an agent is overloaded.
	MaxActive int `json:"max_active"`
	// Shed has requests refused (overloaded, all_agents_overloaded) when every agent is over its thresholds. Without it they are used
	// all the same, up to what their mailboxes take.
	Shed bool `json:"shed"`
	// StaleAfter is how long what was told of an agent's load counts.
	StaleAfter Duration `json:"stale_after"`
	// Decay is the time in which what was learned of an agent's latency and errors loses its weight to a factor of 1/e.
	Decay Duration `json:"decay"`
	// ErrorCost is what an error costs, as if the answer had taken so long.
	ErrorCost Duration `json:"error_cost"`
	// SlowStart is the time in which an agent that is new, or back, comes to its full share; 0 is at once.
	SlowStart Duration `json:"slow_start"`
	// LoadBound is how much more than the mean one agent may have by consistent_hash before a key goes to the next: the c of the paper.
	LoadBound Decimal `json:"load_bound"`
	// Ejection says when an agent is left out.
	Ejection BalanceEjection `json:"ejection"`
	// Tenants are the weights by which tenants share what the agents can take, MaxActive each, or 10 without that, when they want more;
	// 1 unless given.
	Tenants map[string]int `json:"tenants,omitempty"`
}

// BalanceEjection says when an agent that does badly is left out, and for how long.
type BalanceEjection struct {
	// ConsecutiveErrors in a row have an agent left out; 0 is never.
	ConsecutiveErrors int `json:"consecutive_errors"`
	// ErrorShare is the share of errors above which an agent is left out, if others have fewer than half as many; 0 is never.
	ErrorShare Decimal `json:"error_share"`
	// SlowFactor is how many times the others' median latency an agent may have, five times in a row, before it is left out; 0 is any.
	SlowFactor Decimal `json:"slow_factor"`
	// MaxShare is the share of agents that may be left out at once, of several always one. The last is never left out.
	MaxShare Decimal `json:"max_share"`
	// Time is how long an agent is left out at first. It doubles each time, up to MaxTime. After it one message tries the agent.
	Time    Duration `json:"time"`
	MaxTime Duration `json:"max_time"`
}

// DefaultBalanceConfig is the configuration of a load balancer: the thresholds are those of the reference system, 0.9 of a host's
// processors, 1 GiB and 10 messages. It does not shed: a fleet that is busy everywhere still works, and full mailboxes refuse by
// themselves.
func DefaultBalanceConfig() BalanceConfig {
	return BalanceConfig{
		Strategy: StrategyP2C, MaxCPU: 900_000, MaxMemory: 900_000, MaxMemoryBytes: 1 << 30, MaxActive: 10,
		StaleAfter: Duration(11 * time.Second), Decay: Duration(2 * time.Second), ErrorCost: DefaultTimeout,
		SlowStart: Duration(5 * time.Second), LoadBound: 1_250_000,
		Ejection: BalanceEjection{
			ConsecutiveErrors: 5, ErrorShare: 500_000, SlowFactor: 5 * One, MaxShare: 500_000,
			Time: Duration(time.Second), MaxTime: Duration(time.Minute),
		},
	}
}

// CallerBalanceConfig is the configuration of a caller that chooses for itself: it looks at latency, errors and messages, sheds only
// what the agents' mailboxes would refuse, and leaves thresholds to those who set them.
func CallerBalanceConfig() BalanceConfig {
	c := DefaultBalanceConfig()
	c.MaxCPU, c.MaxMemory, c.MaxMemoryBytes, c.MaxActive = 0, 0, 0, 0
	return c
}

// Validate implements Validator.
func (c *BalanceConfig) Validate() error {
	if !slices.Contains(BalanceStrategies, c.Strategy) {
		return Errorf(Invalid, "strategy must be one of %q", BalanceStrategies).WithFields("strategy")
	}
	for _, share := range []struct {
		field string
		have  Decimal
	}{
		{"max_cpu", c.MaxCPU},
		{"max_memory", c.MaxMemory},
		{"ejection.error_share", c.Ejection.ErrorShare},
		{"ejection.max_share", c.Ejection.MaxShare},
	} {
		if share.have < 0 || share.have > One {
			return Errorf(Invalid, "%s must be 0 to 1", share.field).WithFields(share.field)
		}
	}
	if c.MaxMemoryBytes < 0 || c.MaxActive < 0 || c.MaxActive > MaxBalanceActive || c.Ejection.ConsecutiveErrors < 0 {
		return Errorf(Invalid, "max_memory_bytes, max_active and ejection.consecutive_errors must not be negative, max_active at most %d", MaxBalanceActive).
			WithFields("max_memory_bytes", "max_active", "ejection.consecutive_errors")
	}
	if c.LoadBound <= One || c.LoadBound > 100*One {
		return Errorf(Invalid, "load_bound must be above 1 and at most 100").WithFields("load_bound")
	}
	if s := c.Ejection.SlowFactor; s != 0 && (s <= One || s > 1000*One) {
		return Errorf(Invalid, "ejection.slow_factor must be above 1 and at most 1000, or 0 for none").WithFields("ejection.slow_factor")
	}
	for _, d := range []struct {
		field string
		least Duration
		have  Duration
	}{
		{"stale_after", Duration(time.Millisecond), c.StaleAfter},
		{"decay", Duration(time.Millisecond), c.Decay},
		{"error_cost", 0, c.ErrorCost},
		{"slow_start", 0, c.SlowStart},
		{"ejection.time", Duration(time.Millisecond), c.Ejection.Time},
		{"ejection.max_time", c.Ejection.Time, c.Ejection.MaxTime},
	} {
		if d.have < d.least || d.have > Duration(MaxBalanceDuration*time.Second) {
			return Errorf(Invalid, "%s must be %s to %s", d.field, d.least, Duration(MaxBalanceDuration*time.Second)).WithFields(d.field)
		}
	}
	return c.checkTenants()
}

func (c *BalanceConfig) checkTenants() error {
	if len(c.Tenants) > MaxBalanceTenants {
		return Errorf(Invalid, "tenants has %d entries, at most %d are allowed", len(c.Tenants), MaxBalanceTenants).WithFields("tenants")
	}
	for id, weight := range c.Tenants {
		if err := CheckID("tenants", id); err != nil {
			return err
		}
		if weight < 1 || weight > MaxBalanceWeight {
			return Errorf(Invalid, "tenants: a weight must be 1 to %d", MaxBalanceWeight).WithFields("tenants")
		}
	}
	return nil
}

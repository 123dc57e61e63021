package api

import "slices"

// Bounds of a screen for collusion.
const (
	MaxScreenAgents = 64          // agents of one screen
	MaxScreenRounds = 256         // rounds of one screen
	MaxScreenTrades = 10_000      // pairs of traders of one screen
	MaxScreenCount  = 100_000_000 // trades of one pair
	MaxScreenBits   = 60          // bits that a threshold may ask for
)

// ScreenKind is what a screen for collusion looks at.
type ScreenKind string

// The kinds of screens.
const (
	ScreenEstimates ScreenKind = "estimates" // of the same things by several agents
	ScreenBids      ScreenKind = "bids"      // in a series of auctions
	ScreenTrades    ScreenKind = "trades"    // or ratings: who with whom, how often
)

// ScreenKinds lists every kind.
var ScreenKinds = []ScreenKind{ScreenEstimates, ScreenBids, ScreenTrades}

// ScreenTest is a statistical test of a screen.
type ScreenTest string

// The tests.
const (
	ScreenCopies      ScreenTest = "copies"      // few rounds: agents agree with one another, and not with the truth or the others
	ScreenConcordance ScreenTest = "concordance" // many rounds: two agents deviate alike, round after round
	ScreenRotation    ScreenTest = "rotation"    // many rounds: two agents take turns at winning
	ScreenRing        ScreenTest = "ring"        // trades: agents deal with one another in a circle beyond what their trade explains
)

// ScreenTests lists every test.
var ScreenTests = []ScreenTest{ScreenCopies, ScreenConcordance, ScreenRotation, ScreenRing}

// ScreenRequest asks for a screen. What it finds is advice: nobody is punished by it.
type ScreenRequest struct {
	Kind ScreenKind `json:"kind"`
	// Rounds are the auctions or estimates, in their order. An agent need not be in all.
	Rounds []ScreenRound `json:"rounds,omitempty"`
	// Trades say who traded with whom, or rated whom.
	Trades []ScreenTrade `json:"trades,omitempty"`
	// Threshold is the score from which on something is flagged, in bits; 4 unless given.
	Threshold Decimal `json:"threshold,omitzero"`
	// Resolution is the step of the estimates; the greatest power of ten that divides all of them unless given.
	Resolution Decimal `json:"resolution,omitzero"`
}

// ScreenRound is one auction, or one thing that is estimated.
type ScreenRound struct {
	Values []ScreenValue `json:"values"`
	// Truth is what was estimated, if that is known; the others' median is taken unless given.
	Truth *Decimal `json:"truth,omitempty"`
	// Winner won the auction.
	Winner string `json:"winner,omitempty"`
}

// ScreenValue is an agent's estimate, or its bid.
type ScreenValue struct {
	Agent string  `json:"agent"`
	Value Decimal `json:"value"`
}

// ScreenTrade says how often one agent sold to, or rated, another.
type ScreenTrade struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Count int64  `json:"count"`
}

// ScreenResponse is what a screen has found.
type ScreenResponse struct {
	// Flags are the strongest first.
	Flags []ScreenFlag `json:"flags"`
	// Runs tell what could be tested at all: no flag of a test that compared nothing means nothing.
	Runs []ScreenRun `json:"runs"`
}

// ScreenFlag is a group of agents that do what independent ones hardly would.
type ScreenFlag struct {
	Test   ScreenTest `json:"test"`
	Agents []string   `json:"agents"`
	// Score is in bits: honest agents reach n bits, in any of the test's comparisons, with a probability of about 2^-n, or less.
	Score Decimal `json:"score"`
	// Rounds is how many rounds the score is made of; for trades, the trades within the group.
	Rounds int64 `json:"rounds"`
}

// ScreenRun is one test of a screen.
type ScreenRun struct {
	Test ScreenTest `json:"test"`
	// Compared is how many pairs or groups it has looked at; the score of each is less for it.
	Compared  int     `json:"compared"`
	Threshold Decimal `json:"threshold"`
}

// Validate implements Validator.
func (r *ScreenRequest) Validate() error {
	bad := func(field, format string, args ...any) error {
		return Errorf(Invalid, field+" "+format, args...).WithReason(ReasonInvalidScreen).WithFields(field)
	}
	switch {
	case !slices.Contains(ScreenKinds, r.Kind):
		return bad("kind", "must be one of %v", ScreenKinds)
	case r.Threshold < 0 || r.Threshold > MaxScreenBits*One:
		return bad("threshold", "must be 0 to %d bits", MaxScreenBits)
	case r.Resolution < 0:
		return bad("resolution", "must not be negative")
	case len(r.Rounds) > MaxScreenRounds:
		return bad("rounds", "has %d entries, at most %d are allowed", len(r.Rounds), MaxScreenRounds)
	case len(r.Trades) > MaxScreenTrades:
		return bad("trades", "has %d entries, at most %d are allowed", len(r.Trades), MaxScreenTrades)
	case r.Kind == ScreenTrades && len(r.Rounds) > 0:
		return bad("rounds", "are of bids or estimates: a screen of trades has none")
	case r.Kind != ScreenTrades && len(r.Trades) > 0:
		return bad("trades", "are of a screen of trades only")
	}
	return first(r.checkRounds(bad), r.checkTrades(bad))
}

func (r *ScreenRequest) checkRounds(bad func(field, format string, args ...any) error) error {
	agents := map[string]bool{}
	for i := range r.Rounds {
		seen := map[string]bool{}
		for _, v := range r.Rounds[i].Values {
			switch {
			case !ValidID(v.Agent):
				return bad("rounds", "name agents by ids, not by %.80q", v.Agent)
			case seen[v.Agent]:
				return bad("rounds", "have one value of an agent each: %s has two in round %d", v.Agent, i+1)
			case v.Value < -DecimalLimit || v.Value > DecimalLimit:
				return bad("rounds", "have a value beyond %d in either direction", DecimalLimit/One)
			case r.Kind == ScreenBids && v.Value <= 0:
				return bad("rounds", "have a bid of %s by %s: a bid is above 0", v.Value, v.Agent)
			}
			seen[v.Agent], agents[v.Agent] = true, true
		}
		if t := r.Rounds[i].Truth; t != nil && (*t < -DecimalLimit || *t > DecimalLimit) {
			return bad("rounds", "have a truth beyond %d in either direction", DecimalLimit/One)
		}
		if w := r.Rounds[i].Winner; w != "" && !seen[w] {
			return bad("rounds", "name a winner, %.80q, who has no value in round %d", w, i+1)
		}
	}
	if len(agents) > MaxScreenAgents {
		return bad("rounds", "name %d agents, at most %d are allowed", len(agents), MaxScreenAgents)
	}
	return nil
}

func (r *ScreenRequest) checkTrades(bad func(field, format string, args ...any) error) error {
	agents := map[string]bool{}
	for _, t := range r.Trades {
		switch {
		case !ValidID(t.From) || !ValidID(t.To) || t.From == t.To:
			return bad("trades", "are between two different agents, named by ids")
		case t.Count < 1 || t.Count > MaxScreenCount:
			return bad("trades", "have a count of 1 to %d", int64(MaxScreenCount))
		}
		agents[t.From], agents[t.To] = true, true
	}
	if len(agents) > MaxScreenTrades {
		return bad("trades", "name %d agents, at most %d are allowed", len(agents), MaxScreenTrades)
	}
	return nil
}

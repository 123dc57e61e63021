// Package card holds the pure rules of what is said about mechanisms: for each a card with what it promises, the test that shows each
// promise, and for those where honesty is not always best, how much a bidder can gain by something else, measured.
package card

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Card is what there is to know of a mechanism.
type Card struct {
	Name     string // as the type, or the rule, of an auction or a market
	Kind     string // Open, Sealed, Double or Market
	Summary  string // what it is
	When     string // when to use it
	Formula  string // who wins, and the price
	Paper    string // where it comes from
	Promises []Property
	Regret   *Regret // nil when honesty is always best, or when there is nothing to report
}

// The kinds of mechanisms.
const (
	Open   = "open auction"
	Sealed = "sealed auction"
	Double = "double auction"
	Market = "market"
)

// Property is something that a mechanism promises, or does not.
type Property struct {
	Name      string
	Holds     string // Yes, No or Conditional
	Condition string // if Conditional; if No, why
	// Test shows it: a directory below services/economics, a point, and the name of the test there.
	Test string
}

// Whether a property holds.
const (
	Yes         = "yes"
	No          = "no"
	Conditional = "with condition"
)

// The names of properties that several mechanisms have.
const (
	Truthful     = "truthful"              // no report gains more than the true value, whatever the others report
	Rational     = "individually rational" // an honest bidder never loses by taking part
	Balanced     = "budget balanced"       // what buyers pay is what sellers get: nothing is left, and nothing is added
	NoDeficit    = "no deficit"            // the auctioneer never adds money
	Efficient    = "efficient"             // with honest bids, it goes to who values it most
	Reserve      = "reserve respected"     // nothing trades at a price worse than the reserve
	Earliest     = "earliest first"        // of equal bids the earliest wins, and how they are listed makes no difference
	Monotone     = "monotone"              // a winner that had bid better would have won too
	Conservation = "conservation"          // no unit is made or lost
)

// Regret is what the best deviation of one bidder gains over its true value while the others bid theirs, which it knows: the mean, and
// the most, over random situations.
type Regret struct {
	Mean, Max api.Decimal // 1 is the highest value that a bidder can have
	Setting   string
}

// Cards returns the cards of all mechanisms: those of auctions first, then those of markets.
func Cards() []Card { return slices.Concat(open(), sealed(), several(), double(), market()) }

// Find returns the card of a name.
func Find(name string) (Card, bool) {
	all := Cards()
	i := slices.IndexFunc(all, func(c Card) bool { return c.Name == name })
	if i < 0 {
		return Card{}, false
	}
	return all[i], true
}

func yes(name, test string) Property { return Property{Name: name, Holds: Yes, Test: test} }

func no(name, why, test string) Property {
	return Property{Name: name, Holds: No, Condition: why, Test: test}
}

func when(name, condition, test string) Property {
	return Property{Name: name, Holds: Conditional, Condition: condition, Test: test}
}

// measured is a figure of Measure, written down so that nobody has to wait for it. A test measures it again.
func measured(name string, mean, most api.Decimal) *Regret {
	return &Regret{Mean: mean, Max: most, Setting: settings[name].text}
}

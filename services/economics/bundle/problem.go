package bundle

import (
	"math/bits"
	"slices"
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
)

// Bounds of a problem, beyond which it is refused before anybody tries to solve it.
const (
	MaxItems = 64
	MaxBids  = 500
	// MaxAmount bounds a price and the reserves of the items of a bid together, so that no sum overflows.
	MaxAmount api.Micro = api.MaxAmount
)

// Set is a set of items: bit i stands for the item at place i of the problem. In JSON it is a string of hexadecimal digits.
type Set uint64

// Has tells whether the item at place i is in the set.
func (s Set) Has(i int) bool { return i >= 0 && i < MaxItems && s>>uint(i)&1 == 1 }

// Len returns the number of items.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// MarshalText implements encoding.TextMarshaler.
func (s Set) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(s), 16), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Set) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil {
		return api.Errorf(api.Invalid, "want a set of items as hexadecimal digits, have %.40q", text)
	}
	*s = Set(v)
	return nil
}

// Bid offers one price for all of a set of items.
type Bid struct {
	Bidder string `json:"bidder"`
	Items  Set    `json:"items"`
	// Price is for all the items together: what the bidder pays at most, or with Problem.Reverse, wants at least.
	Price api.Micro `json:"price"`
	// Order is the place of the bid in the log. Of equally good results, that with the earlier bids wins.
	Order uint64 `json:"order"`
	// Or lets the bid win beside others of its bidder. Of the bids of one bidder that are not Or, one wins at most (XOR).
	Or bool `json:"or,omitempty"`
}

// Problem is a combinatorial auction at its end.
type Problem struct {
	// Items are the names of what is sold, all different; each exists once.
	Items []string `json:"items"`
	// Reserve is the least price of each item, or with Reverse the most that is paid for it; none is 0 for all.
	Reserve []api.Micro `json:"reserve,omitempty"`
	// Reverse is procurement: bidders sell, and each item is bought once at most, if it costs no more than its reserve.
	Reverse bool  `json:"reverse,omitempty"`
	Bids    []Bid `json:"bids"`
}

// Set returns the set of the named items, or invalid for a name that is unknown or given twice, and for no names.
func (p *Problem) Set(names []string) (Set, error) {
	var s Set
	for _, name := range names {
		i := slices.Index(p.Items, name)
		if i < 0 || i >= MaxItems {
			return 0, api.Errorf(api.Invalid, "%.70q is none of the items of this auction", name).WithReason(api.ReasonInvalidBundles).WithFields("items")
		}
		if s.Has(i) {
			return 0, api.Errorf(api.Invalid, "%.70q is named twice: there is one of each item", name).WithReason(api.ReasonInvalidBundles).WithFields("items")
		}
		s |= 1 << uint(i)
	}
	if s == 0 {
		return 0, api.Errorf(api.Invalid, "name at least one item").WithReason(api.ReasonInvalidBundles).WithFields("items")
	}
	return s, nil
}

// Names returns the names of the items in a set, in the order of the problem.
func (p *Problem) Names(s Set) []string {
	var names []string
	for i, name := range p.Items {
		if s.Has(i) {
			names = append(names, name)
		}
	}
	return names
}

// Reserved returns the sum of the reserves of a set.
func (p *Problem) Reserved(s Set) api.Micro {
	var sum api.Micro
	for i, r := range p.Reserve {
		if s.Has(i) {
			sum += r
		}
	}
	return sum
}

// Validate returns invalid (invalid_bundles) for a problem that is out of bounds or contradicts itself.
func (p *Problem) Validate() error {
	bad := func(field, format string, args ...any) error {
		return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonInvalidBundles).WithFields(field)
	}
	if len(p.Items) == 0 || len(p.Items) > MaxItems {
		return bad("items", "an auction of bundles has 1 to %d items, not %d", MaxItems, len(p.Items))
	}
	for i, name := range p.Items {
		if slices.Contains(p.Items[:i], name) {
			return bad("items", "%.70q is an item twice: name each one differently", name)
		}
	}
	if len(p.Bids) > MaxBids {
		return bad("bids", "%d bids are more than the %d that are solved", len(p.Bids), MaxBids)
	}
	if len(p.Reserve) != 0 && len(p.Reserve) != len(p.Items) {
		return bad("reserve", "there are %d reserves for %d items: give one for each, or none", len(p.Reserve), len(p.Items))
	}
	var sum api.Micro
	for _, r := range p.Reserve {
		if r < 0 || r > MaxAmount-sum {
			return bad("reserve", "reserves are 0 or more, and at most %d together", MaxAmount)
		}
		sum += r
	}
	all := ^Set(0) >> uint(MaxItems-len(p.Items))
	for i := range p.Bids {
		b := &p.Bids[i]
		switch {
		case b.Items == 0 || b.Items&^all != 0:
			return bad("bids", "bid %d names no item, or one that is not there", i)
		case b.Price < 0 || b.Price > MaxAmount:
			return bad("bids", "the price of bid %d must be 0 to %d", i, MaxAmount)
		}
	}
	return nil
}

// gain is what a bid adds to the welfare: what it offers beyond the reserves, or with Reverse, stays below them.
func (p *Problem) gain(b *Bid) int64 {
	g := int64(b.Price - p.Reserved(b.Items))
	if p.Reverse {
		return -g
	}
	return g
}

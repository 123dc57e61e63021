package instances

import (
	"fmt"
	"math/bits"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Parameters of regions and arbitrary, as in the paper's section 4.2.
const (
	maxValue     = 100 // of an item for everybody
	substitutes  = 5   // further bids of a bidder, at most
	additionalIn = 90  // percent: the chance of one more item
	jump         = 5   // percent: the chance that it is any item, and no neighbour
)

// weights tells how much two items complement one another: 0 if not at all.
type weights [][]int64

// grid makes items neighbours on a grid as square as it can be, and some of them diagonally.
func (d *draw) grid() weights {
	n := len(d.p.Items)
	columns := 1
	for columns*columns < n {
		columns++
	}
	w := d.none()
	for i := range n {
		for j := range i {
			dx, dy := i%columns-j%columns, i/columns-j/columns
			if dx*dx+dy*dy == 1 || dx*dx+dy*dy == 2 && d.IntN(5) == 0 {
				w[i][j], w[j][i] = 1, 1
			}
		}
	}
	return w
}

// random gives every two items a random weight.
func (d *draw) random() weights {
	w := d.none()
	for i := range w {
		for j := range i {
			x := d.Int64N(1000)
			w[i][j], w[j][i] = x, x
		}
	}
	return w
}

func (d *draw) none() weights {
	w := make(weights, len(d.p.Items))
	for i := range w {
		w[i] = make([]int64, len(w))
	}
	return w
}

// complements draws bidders who value items for themselves and together, each with bids for similar bundles that exclude one another.
func (d *draw) complements(w weights) {
	n := len(d.p.Items)
	common := make([]int64, n)
	for i := range common {
		common[i] = unit + d.Int64N((maxValue-1)*unit)
	}
	for bidder, empty := 0, 0; len(d.p.Bids) < d.bids && empty < 1000; bidder++ {
		value := make([]int64, n)
		for i := range value { // half less to half more than what it is worth to everybody
			value[i] = common[i]/2 + d.Int64N(common[i])
		}
		first := d.grow(1<<d.IntN(n), value, w)
		price := worth(first, value)
		name := fmt.Sprintf("bidder-%d", bidder)
		had, seen := len(d.p.Bids), map[bundle.Set]bool{first: true}
		d.add(name, first, price)
		for m := first; m != 0 && len(seen) <= substitutes; m &= m - 1 {
			s := bundle.Set(1) << bits.TrailingZeros64(uint64(m))
			for s.Len() < first.Len() {
				s |= d.next(s, value, w)
			}
			if v := worth(s, value); !seen[s] && v <= price*3/2 && v >= price/2 {
				seen[s] = true
				d.add(name, s, v)
			}
		}
		if len(d.p.Bids) == had {
			empty++
		}
	}
}

// grow adds items to a bundle for as long as luck has it.
func (d *draw) grow(s bundle.Set, value []int64, w weights) bundle.Set {
	for s.Len() < len(w) && d.IntN(100) < additionalIn {
		s |= d.next(s, value, w)
	}
	return s
}

// next draws one more item: rather one that goes well with the bundle and is worth much to the bidder.
func (d *draw) next(s bundle.Set, value []int64, w weights) bundle.Set {
	chance := make([]int64, len(w))
	var sum int64
	if d.IntN(100) >= jump {
		for i := range w {
			if s.Has(i) {
				continue
			}
			for m := s; m != 0; m &= m - 1 {
				chance[i] += w[i][bits.TrailingZeros64(uint64(m))]
			}
			chance[i] *= value[i] / 1000
			sum += chance[i]
		}
	}
	if sum == 0 {
		for i := range w {
			if !s.Has(i) {
				chance[i] = 1
				sum++
			}
		}
	}
	x := d.Int64N(sum)
	for i, c := range chance {
		if x -= c; x < 0 {
			return 1 << i
		}
	}
	return 0
}

// worth is the sum of the values and a premium for the size: n^1.2 (S(n) of the paper).
func worth(s bundle.Set, value []int64) int64 {
	sum := int64(fixed.Pow(api.Decimal(s.Len())*api.One, 6, 5))
	for m := s; m != 0; m &= m - 1 {
		sum += value[bits.TrailingZeros64(uint64(m))]
	}
	return sum
}

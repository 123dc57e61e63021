package instances

import (
	"fmt"

	"github.com/mabus-project/mabus/services/economics/bundle"
)

const (
	roadsPerTown = 2
	ways         = 8 // bids of one bidder, at most
)

// road joins two towns.
type road struct {
	a, b   int
	length int64
}

// paths draws towns on a map, a road for each item between near ones, and bidders who want to come from one town to another and are
// ready to pay a little more than the crow flies.
func (d *draw) paths() {
	towns := max(len(d.p.Items)/roadsPerTown, 2)
	x, y := make([]int64, towns), make([]int64, towns)
	for i := range towns {
		x[i], y[i] = d.Int64N(1000), d.Int64N(1000)
	}
	length := func(a, b int) int64 {
		square := (x[a]-x[b])*(x[a]-x[b]) + (y[a]-y[b])*(y[a]-y[b])
		root := int64(1)
		for root*root < square {
			root++
		}
		return root
	}
	roads := make([]road, len(d.p.Items))
	for i := range roads {
		a := i % towns
		near := road{a: a, b: (a + 1) % towns, length: 1 << 40}
		for range 3 { // the nearest of three
			if b := d.IntN(towns); b != a && length(a, b) < near.length {
				near = road{a, b, length(a, b)}
			}
		}
		near.length = length(near.a, near.b)
		roads[i] = near
	}
	for bidder := 0; len(d.p.Bids) < d.bids && bidder < 100*d.bids; bidder++ {
		a, b := d.IntN(towns), d.IntN(towns)
		if a == b {
			continue
		}
		budget := length(a, b) * (1000 + d.Int64N(500)) // thousandths
		d.travel(fmt.Sprintf("bidder-%d", bidder), roads, a, b, budget)
	}
}

// travel bids for ways from a to b that are shorter than the budget, less what they are long.
func (d *draw) travel(bidder string, roads []road, a, b int, budget int64) {
	made := 0
	var visit func(at int, s bundle.Set, towns uint64, long int64)
	visit = func(at int, s bundle.Set, towns uint64, long int64) {
		if at == b {
			if made < ways {
				d.add(bidder, s, (budget-long*1000)*1000+1)
				made++
			}
			return
		}
		for i, r := range roads {
			to := r.b
			if r.b == at {
				to = r.a
			} else if r.a != at {
				continue
			}
			if next := long + r.length; made < ways && next*1000 <= budget && towns>>to&1 == 0 {
				visit(to, s|1<<i, towns|1<<to, next)
			}
		}
	}
	visit(a, 0, 1<<a, 0)
}

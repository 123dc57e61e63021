package bundle_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
)

// small draws a problem with few items, bidders and prices, so that bids are often alike and results often equally good.
func small(r *rand.Rand, items, bids, most int) *bundle.Problem {
	p := &bundle.Problem{Reverse: r.IntN(4) == 0}
	for i := range items {
		p.Items = append(p.Items, string(rune('a'+i)))
	}
	if p.Reverse || r.IntN(3) == 0 {
		for range items {
			p.Reserve = append(p.Reserve, api.Micro(r.IntN(most)))
		}
	}
	bidders := 1 + r.IntN(max(bids, 1))
	for i := range bids {
		p.Bids = append(p.Bids, bundle.Bid{
			Bidder: names[r.IntN(bidders)], Items: bundle.Set(1 + r.IntN(1<<items-1)), Price: api.Micro(r.IntN(most + 1)),
			Order: uint64(i + 1), Or: r.IntN(4) == 0,
		})
	}
	r.Shuffle(len(p.Bids), func(i, j int) { p.Bids[i], p.Bids[j] = p.Bids[j], p.Bids[i] })
	return p
}

var names = func() (n [16]string) {
	for i := range n {
		n[i] = fmt.Sprintf("b%d", i)
	}
	return n
}()

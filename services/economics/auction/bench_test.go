package auction_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// BenchmarkBid is one durable bid without the log: its cost must not grow with the bids before it.
func BenchmarkBid(b *testing.B) {
	for _, before := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("after %d", before), func(b *testing.B) {
			who := make([]string, 64)
			for i := range who {
				who[i] = fmt.Sprintf("bidder-%d", i)
			}
			h := open(b, append(who, "owner")...)
			spec := forLot("x", api.AuctionEnglish)
			spec.MaxBidders, spec.Increment = 1000, 1
			must(h, "owner", api.AuctionsCreate, spec)
			h.now = h.now.Add(time.Second)
			for i := range before {
				one(b, h, who[i%len(who)], api.Micro(i+1))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				one(b, h, who[i%len(who)], api.Micro(before+i+1))
			}
		})
	}
}

// one carries out a bid as the machine does, and archives the transcript page by page.
func one(b *testing.B, h *house, by string, amount api.Micro) {
	body := fmt.Appendf(nil, `{"auction":"x","price":"%d"}`, amount)
	a := &act.Act{Time: h.now, Principal: by, ID: "YRQOL3ZWXTMNUAFHSWYZPG25OU", Ledger: h.ledger.Draft(), Reputation: h.reputation.Draft(), Contracts: h.contracts.Draft()}
	a.Ledger.Now = h.now
	d := h.auctions.Draft()
	if _, err := auction.Commands["auctions.bid"](a, d, body); err != nil {
		b.Fatal(err)
	}
	if err := a.Ledger.Check(); err != nil {
		b.Fatal(err)
	}
	_, effects, _, _ := a.Outside()
	a.Ledger.Apply()
	d.Apply()
	if len(effects) > 0 {
		d := h.auctions.Draft()
		log := auction.Logs(d, "x")
		log.StoredPage(log.Count - transcript.Page + 1)
		d.Apply()
	}
}

// BenchmarkClose is the end of the largest sealed auction: everybody's hold is released in one command.
func BenchmarkClose(b *testing.B) {
	who := make([]string, api.MaxSealedBidders)
	for i := range who {
		who[i] = fmt.Sprintf("bidder-%d", i)
	}
	for range b.N {
		b.StopTimer()
		h := open(b, append(who, "owner")...)
		spec := forLot("x", api.AuctionVickrey)
		spec.MaxBidders = len(who)
		must(h, "owner", api.AuctionsCreate, spec)
		for i := range who {
			one(b, h, who[i], api.Micro(i+1))
		}
		b.StartTimer()
		must(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"})
	}
}

package tender_test

import (
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// BenchmarkTender announces a task, takes ten bids and awards it, among 10,000 others that are open.
func BenchmarkTender(b *testing.B) {
	w := begin(b)
	w.Mint("boss", api.MaxAmount/2)
	for i := range 10_000 {
		w.announce(api.TenderSpec{ID: fmt.Sprint("open", i), Bidding: minutes(1000)})
		clear(w.Timers) // through which the world looks one by one
	}
	bidders := make([]string, 10)
	for i := range bidders {
		bidders[i] = fmt.Sprint("bidder", i)
	}
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint("t", i)
		w.announce(api.TenderSpec{ID: id, Expected: len(bidders)})
		for k, who := range bidders {
			w.bid(who, id, api.Micro(100+k))
		}
		clear(w.Timers)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/12, "µs/command")
}

// BenchmarkList looks for work among 10,000 open tenders.
func BenchmarkList(b *testing.B) {
	w := begin(b)
	w.Mint("boss", api.MaxAmount/2)
	for i := range 10_000 {
		w.announce(api.TenderSpec{ID: fmt.Sprint("open", i), Task: api.TenderTask{Capability: fmt.Sprint("c", i%10)}})
		clear(w.Timers)
	}
	r := &api.TendersListRequest{State: api.TenderOpen, Capability: "c7", Fresh: true, Limit: 100}
	for b.Loop() {
		if page, _ := w.tenders.List(r, "somebody", w.Contracts); len(page) != 100 {
			b.Fatalf("%d are found", len(page))
		}
	}
}

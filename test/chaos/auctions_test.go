package chaos_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/test/chaos"
)

var (
	auctions = flag.Int("auctions", 200, "how many auctions to hold while processes are killed; 0 for none")
	kills    = flag.Int("kills", 3, "how many processes to kill meanwhile")
	sellers  = flag.Int("sellers", 8, "auctions at the same time")
	nodes    = flag.Int("nodes", 1, "NATS nodes of the auctions: 1 or 3")
)

// hold is the auctions of a seed.
func hold(t *testing.T, binary, self string) {
	c := chaos.Market{Config: setting(*seed), Auctions: *auctions, Kills: *kills, Sellers: *sellers}
	c.Program, c.Self, c.Nodes = binary, self, *nodes
	var r *chaos.Trade
	story(t, &c.Config, func() error {
		r = chaos.RunMarket(t.Context(), c)
		return r.Err
	})
	fmt.Printf("%d auctions (%d sold) with %d bids in %.1fs, %.0f a second, while %d replicas and %d of %d nodes were killed; the longest pause was %.2fs; %d of %d requests were repeated\n",
		r.Auctions, r.Sold, r.Bids, r.Took.Seconds(), float64(r.Auctions)/r.Took.Seconds(), r.Replicas, r.Nodes, c.Nodes, r.Pause.Seconds(), r.Again, r.Asked)
	if r.Err == nil && (r.Auctions < int64(c.Auctions) || r.Replicas+r.Nodes < c.Kills) {
		t.Error("there were less than were asked for")
	}
	if r.Err == nil && r.Pause > 30*time.Second {
		t.Error("nobody answered for too long")
	}
}

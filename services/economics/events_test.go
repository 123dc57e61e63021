package economics_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Whatever is opened or changed by somebody, or has ended, one event tells of it and of who it was, or whose, whichever replica does; what is open
// has not ended.
func TestOpeningsAndEndsAreEvents(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(10_000_000, "boss")
	boss := r.as("boss")
	spec := digging("t")
	spec.Expected = 1
	must(t, boss, api.TendersAnnounce, spec)
	must(t, boss, api.TendersAnnounce, digging("open"))
	must(t, r.as("digger"), api.TendersBid, api.TenderBidRequest{ID: "t", Price: 100})
	must(t, r.as("digger"), api.ContractsDeliver, api.ContractDeliverRequest{ID: "tender-t"})
	must(t, boss, api.ContractsAccept, api.ContractAcceptRequest{ID: "tender-t"})
	must(t, boss, api.BazaarsCreate, api.BazaarSpec{ID: "b", Name: "holes"})
	must(t, boss, api.BazaarsClose, api.BazaarRequest{ID: "b"})
	must(t, boss, api.AuctionsCreate, lot("x", api.AuctionEnglish))
	must(t, boss, api.AuctionsCancel, api.AuctionCancelRequest{Auction: "x"})
	must(t, boss, api.MarketsCreate, api.MarketSpec{ID: "m", Name: "rain", Type: api.MarketPrediction, Outcomes: []string{"yes", "no"}, Liquidity: 1_000_000})
	want := []string{
		"mabus.accounts.minted boss operator",
		"mabus.auctions.cancelled x boss", "mabus.auctions.ended x boss", "mabus.auctions.opened x boss",
		"mabus.bazaars.closed b boss", "mabus.bazaars.ended b boss", "mabus.bazaars.opened b boss",
		"mabus.contracts.accepted tender-t boss", "mabus.contracts.delivered tender-t digger", "mabus.contracts.ended tender-t boss",
		"mabus.contracts.opened tender-t digger", // whose bid was the last that it waited for
		"mabus.markets.opened m boss", "mabus.tenders.ended t boss", "mabus.tenders.opened open boss", "mabus.tenders.opened t boss",
	}

	js := r.as(economics.DefaultOperator).JS
	cons, err := js.OrderedConsumer(t.Context(), "mabus_events", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"mabus.event.economics.>"}})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for len(told) < len(want) {
		msg, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err, told)
		}
		var e api.Event
		if err := codec.Decode(msg.Data(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Source != "/mabus/economics" || e.CorrelationID != e.Subject || e.Data != nil || e.Time.IsZero() {
			t.Errorf("%+v", e)
		}
		what := e.Type + " " + e.Subject + " " + e.Principal
		if id, again := told[what]; again && id != e.ID {
			t.Errorf("%s has the ids %s and %s", what, id, e.ID)
		}
		told[what] = e.ID
	}
	if got := slices.Sorted(maps.Keys(told)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

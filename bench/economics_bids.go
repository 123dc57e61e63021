package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	bidCallers = 64
	manyMore   = 512 // callers
	bidStep    = 100_000

	overloadPause = 5 * time.Millisecond
)

// hall is an english auction and what was bid in it.
type hall struct {
	s        *stall
	id       string
	price    atomic.Int64
	accepted atomic.Int64
	all      atomic.Int64
}

func (s *stall) openHall(kind api.AuctionType) (*hall, error) {
	h := &hall{s: s}
	hour := api.Duration(time.Hour)
	x, err := change(s, "owner", api.AuctionsCreate, &api.AuctionSpec{
		Type: kind, Item: []byte(`"a lot"`), MaxBidders: 10 * manyMore, Duration: &hour,
	})
	if err != nil {
		return nil, fmt.Errorf("open an auction: %w", err)
	}
	h.id = x.ID
	return h, nil
}

// bid bids a step above all bids that were sent before. One that was overtaken is refused, which is no error here. One that the log is too
// busy for is made again a little later, and its time is that of both.
func (h *hall) bid(ctx context.Context, caller int) error {
	for {
		price := api.Micro(h.price.Add(bidStep))
		_, err := change(h.s, trader(caller), api.AuctionsBid, &api.AuctionBidRequest{Auction: h.id, Price: &price})
		if api.CodeOf(err) == api.Overloaded && ctx.Err() == nil {
			time.Sleep(overloadPause)
			continue
		}
		h.all.Add(1)
		switch api.ReasonOf(err) {
		case "":
			if err == nil {
				h.accepted.Add(1)
			}
		case api.ReasonBidTooLow:
			return nil
		}
		return err
	}
}

// side is the load of callers who bid, and after it how many of their bids counted.
func (h *hall) side(name string, callers int, share *float64) side {
	return side{name, func(ctx context.Context, d time.Duration) (load, error) {
		accepted, all := h.accepted.Load(), h.all.Load()
		l, err := closed(ctx, callers, d, h.bid)
		*share = float64(h.accepted.Load()-accepted) / float64(max(h.all.Load()-all, 1))
		return l, err
	}}
}

func measureBids(ctx context.Context, r *run) error {
	s, err := r.openStall(ctx, "bids", manyMore)
	if err != nil {
		return err
	}
	defer s.close()
	h, err := s.openHall(api.AuctionEnglish)
	if err != nil {
		return err
	}
	sealed, err := s.openHall(api.AuctionVickrey)
	if err != nil {
		return err
	}
	for _, callers := range []int{bidCallers, manyMore} {
		var share, all float64
		sides := []side{{"nats", loop(callers, s.plain.echo)}, h.side("bids", callers, &share), sealed.side("sealed", callers, &all)}
		name := func(figure string) string { return fmt.Sprintf("%s_%d", figure, callers) }
		if err := r.rounds(ctx, fmt.Sprint(callers, " callers"), sides, func(l []load) {
			r.record(name("bid_echo_ops"), "ops/s", l[0].rate())
			r.record(name("bid_ops"), "ops/s", l[1].rate()*share)
			r.record(name("bid_ratio"), "ratio", l[1].rate()*share/l[0].rate())
			r.record(name("bid_commands_ratio"), "ratio", l[1].rate()/l[0].rate())
			r.record(name("bid_accepted"), "ratio", share)
			r.record(name("sealed_bid_ratio"), "ratio", l[2].rate()*all/l[0].rate())
			r.record(name("bid_p50"), "us", micros(l[1].p50))
			r.record(name("bid_p99"), "us", micros(l[1].p99))
			r.record(name("bid_added_cpu"), "us", l[1].cpuEach()-l[0].cpuEach())
		}); err != nil {
			return err
		}
	}
	return h.check()
}

// check compares what the auction says with what was answered.
func (h *hall) check() error {
	x, err := change(h.s, "owner", api.AuctionsGet, &api.GetRequest{ID: h.id})
	if err != nil {
		return err
	}
	if got, want := int64(x.Bids), h.accepted.Load(); got != want {
		return fmt.Errorf("the auction has %d bids after %d that were accepted", got, want)
	}
	return nil
}

func measureBidGrowth(ctx context.Context, r *run, bids int) error {
	s, err := r.openStall(ctx, "growth", manyMore)
	if err != nil {
		return err
	}
	defer s.close()
	old, err := s.openHall(api.AuctionEnglish)
	if err != nil {
		return err
	}
	begin := time.Now()
	for old.accepted.Load() < int64(bids) {
		if _, err := closed(ctx, manyMore, 200*time.Millisecond, old.bid); err != nil {
			return fmt.Errorf("fill the auction: %w", err)
		}
	}
	r.cfg.Progress(fmt.Sprintf("%-9s %-16s %d bids in %s", r.name, "the past", old.accepted.Load(), time.Since(begin).Round(time.Millisecond)))
	var young *hall
	var shares [2]float64
	fresh := side{"new", func(ctx context.Context, d time.Duration) (load, error) {
		var err error
		if young, err = s.openHall(api.AuctionEnglish); err != nil {
			return load{}, err
		}
		return young.side("new", bidCallers, &shares[0]).run(ctx, d)
	}}
	if err := r.rounds(ctx, fmt.Sprint("after ", bids), []side{fresh, old.side("old", bidCallers, &shares[1])}, func(l []load) {
		r.record("bid_new_p50", "us", micros(l[0].p50))
		r.record("bid_old_p50", "us", micros(l[1].p50))
		r.record("bid_growth", "ratio", l[0].rate()/l[1].rate())
	}); err != nil {
		return err
	}
	return old.check()
}

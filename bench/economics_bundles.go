package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/bundle/instances"
	"github.com/mabus-project/mabus/shared/api"
)

// measureBundles solves instances of all distributions.
func measureBundles(ctx context.Context, r *run, n int) error {
	for round := range r.cfg.Rounds {
		vcg, err := hardest(ctx, 12, 100, n, func(p *bundle.Problem) error {
			_, err := bundle.Solve(p, bundle.DefaultSteps)
			return err
		})
		if err != nil {
			return err
		}
		wdp, err := hardest(ctx, 30, 200, n, func(p *bundle.Problem) error {
			_, _, err := bundle.Determine(p, bundle.DefaultSteps)
			return err
		})
		if err != nil {
			return err
		}
		r.record("vcg_12x100_ms", "ms", micros(vcg)/1000)
		r.record("wdp_30x200_ms", "ms", micros(wdp)/1000)
		r.cfg.Progress(fmt.Sprintf("%-9s %-16s round %d of %d: %s, %s", r.name, "in memory", round+1, r.cfg.Rounds, vcg, wdp))
	}
	return nil
}

// hardest is the greatest of the distributions' median times.
func hardest(ctx context.Context, items, bids, n int, solve func(*bundle.Problem) error) (worst time.Duration, err error) {
	for _, kind := range instances.Kinds {
		var took []time.Duration
		for seed := range uint64(n) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			p := instances.Make(kind, items, bids, seed)
			begin := time.Now()
			if err := solve(p); err != nil {
				return 0, fmt.Errorf("%s, seed %d: %w", kind, seed, err)
			}
			took = append(took, time.Since(begin))
		}
		p50, _ := percentiles(took)
		worst = max(worst, p50)
	}
	return worst, nil
}

const neighbours = 4 // callers beside the winner determination

// measureNeighbour bids on an auction before and while the winners of a large one are determined.
func measureNeighbour(ctx context.Context, r *run) error {
	s, err := r.openStall(ctx, "neighbour", bundle.MaxBids)
	if err != nil {
		return err
	}
	defer s.close()
	h, err := s.openHall(api.AuctionEnglish)
	if err != nil {
		return err
	}
	var share float64
	quiet := h.side("alone", neighbours, &share)
	solved := 0
	beside := side{"beside", func(ctx context.Context, d time.Duration) (load, error) {
		id, err := s.openBundles()
		if err != nil {
			return load{}, err
		}
		inner, stop := context.WithCancel(ctx)
		defer stop()
		done := make(chan error, 1)
		go func() {
			_, err := change(s, "owner", api.AuctionsClose, &api.AuctionRequest{Auction: id})
			if err == nil {
				solved++
			}
			done <- err
		}()
		l, err := quiet.run(inner, d)
		if failed := <-done; err == nil {
			err = failed
		}
		return l, err
	}}
	return r.rounds(ctx, fmt.Sprint(neighbours, " callers"), []side{quiet, beside}, func(l []load) {
		r.record("other_auction_p99", "us", micros(l[0].p99))
		r.record("other_auction_p99_beside", "us", micros(l[1].p99))
		r.record("other_auction_p99_growth", "ratio", micros(l[1].p99)/micros(l[0].p99))
	})
}

// openBundles opens a combinatorial auction with as many bids as there may be.
func (s *stall) openBundles() (id string, err error) {
	p := instances.Make(instances.Regions, bundle.MaxItems, bundle.MaxBids, 1)
	hour := api.Duration(time.Hour)
	spec := &api.AuctionSpec{Type: api.AuctionCombinatorial, Duration: &hour, MaxBidders: bundle.MaxBids}
	for _, name := range p.Items {
		spec.Items = append(spec.Items, api.AuctionItem{Name: name})
	}
	x, err := change(s, "owner", api.AuctionsCreate, spec)
	if err != nil {
		return "", err
	}
	bidders := map[string]string{}
	for i := range p.Bids {
		b := &p.Bids[i]
		if bidders[b.Bidder] == "" {
			bidders[b.Bidder] = trader(len(bidders))
		}
		if _, err := change(s, bidders[b.Bidder], api.AuctionsBid, &api.AuctionBidRequest{Auction: x.ID, Items: p.Names(b.Items), Price: &b.Price}); err != nil {
			return "", fmt.Errorf("bid %d: %w", i, err)
		}
	}
	return x.ID, nil
}

// measureRestore has many commands carried out, and then starts a replica behind them.
func measureRestore(ctx context.Context, r *run, commands int) error {
	s, err := r.openStall(ctx, "restore", manyMore)
	if err != nil {
		return err
	}
	defer s.close()
	h, err := s.openHall(api.AuctionEnglish)
	if err != nil {
		return err
	}
	begin := time.Now()
	for h.all.Load() < int64(commands) {
		if _, err := closed(ctx, manyMore, time.Second, h.bid); err != nil {
			return fmt.Errorf("fill the log: %w", err)
		}
	}
	r.cfg.Progress(fmt.Sprintf("%-9s %-16s %d commands in %s", r.name, "the past", h.all.Load(), time.Since(begin).Round(time.Millisecond)))
	for range r.cfg.Rounds {
		before := len(s.cleanups)
		begin := time.Now()
		if err := s.replica(ctx); err != nil {
			return err
		}
		took := time.Since(begin)
		r.record("restore_1m_ms", "ms", micros(took)/1000)
		r.cfg.Progress(fmt.Sprintf("%-9s %-16s a replica answers after %s", r.name, "", took.Round(time.Millisecond)))
		for len(s.cleanups) > before { // it goes again, so that each starts alike
			last := len(s.cleanups) - 1
			s.cleanups[last]()
			s.cleanups = s.cleanups[:last]
		}
	}
	return h.check()
}

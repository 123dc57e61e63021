package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	barrierParties   = 200
	barrierConns     = 8  // connections that share the parties
	barrierTimes     = 20 // openings in a round
	barrierNamespace = "bench-barrier"
)

// measureBarrier takes the time in which a barrier of 200 opens: from the sending of the last arrival until all 200 have heard,
// by requests to a service in this process. A round's figure is the mean of its openings.
func measureBarrier(ctx context.Context, r *run) error {
	conns, stop, err := r.barrierService(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if _, err := openBarrier(ctx, conns); err != nil { // to warm up
		return err
	}
	for round := range r.cfg.Rounds {
		var sum time.Duration
		for range barrierTimes {
			took, err := openBarrier(ctx, conns)
			if err != nil {
				return err
			}
			sum += took
		}
		ms := float64(sum) / barrierTimes / float64(time.Millisecond)
		r.record("barrier200_ms", "ms", ms)
		r.cfg.Progress(fmt.Sprintf("%-9s %-16s round %d of %d: %.2f ms", r.name, "200 parties", round+1, r.cfg.Rounds, ms))
	}
	return nil
}

// barrierService starts a replica of the service on a connection of its own, and connections of clients.
func (r *run) barrierService(ctx context.Context) (conns []*rpc.Conn, stop func(), err error) {
	var stops []func()
	stop = func() {
		for i := range stops {
			stops[len(stops)-1-i]()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	for range barrierConns + 1 {
		c, err := rpc.Dial(ctx, rpc.Options{URL: r.cfg.URL, Namespace: barrierNamespace, Name: "mabus bench barrier"})
		if err != nil {
			return nil, nil, err
		}
		stops = append(stops, c.Close)
		conns = append(conns, c)
	}
	s, err := coordination.Start(ctx, conns[barrierConns], coordination.Config{})
	if err != nil {
		return nil, nil, err
	}
	stops = append(stops, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.Stop(ctx) // how it ended does not matter to the figures
	})
	return conns[:barrierConns], stop, nil
}

// openBarrier has all parties but one arrive, and returns how long after the last one's sending it took until all had heard.
func openBarrier(ctx context.Context, conns []*rpc.Conn) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	errs := make([]error, barrierParties)
	arrive := func(n int) {
		req := &api.BarrierArriveRequest{Name: "b", Parties: barrierParties, Member: fmt.Sprintf("m%d", n)}
		if _, errs[n] = rpc.Call(ctx, conns[n%len(conns)], api.BarriersArrive, req); errs[n] != nil {
			cancel() // nobody need wait any more
		}
	}
	var all sync.WaitGroup
	for n := range barrierParties - 1 {
		all.Go(func() { arrive(n) })
	}
	for {
		b, err := rpc.Call(ctx, conns[0], api.BarriersGet, &api.GetRequest{ID: "b"})
		if err == nil && len(b.Arrived) == barrierParties-1 {
			break
		}
		if ctx.Err() != nil {
			all.Wait()
			return 0, fmt.Errorf("not all have arrived: %w", errors.Join(errs...))
		}
	}
	begin := time.Now()
	arrive(barrierParties - 1)
	all.Wait()
	return time.Since(begin), errors.Join(errs...)
}

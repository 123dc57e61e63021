package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	growthNamespace = "bench-growth"
	fillCallers     = 256
	archivePause    = 20 * time.Millisecond
	archiveWait     = time.Minute // for the archive to have the last of them
)

// measureGrowth takes the time to start a session before and after many have ended.
func measureGrowth(ctx context.Context, r *run, past int) error {
	a, end, err := r.assemble(ctx, growthNamespace, majorityMembers)
	if err != nil {
		return err
	}
	defer end()
	var before []time.Duration
	if err := r.startings(ctx, a, "a new log", func(p50 time.Duration) { before = append(before, p50) }); err != nil {
		return err
	}
	first, _ := percentiles(before) // of the rounds' medians
	for _, p50 := range before {
		r.record("session_start_new_p50", "us", micros(p50))
	}
	begin := time.Now()
	if err := a.fill(ctx, past); err != nil {
		return fmt.Errorf("fill the past: %w", err)
	}
	r.cfg.Progress(fmt.Sprintf("%-9s %-16s %d sessions in %s", r.name, "the past", past, time.Since(begin).Round(time.Millisecond)))
	return r.startings(ctx, a, fmt.Sprintf("after %d", past), func(p50 time.Duration) {
		r.record("session_start_p50", "us", micros(p50))
		r.record("session_start_growth", "ratio", micros(p50)/micros(first))
	})
}

// startings gives the median time of starting a session in each round. The sessions run to their end, one after the other.
func (r *run) startings(ctx context.Context, a *assembly, what string, record func(p50 time.Duration)) error {
	start := func(ctx context.Context) (time.Duration, error) {
		begin := time.Now()
		x, err := a.client.Sessions.Start(ctx, a.majority())
		if err != nil {
			return 0, err
		}
		took := time.Since(begin)
		if x, err = a.client.Sessions.Wait(ctx, x.ID); err != nil {
			return 0, err
		}
		return took, agreed(x)
	}
	return r.rounds(ctx, what, []side{{"sessions", timed(start)}}, func(l []load) { record(l[0].p50) })
}

// fill has n sessions end, and waits until all that have ended are in the archive. They have no members, so that they complete as they
// start, and no request id, so that they need not be looked for in the archive first.
func (a *assembly) fill(ctx context.Context, n int) error {
	conn := a.client.Conn()
	group, inner := errgroup.WithContext(ctx)
	for caller := range fillCallers {
		group.Go(func() error {
			for i := caller; i < n; i += fillCallers {
				x, err := rpc.Call(inner, conn, api.SessionsStart, &api.SessionStartRequest{Type: api.SessionConsensus, Members: []string{}})
				if err != nil {
					return err
				}
				if err := completed(x); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return a.archived(ctx, n)
}

// archived waits until all sessions are in the archive, which are at least n.
func (a *assembly) archived(ctx context.Context, n int) error {
	stream, err := a.client.Conn().JS.Stream(ctx, api.Bucket(growthNamespace, "archive"))
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	for limit := time.Now().Add(archiveWait); ; {
		stats, err := a.client.Sessions.Stats(ctx)
		if err != nil {
			return err
		}
		info, err := stream.Info(ctx)
		if err != nil {
			return fmt.Errorf("look at the archive: %w", err)
		}
		switch got := info.State.Msgs; {
		case stats.Total < n:
			return fmt.Errorf("%d sessions have ended, and there are %d", n, stats.Total)
		case got == uint64(stats.Total):
			return nil
		case time.Now().After(limit):
			return fmt.Errorf("after %s the archive has %d of %d sessions", archiveWait, got, stats.Total)
		}
		select {
		case <-time.After(archivePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

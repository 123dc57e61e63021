package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	upsetAgents  = 10
	upsetCallers = 16
	upsetVictim  = 3
	greyFactor   = 20
	greyTime     = time.Second            // after which the fleet must be as quick as before
	failTime     = 500 * time.Millisecond // after which an agent that fails must have hardly anything
)

// timedCall is one call: when it began, since all did, and how long it took.
type timedCall struct {
	begin, took time.Duration
	failed      bool
}

// upset is what was seen of a fleet of which one agent changes.
type upset struct {
	before, between, after []timedCall
	share                  float64 // of the messages after, that the one had
}

// p99 returns the 99th percentile of the times of calls.
func p99(calls []timedCall) time.Duration {
	took := make([]time.Duration, len(calls))
	for i, c := range calls {
		took[i] = c.took
	}
	_, p := percentiles(took)
	return p
}

func measureGrey(ctx context.Context, r *run) error {
	change := func(m *moody) { m.work.Store(int64(greyFactor * herdWork)) }
	return r.upsets(ctx, "grey", change, greyTime, func(way string, u upset) error {
		healthy := p99(u.before)
		r.record("grey_p99_ratio"+way, "ratio", float64(p99(u.after))/float64(max(healthy, 1)))
		r.record("grey_healthy_p99_ms"+way, "ms", ms(healthy))
		r.record("grey_first_p99_ms"+way, "ms", ms(p99(u.between)))
		r.record("grey_p99_ms"+way, "ms", ms(p99(u.after)))
		r.record("grey_share"+way, "ratio", u.share)
		return nil
	})
}

func measureFastFail(ctx context.Context, r *run) error {
	change := func(m *moody) { m.fails.Store(true) }
	return r.upsets(ctx, "failing", change, failTime, func(way string, u upset) error {
		failed := 0
		for _, c := range u.between {
			if c.failed {
				failed++
			}
		}
		if failed == 0 {
			return errors.New("the agent that fails was not asked")
		}
		r.record("fast_fail_share"+way, "ratio", u.share)
		r.record("fast_fail_errors"+way, "ratio", float64(failed)/float64(len(u.between)))
		return nil
	})
}

// upsets has callers by the SDK and by the queue group take turns, each time with new agents and new connections.
func (r *run) upsets(ctx context.Context, name string, change func(*moody), settle time.Duration, record func(way string, u upset) error) error {
	h, err := r.openHerd(ctx, "lb-"+name)
	if err != nil {
		return err
	}
	defer h.close()
	work := slices.Repeat([]time.Duration{herdWork}, upsetAgents)
	for round := range r.cfg.Rounds {
		for _, way := range []string{"", "_queue"} {
			capability := fmt.Sprintf("%s%s-%d", name, strings.ReplaceAll(way, "_", "-"), round)
			if err := h.raise(ctx, capability, herdSlots, work...); err != nil {
				return err
			}
			if err := h.renew(ctx); err != nil {
				return err
			}
			ask := h.bySDK(capability)
			if way != "" {
				ask = h.bySubject(api.CapabilitySubject(h.ns, capability))
			}
			u, err := h.upset(ctx, ask, change, settle)
			if err != nil {
				return err
			}
			if err := record(way, u); err != nil {
				return err
			}
			r.cfg.Progress(fmt.Sprintf("%-9s %-16s round %d of %d: p99 before %s, then %s, after %s %s; its share after that %.4f", r.name, "10 agents"+way, round+1, r.cfg.Rounds,
				p99(u.before).Round(time.Microsecond), p99(u.between).Round(time.Microsecond), settle, p99(u.after).Round(time.Microsecond), u.share))
			if err := h.dismiss(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// upset has callers ask for a turn, changes one agent, and has them ask on until a turn has passed from settle after that on. On a slow machine
// each of these lasts until a call has begun and ended in it.
func (h *herd) upset(ctx context.Context, ask func(context.Context, int) error, change func(*moody), settle time.Duration) (u upset, err error) {
	turn := h.r.cfg.Duration
	warm := turn / 2 // the agents' loads become known, and the callers know whom there is
	victim := h.agents[upsetVictim]
	all := make([][]timedCall, upsetCallers)
	begin := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var over atomic.Bool
	var answered atomic.Int64
	some := func(d time.Duration) {
		was := answered.Load()
		for linger(ctx, d); ctx.Err() == nil && answered.Load() <= was+upsetCallers; {
			linger(ctx, time.Millisecond)
		}
	}
	var wg sync.WaitGroup
	for c := range upsetCallers {
		wg.Go(func() {
			for ctx.Err() == nil && !over.Load() {
				now := time.Since(begin)
				err := ask(ctx, c)
				if err != nil && !victim.fails.Load() {
					cancel(err)
					return
				}
				all[c] = append(all[c], timedCall{now, time.Since(begin) - now, err != nil})
				answered.Add(1)
			}
		})
	}
	linger(ctx, warm)
	warmed := time.Since(begin)
	some(turn)
	change(victim)
	changed := time.Since(begin)
	some(settle)
	settled := time.Since(begin)
	many, its := h.handled(upsetVictim)
	some(turn)
	over.Store(true)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return u, err
	}
	manyMore, itsMore := h.handled(upsetVictim)
	u.share = float64(itsMore-its) / float64(max(manyMore-many, 1))
	for _, c := range slices.Concat(all...) {
		switch {
		case c.begin < warmed:
		case c.begin+c.took < changed:
			u.before = append(u.before, c)
		case c.begin >= settled:
			u.after = append(u.after, c)
		case c.begin >= changed:
			u.between = append(u.between, c)
		}
	}
	return u, nil
}

// linger waits, or until ctx ends.
func linger(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

const (
	spreadAgents      = 100
	spreadAssignments = 500
	spreadReplicas    = 3
	spreadCallers     = 16
)

// newFlock returns a picker with equal members that have run for a while and whose hosts have told of them.
func newFlock(members int, cfg api.BalanceConfig) (*balance.Picker, error) {
	p, err := balance.New(cfg)
	if err != nil {
		return nil, err
	}
	for i := range members {
		p.Put(balance.Member{ID: fmt.Sprintf("agent-%05d", i), Capabilities: []string{"all"}, Host: fmt.Sprint("host-", i%50), Warm: true}, 0)
	}
	return p, nil
}

// tellLoads has all hosts tell of all members.
func tellLoads(p *balance.Picker, members int, now time.Duration) {
	for i := range min(50, members) {
		p.ObserveHost(fmt.Sprint("host-", i), balance.HostLoad{CPU: 0.5, Memory: 0.5}, now)
	}
	for i := range members {
		p.Observe(fmt.Sprintf("agent-%05d", i), balance.Load{Active: i % 5, Latency: time.Millisecond, CPU: -1}, now)
	}
}

// pickBatch is how many choices are made before they are done: reading the clock for each would cost more than a tenth of one.
const pickBatch = 64

// picked is the time that choices took, and that which tells that they are done.
type picked struct {
	load
	picks, dones time.Duration
	allocs       float64
}

// measurePick times choices.
func measurePick(ctx context.Context, r *run, members int) error {
	p, err := newFlock(members, api.DefaultBalanceConfig())
	if err != nil {
		return err
	}
	now := time.Duration(0)
	var last picked
	return r.rounds(ctx, fmt.Sprintf("%d members", members), []side{{"pick", func(_ context.Context, d time.Duration) (_ load, err error) {
		tellLoads(p, members, now)
		last, err = pickOften(p, d, &now)
		return last.load, err
	}}}, func([]load) {
		each := func(d time.Duration) float64 { return float64(d) / float64(last.ops) }
		r.record("pick_ns_10k", "ns", each(last.picks))
		r.record("pick_done_ns_10k", "ns", each(last.picks+last.dones))
		r.record("pick_cpu_ns_10k", "ns", each(last.cpu))
		r.record("pick_allocs_10k", "allocs", last.allocs)
	})
}

// pickOften chooses until d is over, by a clock that goes on by 100 ns each time.
func pickOften(p *balance.Picker, d time.Duration, now *time.Duration) (l picked, err error) {
	rnd := rand.New(rand.NewPCG(1, 2))
	required := []string{"all"}
	var batch [pickBatch]balance.Pick
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, begin := cpuTime(), time.Now()
	for at := begin; l.took < d; l.ops += pickBatch {
		for i := range batch {
			*now += 100
			if batch[i], err = p.Pick(balance.Request{Capabilities: required, Now: *now}, rnd.Uint64()); err != nil {
				return l, err
			}
		}
		chosen := time.Now()
		for i := range batch {
			p.Done(batch[i], balance.Outcome{Now: *now, Latency: time.Millisecond})
		}
		done := time.Now()
		l.picks += chosen.Sub(at)
		l.dones += done.Sub(chosen)
		l.took, at = done.Sub(begin), done
	}
	l.cpu = cpuTime() - cpu
	runtime.ReadMemStats(&after)
	l.allocs = math.Round(float64(after.Mallocs-before.Mallocs)/float64(l.ops)*100) / 100
	return l, nil
}

// spread is the most that anybody has over what each should have.
func spread(agents []string, of int) float64 {
	got := map[string]int{}
	most := 0
	for _, a := range agents {
		got[a]++
		most = max(most, got[a])
	}
	return float64(most) * float64(of) / float64(len(agents))
}

// measureSpread assigns tasks by each strategy, by the picker itself and by the service.
func measureSpread(ctx context.Context, r *run) error {
	h, err := r.openHerd(ctx, "lb-spread")
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.raise(ctx, "spread", herdSlots, slices.Repeat([]time.Duration{0}, spreadAgents)...); err != nil {
		return err
	}
	if err := h.balance(ctx, spreadReplicas); err != nil {
		return err
	}
	for round := range r.cfg.Rounds {
		worst := 0.0
		var told []string
		for _, strategy := range api.BalanceStrategies {
			alone, err := spreadAlone(strategy, uint64(round)) //nolint:gosec // a small number
			if err != nil {
				return err
			}
			served, err := h.spreadServed(ctx, strategy)
			if err != nil {
				return err
			}
			r.record("spread_"+string(strategy), "ratio", alone)
			r.record("spread_service_"+string(strategy), "ratio", served)
			worst = max(worst, alone, served)
			told = append(told, fmt.Sprintf("%s %.1f and %.1f", strategy, alone, served))
		}
		r.record("spread_max_over_mean", "ratio", worst)
		r.cfg.Progress(fmt.Sprintf("%-9s %-16s round %d of %d: %s", r.name, "100 agents", round+1, r.cfg.Rounds, strings.Join(told, ", ")))
	}
	return nil
}

// spreadAlone has one picker choose, a task each millisecond of its clock.
func spreadAlone(strategy api.BalanceStrategy, seed uint64) (float64, error) {
	cfg := api.DefaultBalanceConfig()
	cfg.Strategy = strategy
	p, err := newFlock(spreadAgents, cfg)
	if err != nil {
		return 0, err
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	var agents []string
	for i := range spreadAssignments {
		k, err := p.Pick(balance.Request{
			Capabilities: []string{"all"}, Key: key(strategy, i), Strategy: strategy, Now: time.Duration(i) * time.Millisecond,
		}, rnd.Uint64())
		if err != nil {
			return 0, fmt.Errorf("%s: %w", strategy, err)
		}
		agents = append(agents, k.ID)
	}
	return spread(agents, spreadAgents), nil
}

// key is that of a task, which consistent_hash alone wants.
func key(strategy api.BalanceStrategy, task int) string {
	if strategy != api.StrategyHash {
		return ""
	}
	return fmt.Sprint("task-", task)
}

// spreadServed has callers ask the service, and then tell it that all is done.
func (h *herd) spreadServed(ctx context.Context, strategy api.BalanceStrategy) (float64, error) {
	picks := make([]*api.Pick, spreadAssignments)
	each := func(do func(i int) error) error {
		errs := make([]error, spreadCallers)
		var wg sync.WaitGroup
		for c := range spreadCallers {
			wg.Go(func() {
				for i := c; i < spreadAssignments && errs[c] == nil; i += spreadCallers {
					errs[c] = do(i)
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return fmt.Errorf("%s: %w", strategy, err)
			}
		}
		return nil
	}
	err := each(func(i int) (err error) {
		picks[i], err = h.clients[i%len(h.clients)].Balancer.Pick(ctx, api.PickRequest{Capabilities: []string{"spread"}, Key: key(strategy, i), Strategy: strategy})
		return err
	})
	if err != nil {
		return 0, err
	}
	var agents []string
	for _, p := range picks {
		agents = append(agents, p.Agent)
	}
	err = each(func(i int) error { // all have taken the same time, so that the agents stay equal
		return h.clients[i%len(h.clients)].Balancer.Report(ctx, api.BalanceReport{Assignment: picks[i].Assignment, Latency: api.Duration(time.Millisecond)})
	})
	return spread(agents, spreadAgents), err
}

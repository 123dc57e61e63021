package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	drainAgents  = 100
	drainRate    = 5000 // calls a second
	drainCallers = 64
)

// keeper is the module of agents that count their messages, and keep the count wherever they run.
var keeper = agent.Module{Name: "bench-keeper", Doc: "Counts its messages.", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
	k := &keeping{}
	if env.State.Version > 0 {
		if err := codec.Read(env.State.Data, &k.n); err != nil {
			return nil, err
		}
	}
	return k, nil
}}

type keeping struct {
	mu sync.Mutex
	n  uint64
}

func (k *keeping) Handle(_ context.Context, _ *agent.Message) (json.RawMessage, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.n++
	return codec.Marshal(k.n)
}

func (k *keeping) State(context.Context) (json.RawMessage, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return codec.Marshal(k.n)
}

// traffic is calls to agents at a steady rate, which nobody may repeat.
type traffic struct {
	f      *fleet
	ids    []string
	calls  atomic.Int64
	failed atomic.Int64

	mu      sync.Mutex
	good    map[string]uint64        // answers by agent
	longest map[string]time.Duration // by agent, since the last reset
	errs    map[string]int
}

func (t *traffic) run(ctx context.Context) {
	var wg sync.WaitGroup
	every := time.Second * drainCallers / drainRate
	for range drainCallers {
		wg.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				t.call(t.ids[rand.IntN(len(t.ids))])
			}
		})
	}
	wg.Wait()
}

func (t *traffic) call(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	begin := time.Now()
	_, err := t.f.client.Call(ctx, id, struct{}{})
	took := time.Since(begin)
	t.calls.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed.Add(1)
		t.errs[fmt.Sprintf("%s (%s)", api.CodeOf(err), api.ReasonOf(err))]++
		return
	}
	t.good[id]++
	t.longest[id] = max(t.longest[id], took)
}

func (t *traffic) reset() {
	t.mu.Lock()
	clear(t.longest)
	t.mu.Unlock()
}

// measureDrain replaces every host of a fleet again and again while calls go on.
func measureDrain(ctx context.Context, r *run) error {
	rolls := 4 * r.cfg.Rounds
	f, err := r.newFleet(ctx, r.cfg.URL, "drain", 1, 3)
	if err != nil {
		return err
	}
	defer f.stop()
	ids, err := f.populate(ctx, drainAgents, func(id string) api.AgentSpec { return api.AgentSpec{ID: id, Module: keeper.Name} })
	if err != nil {
		return err
	}
	t := &traffic{f: f, ids: ids, good: map[string]uint64{}, longest: map[string]time.Duration{}, errs: map[string]int{}}
	load, end := context.WithCancel(ctx)
	var loading sync.WaitGroup
	loading.Go(func() { t.run(load) })
	defer func() { end(); loading.Wait() }()
	begin := time.Now()
	var waits []time.Duration
	for roll := range rolls {
		for _, host := range slices.Sorted(maps.Keys(f.hosts)) {
			moved, err := f.on(ctx, host)
			if err != nil {
				return err
			}
			if _, err := f.addHost(); err != nil {
				return err
			}
			t.reset()
			f.drain(host)
			t.mu.Lock()
			for _, id := range moved {
				waits = append(waits, t.longest[id])
			}
			t.mu.Unlock()
		}
		r.cfg.Progress(fmt.Sprintf("%-9s roll %d of %d: %d calls, %d failed, %d moves", r.name, roll+1, rolls, t.calls.Load(), t.failed.Load(), len(waits)))
	}
	seconds := time.Since(begin).Seconds()
	end()
	loading.Wait()
	if len(waits) == 0 {
		return errors.New("no agent has moved")
	}
	lost := 0.0
	for _, id := range ids {
		var n uint64
		answer, err := f.client.Call(ctx, id, struct{}{})
		if err == nil {
			err = codec.Read(answer, &n)
		}
		if err != nil {
			return err
		}
		lost += float64(max(t.good[id]+1, n) - n) // an answer that was given and is not in the state
	}
	p50, p99, most := quantiles(waits)
	r.record("drain_failed_requests", "", float64(t.failed.Load()))
	r.record("drain_lost_counts", "", lost)
	r.record("drain_calls", "", float64(t.calls.Load()))
	r.record("drain_calls_per_s", "1/s", float64(t.calls.Load())/seconds)
	r.record("drain_moves", "", float64(len(waits)))
	r.record("handover_p50_ms", "ms", ms(p50))
	r.record("handover_p99_ms", "ms", ms(p99))
	r.record("handover_max_ms", "ms", ms(most))
	for what, n := range t.errs {
		r.note(fmt.Sprintf("%d calls failed with %s", n, what))
	}
	return nil
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// hot is how many agents the reads of the mirror go to.
const hot = 1000

// measureMemory takes one sample: the agents are registered once.
func measureMemory(ctx context.Context, r *run) error {
	ro, err := r.fill(ctx)
	if err != nil {
		return err
	}
	r.record("bytes_per_agent", "bytes", ro.live)
	r.record("bytes_per_agent_loaded", "bytes", ro.loaded)
	r.cfg.Progress(fmt.Sprintf("%-9s %d agents: %.0f bytes each, %.0f in a replica that loaded them", r.name, r.cfg.Agents, ro.live, ro.loaded))
	return nil
}

// measureGet reads agents by request, any one of all that there are.
func measureGet(ctx context.Context, r *run) error {
	ro, err := r.fill(ctx)
	if err != nil {
		return err
	}
	get := func(ctx context.Context, _ int) error {
		_, err := ro.client.Agents.Get(ctx, api.GetRequest{ID: agentID(rand.IntN(r.cfg.Agents))})
		return err
	}
	for _, callers := range []int{1, 64} {
		if err := r.alone(ctx, "registry_get", callers, get); err != nil {
			return err
		}
	}
	return nil
}

// measureRegister registers agents that nobody knows yet.
func measureRegister(ctx context.Context, r *run) error {
	ro, err := r.fill(ctx)
	if err != nil {
		return err
	}
	var n atomic.Int64
	register := func(ctx context.Context, _ int) error {
		i := int(n.Add(1))
		_, err := ro.client.Agents.Register(ctx, likely(fmt.Sprintf("new-%d", i), i))
		return err
	}
	for _, callers := range []int{1, 64} {
		if err := r.alone(ctx, "registry_register", callers, register); err != nil {
			return err
		}
	}
	return nil
}

// alone measures an operation that has nothing to be set against.
func (r *run) alone(ctx context.Context, name string, callers int, op func(context.Context, int) error) error {
	return r.rounds(ctx, fmt.Sprintf("%d callers", callers), []side{{"mabus", loop(callers, op)}}, func(l []load) {
		r.record(fmt.Sprintf("%s_ops_%d", name, callers), "ops/s", l[0].rate())
		r.record(fmt.Sprintf("%s_p50_%d", name, callers), "us", micros(l[0].p50))
		r.record(fmt.Sprintf("%s_p99_%d", name, callers), "us", micros(l[0].p99))
	})
}

// measureMirror reads a hot thousand of all agents, in random order, from the SDK's mirror on one goroutine.
func measureMirror(ctx context.Context, r *run) error {
	ro, err := r.fill(ctx)
	if err != nil {
		return err
	}
	m, err := ro.client.MirrorAgents(ctx, client.MirrorOptions{})
	if err != nil {
		return err
	}
	defer m.Close()
	ids := make([]string, min(hot, r.cfg.Agents))
	for i, n := range rand.Perm(r.cfg.Agents)[:len(ids)] {
		ids[i] = agentID(n)
	}
	var allocs float64
	return r.rounds(ctx, "1 reader", []side{{"mirror", func(_ context.Context, d time.Duration) (l load, err error) {
		l, allocs, err = readMirror(m, ids, d)
		return l, err
	}}}, func(l []load) {
		r.record("mirror_get_ns", "ns", 1e9/l[0].rate())
		r.record("mirror_get_allocs", "allocs", allocs)
	})
}

// readMirror reads until d is over. The services in this process allocate a little meanwhile, so the allocations of each read
// are rounded to hundredths.
func readMirror(m *client.AgentMirror, ids []string, d time.Duration) (l load, allocs float64, err error) {
	order := make([]string, 1<<14)
	for i := range order {
		order[i] = ids[rand.IntN(len(ids))]
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for l.took < d {
		for _, id := range order {
			if _, ok := m.Get(id); !ok {
				return l, 0, errors.New("an agent is not in the mirror")
			}
		}
		l.ops += len(order)
		l.took = time.Since(begin)
	}
	runtime.ReadMemStats(&after)
	return l, math.Round(float64(after.Mallocs-before.Mallocs)/float64(l.ops)*100) / 100, nil
}

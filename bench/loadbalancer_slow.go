package bench

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// The members of which one is slow, and their callers.
const (
	slowCallers = 8
	slowWork    = 20 * time.Millisecond
	quickWork   = time.Millisecond
	quick       = 3 // the last one is slow
)

// measureSlowMember has callers of four kinds take turns.
func measureSlowMember(ctx context.Context, r *run) error {
	const capability = "slow"
	h, err := r.openHerd(ctx, "lb-slow")
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.raise(ctx, capability, 1, quickWork, quickWork, quickWork, slowWork); err != nil {
		return err
	}
	if err := h.balance(ctx, 1); err != nil {
		return err
	}
	var all, slow int64
	bySDK := loop(slowCallers, h.bySDK(capability))
	return r.rounds(ctx, "4 members", []side{
		{"oracle", loop(slowCallers, h.oracle())},
		{"sdk", func(ctx context.Context, d time.Duration) (load, error) {
			allBefore, slowBefore := h.handled(quick)
			l, err := bySDK(ctx, d)
			all, slow = h.handled(quick)
			all, slow = all-allBefore, slow-slowBefore
			return l, err
		}},
		{"routed", loop(slowCallers, h.bySubject(api.BalancedSubject(h.ns, capability)))},
		{"queue group", loop(slowCallers, h.bySubject(api.CapabilitySubject(h.ns, capability)))},
	}, func(l []load) {
		for i, way := range []string{"_oracle", "", "_routed", "_queue"} {
			r.record("slow_member"+way+"_ops", "ops/s", l[i].rate())
			r.record("slow_member"+way+"_p99_ms", "ms", ms(l[i].p99))
			if i > 0 {
				r.record("slow_member"+way+"_of_oracle", "ratio", l[i].rate()/l[0].rate())
			}
		}
		r.record("slow_member_share", "ratio", float64(slow)/float64(max(all, 1)))
	})
}

// oracle asks whichever of the quick agents has the fewest messages of all callers.
func (h *herd) oracle() func(ctx context.Context, caller int) error {
	var waiting [quick]atomic.Int64
	return func(ctx context.Context, caller int) error {
		best := caller % quick
		for i := range waiting {
			if waiting[i].Load() < waiting[best].Load() {
				best = i
			}
		}
		waiting[best].Add(1)
		defer waiting[best].Add(-1)
		_, err := h.clients[caller%len(h.clients)].Call(ctx, h.agents[best].id, payload)
		return err
	}
}

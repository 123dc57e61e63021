package loadbalancer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestAPickCountsUntilItsReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.outside(t, 2, "x")
	both := w.outside(t, 1, "both", "x", "y")[0]
	w.known(t, 3)
	p, err := w.Balancer.Pick(t.Context(), api.PickRequest{Capabilities: []string{"y", "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Agent != both || p.Subject != "mabus.agent."+both || p.Strategy != api.StrategyP2C || p.Assignment == "" || p.Until.Before(time.Now().Add(20*time.Second)) {
		t.Errorf("%+v", p)
	}
	m, err := w.Balancer.Member(t.Context(), both)
	if err != nil || m.Outstanding != 1 || m.Overloaded || m.Ejected || m.Reported || len(m.Capabilities) != 3 {
		t.Errorf("%+v, %v", m, err)
	}
	if err := w.Balancer.Report(t.Context(), api.BalanceReport{Assignment: p.Assignment, Latency: api.Duration(40 * time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	if m, err = w.Balancer.Member(t.Context(), both); err != nil || m.Outstanding != 0 || m.Latency.Std() < 20*time.Millisecond {
		t.Errorf("%+v, %v", m, err)
	}
	wantError(t, w.Balancer.Report(t.Context(), api.BalanceReport{Assignment: p.Assignment}), api.NotFound, api.ReasonAssignmentUnknown)
	wantError(t, w.Balancer.Report(t.Context(), api.BalanceReport{Assignment: "nobody-1"}), api.NotFound, api.ReasonAssignmentUnknown)
	wantError(t, w.Balancer.Report(t.Context(), api.BalanceReport{Assignment: "junk"}), api.NotFound, api.ReasonAssignmentUnknown)

	_, err = w.Balancer.Pick(t.Context(), api.PickRequest{Capabilities: []string{"x", "z"}})
	wantError(t, err, api.Unavailable, api.ReasonNoSuitableAgent)
	_, err = w.Balancer.Member(t.Context(), "nobody")
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)

	if _, err := w.Agents.Transition(t.Context(), api.AgentTransitionRequest{ID: both, Status: api.AgentStopped}); err != nil {
		t.Fatal(err)
	}
	w.known(t, 2) // an agent that has stopped is chosen no more
	_, err = w.Balancer.Pick(t.Context(), api.PickRequest{Capabilities: []string{"y"}})
	wantError(t, err, api.Unavailable, api.ReasonNoSuitableAgent)

	st, err := w.Balancer.Stats(t.Context())
	if err != nil || st.Total != 2 || st.Available != 2 || st.Assigned != 1 || st.Reports != 1 || st.Refused != 2 || st.Outstanding != 0 || st.CPU != nil || st.Replicas != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	h, err := w.Balancer.History(t.Context(), api.BalanceHistoryRequest{})
	if err != nil || len(h) != 1 || h[0].Agent != both || h[0].Assignment != p.Assignment {
		t.Errorf("%+v, %v", h, err)
	}
}

// Thresholds are obeyed, and are strict, as in the reference: 10 tasks, 0.9 and 1 GiB are fine, more are not.
func TestThresholdsAreObeyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.outside(t, 1, "x")[0]
	w.known(t, 1)
	w.configure(t, func(c *api.BalanceConfig) { c.Shed = true })
	pick := func() error {
		_, err := w.Balancer.Pick(t.Context(), api.PickRequest{Capabilities: []string{"x"}, Hold: api.Duration(time.Hour)})
		return err
	}
	for i := range 11 {
		if err := pick(); err != nil {
			t.Fatalf("with %d: %v", i, err)
		}
	}
	wantError(t, pick(), api.Overloaded, api.ReasonAllOverloaded)
	w.configure(t, func(c *api.BalanceConfig) { c.MaxActive = 11 })
	if err := pick(); err != nil {
		t.Error(err)
	}
	wantError(t, pick(), api.Overloaded, api.ReasonAllOverloaded)
	w.configure(t, func(c *api.BalanceConfig) { c.MaxActive = 1000 })

	tell := func(m api.AgentMetrics) {
		t.Helper()
		if err := w.Balancer.Report(t.Context(), api.BalanceReport{Agent: id, Metrics: &m}); err != nil {
			t.Fatal(err)
		}
	}
	cpu, memory := func(v api.Measure) api.AgentMetrics { return api.AgentMetrics{CPU: &v} }, func(v int64) api.AgentMetrics { return api.AgentMetrics{Memory: &v} }
	for _, c := range []struct {
		tell api.AgentMetrics
		over bool
	}{
		{cpu(0.9), false},
		{memory(1 << 30), false},
		{memory(1<<30 + 1), true},
		{cpu(0.5), true}, // it is merged: the memory stays as it was told
		{memory(1), false},
		{cpu(0.91), true},
		{memory(2), true},
		{cpu(0), false},
	} {
		tell(c.tell)
		if err := pick(); (api.ReasonOf(err) == api.ReasonAllOverloaded) != c.over {
			t.Errorf("after %+v: %v, want overloaded %v", c.tell, err, c.over)
		}
	}
	wantError(t, w.Balancer.Report(t.Context(), api.BalanceReport{Agent: "nobody", Metrics: &api.AgentMetrics{}}), api.NotFound, api.ReasonAgentNotFound)
}

func TestPickManyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.outside(t, 5, "x")
	w.known(t, 5)
	w.configure(t, func(c *api.BalanceConfig) { c.Shed = true })
	picks, err := w.Balancer.PickMany(t.Context(), api.PickManyRequest{PickRequest: api.PickRequest{Capabilities: []string{"x"}}, N: 5, Distinct: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range picks {
		seen[p.Agent] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d different agents of 5", len(seen))
	}
	_, err = w.Balancer.PickMany(t.Context(), api.PickManyRequest{PickRequest: api.PickRequest{Capabilities: []string{"x"}}, N: 6, Distinct: true})
	wantError(t, err, api.Unavailable, api.ReasonNoSuitableAgent)
	_, err = w.Balancer.PickMany(t.Context(), api.PickManyRequest{N: 100}) // 5 agents take 11 each at most
	wantError(t, err, api.Overloaded, api.ReasonAllOverloaded)
	if st, err := w.Balancer.Stats(t.Context()); err != nil || st.Outstanding != 5 || st.Assigned != 5 {
		t.Errorf("%+v, %v", st, err)
	}
	w.configure(t, func(c *api.BalanceConfig) { c.SlowStart = 0 })
	picks, err = w.Balancer.PickMany(t.Context(), api.PickManyRequest{PickRequest: api.PickRequest{Strategy: api.StrategyRoundRobin}, N: 25})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, p := range picks {
		counts[p.Agent]++
	}
	for id, n := range counts {
		if n != 5 {
			t.Errorf("%s has %d of 25, one after another", id, n)
		}
	}
}

func TestAHoldRunsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.outside(t, 1, "x")
	w.known(t, 1)
	p, err := w.Balancer.Pick(t.Context(), api.PickRequest{Hold: api.Duration(time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		st, err := w.Balancer.Stats(t.Context())
		return err == nil && st.Outstanding == 0 && st.Expired == 1
	}, "it counts no more")
	wantError(t, w.Balancer.Report(t.Context(), api.BalanceReport{Assignment: p.Assignment}), api.NotFound, api.ReasonAssignmentUnknown)
	if m, err := w.Balancer.Member(t.Context(), p.Agent); err != nil || m.Outstanding != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// Several replicas that know of their own picks alone still spread 500 of them over 100 equal agents, and any of them takes the
// reports of any assignment.
func TestReplicasSpreadTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.outside(t, 100, "x")
	w.known(t, 100)
	w.configure(t, func(c *api.BalanceConfig) { c.SlowStart = 0 }) // or those that were registered first get more
	var mu sync.Mutex
	counts, picks := map[string]int{}, make([]*api.Pick, 0, 500)
	makers := map[string]bool{}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 50 {
				p, err := w.Balancer.Pick(t.Context(), api.PickRequest{Capabilities: []string{"x"}, Hold: api.Duration(time.Hour)})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				counts[p.Agent]++
				picks = append(picks, p)
				maker, _, _ := strings.Cut(p.Assignment, "-")
				makers[maker] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	if most > 15 || len(makers) != 3 {
		t.Errorf("one of 100 agents has %d of %d picks, by %d replicas", most, len(picks), len(makers))
	}
	for _, p := range picks {
		if err := w.Balancer.Report(t.Context(), api.BalanceReport{Assignment: p.Assignment}); err != nil {
			t.Fatal(err)
		}
	}
	for range w.replicas { // whichever answers
		natstest.Eventually(t, patience, func() bool {
			st, err := w.Balancer.Stats(t.Context())
			return err == nil && st.Replicas == 3 && st.Assigned == 500 && st.Reports == 500 && st.Outstanding == 0
		}, "the replicas add up what they have done")
	}
	natstest.Eventually(t, patience, func() bool {
		h, err := w.Balancer.History(t.Context(), api.BalanceHistoryRequest{Limit: api.MaxBalanceHistory})
		return err == nil && len(h) == 500
	}, "each replica knows the history of all")
}

// What was assigned by a replica that dies is unknown to the others, and they go on.
func TestAReplicaDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.outside(t, 1, "x")
	w.known(t, 1)
	var lost *api.Pick
	natstest.Eventually(t, patience, func() bool {
		p, err := w.Balancer.Pick(t.Context(), api.PickRequest{Hold: api.Duration(time.Second)})
		if err == nil && strings.HasPrefix(p.Assignment, w.replicas[0].ID()) {
			lost = p
		}
		return lost != nil
	}, "the first replica has made a pick")
	w.replicas[0].cut()
	natstest.Eventually(t, patience, func() bool { // a request may have gone to the one that dies
		err := w.Balancer.Report(within(t, time.Second), api.BalanceReport{Assignment: lost.Assignment})
		return api.ReasonOf(err) == api.ReasonAssignmentUnknown
	}, "its assignment is unknown")
	natstest.Eventually(t, patience, func() bool { // the server may not know of its death yet, and have it asked
		_, err := w.Balancer.Pick(within(t, time.Second), api.PickRequest{})
		return err == nil
	}, "the other goes on")
	natstest.Eventually(t, patience, func() bool {
		st, err := w.Balancer.Stats(t.Context())
		return err == nil && st.Replicas == 1
	}, "the dead replica is forgotten")
}

func TestMembersArePaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.outside(t, 7, "x")
	w.outside(t, 2, "y")
	w.known(t, 9)
	var ids []string
	for m, err := range w.Balancer.AllMembers(t.Context(), api.BalanceListRequest{Capabilities: []string{"x"}, Limit: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
	}
	if fmt.Sprint(ids) != "[x000 x001 x002 x003 x004 x005 x006]" {
		t.Error(ids)
	}
}

package budgets_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestRace(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t).URL()
	stores := []*budgets.Store{open(t, url, 1), open(t, url, 1), open(t, url, 1)}
	race(t, stores, 8, 25, func() {})
}

// TestThreeServers: with three copies reads of followers are stale and innocent writes fail, which one server never shows.
func TestThreeServers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	cluster := natstest.StartCluster(t, 3)
	var stores []*budgets.Store
	for i := range 3 {
		stores = append(stores, open(t, cluster.URL(i), 3))
	}
	acknowledged(t, stores, 60)
	race(t, stores, 4, 10, func() {})
	// The death of the server that leads the bucket leaves it open what became of the writes that were under way.
	for i := range stores {
		stores[i] = open(t, cluster.URLs(), 3)
	}
	race(t, stores, 4, 10, func() {
		leader := -1 // for a moment there may be none
		natstest.Eventually(t, 20*time.Second, func() bool { leader = cluster.StreamLeader("KV_mabus_budgets"); return leader >= 0 }, "the bucket has a leader")
		cluster.StopNode(leader)
	})
}

// acknowledged: a cap holds for every call that begins after it was acknowledged, on any host.
func acknowledged(t *testing.T, stores []*budgets.Store, n int) {
	t.Helper()
	for i := range n {
		k := api.BudgetKey{Scope: api.BudgetJob, ID: fmt.Sprintf("ack%d", i)}
		set(t, stores[i%3], k, 10)
		c := budgets.Call{ID: "c1", Job: k.ID, Max: 11}
		if _, err := stores[(i+1)%3].Reserve(within(t, 10*time.Second), c); api.ReasonOf(err) != api.ReasonBudgetExhausted {
			t.Fatalf("after the cap was set: %v", err)
		}
		set(t, stores[(i+2)%3], k, 11)
		if _, err := stores[(i+1)%3].Reserve(within(t, 10*time.Second), c); err != nil {
			t.Fatalf("after it was raised: %v", err)
		}
	}
}

// race has callers of several hosts spend two budgets to the end. At no time do the calls that are under way and those that
// have ended pass a cap, and at the end each budget is what the calls say. Trouble comes in the middle.
func race(t *testing.T, stores []*budgets.Store, callers, rounds int, trouble func()) {
	t.Helper()
	for _, k := range []api.BudgetKey{namespace, agent} {
		if err := stores[0].Remove(within(t, 10*time.Second), api.Cause{}, &k); err != nil {
			t.Fatal(err)
		}
	}
	const most, cost = 10, 7
	share := api.Micro(len(stores)*callers*rounds*cost) / 3 * 2
	set(t, stores[0], namespace, share)
	set(t, stores[0], agent, share+5)
	ctx := within(t, 60*time.Second)
	var high, ended, refused atomic.Int64 // high: of calls under way by their maximum, and those that have ended by their cost
	var wg sync.WaitGroup
	for h, s := range stores {
		for n := range callers {
			wg.Go(func() {
				for i := 0; i < rounds; i++ {
					r, err := s.Reserve(ctx, budgets.Call{ID: fmt.Sprintf("c%d.%d.%d", h, n, i), Agent: "a1", Max: most})
					switch {
					case err == nil:
					case api.ReasonOf(err) == api.ReasonBudgetReserved:
						i-- // what is under way will end
						continue
					case api.ReasonOf(err) == api.ReasonBudgetExhausted:
						refused.Add(1)
						continue
					default:
						t.Error(err)
						return
					}
					if sum := high.Add(most); sum > int64(share) {
						t.Errorf("%d are spent or under way, and the cap is %d", sum, share)
					}
					high.Add(cost - most)
					if err := r.Settle(ctx, api.Usage{Cost: cost}); err != nil {
						t.Error(err)
					}
					if ended.Add(1) == int64(callers*rounds)/2 {
						trouble()
					}
				}
			})
		}
	}
	wg.Wait()
	for _, k := range []api.BudgetKey{namespace, agent} {
		check(t, stores[0], k, api.Micro(ended.Load()*cost), 0, 0)
	}
	if ended.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d calls and %d refusals prove nothing", ended.Load(), refused.Load())
	}
	if b := get(t, stores[0], namespace); b.Cap-b.Spent >= most || !b.Exhausted {
		t.Errorf("it was not spent to the end: %+v", b)
	}
}

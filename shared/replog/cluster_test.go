package replog_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The node that leads the stream stops under load: what was answered is there once, and what is asked again is not done again.
func TestStreamLeaderStops(t *testing.T) {
	t.Parallel()
	c := natstest.StartCluster(t, 3)
	cfg := base()
	cfg.Replicas = 3
	ls := three(t, c.URLs(), cfg)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	const callers = 12
	counts := make([]int, callers)
	for n := range callers {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				cmd := add("a", 1)
				cmd.Principal, cmd.ID, cmd.Hash = fmt.Sprint("p", n), fmt.Sprint(i), fmt.Sprint(i)
				natstest.Eventually(t, 2*patience, func() bool {
					_, err := ls[(n+i)%3].Do(within(t, 3*time.Second), cmd)
					if e := api.AsError(err); err != nil && (e == nil || e.Code != api.Unavailable && e.Code != api.DeadlineExceeded) {
						t.Error(err)
					}
					return err == nil
				}, "command %d of caller %d is answered", i, n)
				counts[n]++
			}
		})
	}
	at := func(seq uint64) {
		t.Helper()
		natstest.Eventually(t, 2*patience, func() bool { return ls[0].Status().Seq >= seq }, "the log goes on to %d", seq)
	}
	at(200)
	leader := -1
	natstest.Eventually(t, 2*patience, func() bool { leader = c.StreamLeader(ls[0].Stream()); return leader >= 0 }, "a node leads the stream")
	c.StopNode(leader)
	at(ls[0].Status().Seq + 200)
	c.StartNode(t, leader)
	at(ls[0].Status().Seq + 200)
	close(stop)
	wg.Wait()
	serves(t, ls...)
	equal(t, ls...)
	var sum int
	for _, n := range counts {
		sum += n
	}
	if got := look(t, ls[0], func(s *accounts) int { return s.Counters["a"] }); got != sum {
		t.Errorf("%d were done, and %d answered", got, sum)
	}
	for name, n := range look(t, ls[1], func(s *accounts) map[string]int { return s.Done }) {
		if n != 1 {
			t.Errorf("%s was done %d times", name, n)
		}
	}
}

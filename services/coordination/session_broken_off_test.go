package coordination_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A replica that reaches no members stops while it still tries: another asks them, and nobody has failed because the first was broken off.
func TestWhoAsksIsStopped(t *testing.T) {
	t.Parallel()
	h := newHall(t, 0)
	var mu sync.Mutex
	tried := map[string]bool{}
	prefix := api.AgentSubject(h.desk.Namespace, "")
	_, stop := replica(t, natstest.Refuse(t, h.url, func(subject string) natstest.Refusal {
		id, ok := strings.CutPrefix(subject, prefix)
		if !ok {
			return natstest.Pass
		}
		mu.Lock()
		defer mu.Unlock()
		tried[id] = true
		return natstest.NoLeader
	}), quiet)
	h.replica(t, coordination.Config{})
	ids := make([]string, 40)
	for i := range ids {
		ids[i] = fmt.Sprintf("m%d", i)
	}
	members := h.members(t, always("yes"), ids...)
	sessions := make([]*api.Session, len(ids))
	var starts sync.WaitGroup
	for i, id := range ids {
		starts.Go(func() {
			x, err := h.Sessions.Start(until(t), vote(id))
			if err != nil {
				t.Error(err)
				return
			}
			sessions[i] = x
		})
	}
	starts.Wait()
	if t.Failed() {
		return
	}
	natstest.Eventually(t, patience, func() bool {
		mu.Lock()
		defer mu.Unlock()
		for id, m := range members {
			if !tried[id] && len(m.counted()) == 0 {
				return false
			}
		}
		return true
	}, "all are being asked")
	stop()
	for i, x := range sessions {
		x = h.over(t, x.ID)
		// One that could not be reached for as long as it is tried has failed by right, on a machine that is so slow.
		if a := asks(x, 1)[ids[i]]; a.State == api.AskFailed && x.EndedAt.Sub(x.StartedAt) < 3*time.Second {
			t.Errorf("%s has failed after %s: %s", a.Member, x.EndedAt.Sub(x.StartedAt), a.Error)
		}
	}
}

package agenthost_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Members of one group crash, fail to start, are stopped and are started by several at once. Whatever comes of it, afterwards
// each of them can be started, answers, and stops.
func TestGroupInTurmoil(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, tr := w.troupe(t)
	many, one := 1000, 1
	strategies := []api.GroupStrategy{api.OneForAll, api.RestForOne, api.OneForOne, api.RestForOne, api.OneForAll}
	var ids []string
	for i, strategy := range strategies {
		spec := actorSpec(fmt.Sprintf("m%d", i), strategy)
		spec.MaxRestarts, spec.MaxSeconds, spec.Shutdown = &many, &one, api.Duration(500*time.Millisecond)
		w.start(t, spec)
		ids = append(ids, spec.ID)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(worker)))
			for range 15 {
				id := ids[rnd.IntN(len(ids))]
				ctx := within(t, patience)
				var err error
				switch rnd.IntN(5) {
				case 0, 1:
					_, err = w.Call(ctx, id, order{Do: "panic"})
				case 2:
					tr.fail(id, 1)
					_, err = w.Call(ctx, id, order{Do: "panic"})
				case 3:
					_, err = w.Agents.Stop(ctx, id)
				case 4:
					_, err = w.Agents.Start(ctx, api.AgentStartRequest{ID: id})
				}
				switch api.CodeOf(err) { // what may come of it when several do so
				case "", api.Unavailable, api.NotFound, api.Conflict, api.FailedPrecondition:
				default:
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		tr.fail(id, 0)
	}
	for _, id := range ids {
		// What the registry tells may be a moment old, so each is started, whatever became of it last.
		if _, err := w.Agents.Start(within(t, patience), api.AgentStartRequest{ID: id}); err != nil && api.ReasonOf(err) != api.ReasonAlreadyRunning {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range ids {
		w.ask(t, id, order{Do: "list"}, "[]")
		w.eventually(t, id, status(api.AgentRunning), id+" runs")
	}
	for _, id := range ids {
		if a, err := w.Agents.Stop(within(t, patience), id); err != nil || a.Status != api.AgentStopped {
			t.Errorf("%s: %+v, %v", id, a, err)
		}
	}
}

// The end of one member, and of the host, in the middle of a restart.
func TestStopDuringTheRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, tr := w.troupe(t)
	for _, id := range []string{"a", "b", "c"} {
		w.start(t, actorSpec(id, api.OneForAll))
	}
	release := tr.hang("a")
	defer release()
	w.crash(t, "c")
	natstest.Eventually(t, patience, func() bool { return strings.HasSuffix(strings.Join(tr.peek(), ","), "new a") }, "a is being made")
	if a, err := w.Agents.Stop(within(t, patience), "c"); err != nil || a.Status != api.AgentStopped {
		t.Fatalf("%+v, %v", a, err)
	}
	release()
	for _, id := range []string{"a", "b"} {
		w.ask(t, id, order{Do: "list"}, "[]")
	}
	again := tr.hang("b")
	defer again()
	tr.seen() // b was made last, before this
	w.crash(t, "a")
	natstest.Eventually(t, patience, func() bool { return strings.HasSuffix(strings.Join(tr.peek(), ","), "new b") }, "b is being made")
	h.stop()
	for _, id := range []string{"a", "b"} {
		w.eventually(t, id, status(api.AgentStopped), "it is stopped with its host")
	}
}

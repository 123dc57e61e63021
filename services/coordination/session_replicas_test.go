package coordination_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// once checks that each question has come once to each member, or at most so often.
func once(t testing.TB, members map[string]*member, sessions []*api.Session, most int) {
	t.Helper()
	want := map[string]map[string]bool{}
	for _, x := range sessions {
		for _, r := range x.Rounds {
			for _, a := range r.Asks {
				if want[a.Member] == nil {
					want[a.Member] = map[string]bool{}
				}
				want[a.Member][fmt.Sprintf("%s/%d", x.ID, r.Number)] = true
			}
		}
	}
	for id, m := range members {
		got := m.counted()
		for q := range want[id] {
			if n := got[q]; n < 1 || n > most {
				t.Errorf("%s was asked %s %d times, want 1 to %d", id, q, n, most)
			}
		}
		for q := range got {
			if !want[id][q] {
				t.Errorf("%s was asked %s, which is in no transcript", id, q)
			}
		}
	}
}

// Fifty sessions of three at the same time all come to their end in five seconds; each member is asked each question once, whatever
// the number of replicas.
func TestFiftySessionsAtOnce(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			h := newHall(t, replicas)
			members := h.members(t, always("yes"), "a", "b", "c")
			sessions := make([]*api.Session, 50)
			var wg sync.WaitGroup
			var ended atomic.Int64
			for i := range sessions {
				wg.Go(func() {
					r := vote("a", "b", "c")
					r.Algorithm, r.Params = api.BallotMajority, json.RawMessage(`{"min_turnout":1}`) // which waits for all three
					x, err := h.Sessions.Run(until(t), r)
					if err != nil {
						t.Error(err)
						return
					}
					sessions[i] = x
					ended.Add(1)
				})
			}
			natstest.Eventually(t, atOnce, func() bool { return ended.Load() == 50 || t.Failed() }, "all have ended")
			wg.Wait()
			if t.Failed() {
				return
			}
			for _, x := range sessions {
				if got := result[api.BallotResult](t, x); got.Participants != 3 || !got.ConsensusReached {
					t.Errorf("%+v", got)
				}
			}
			once(t, members, sessions, 1)
			natstest.Eventually(t, patience, func() bool { // the replica that is asked may be a moment behind the one that told of the end
				s, err := h.Sessions.Stats(until(t))
				return err == nil && s.Total == 50 && s.Types[0].Completed == 50 && s.Types[0].Answered == 150
			}, "all are counted once")
		})
	}
}

// A hundred sessions one after another leave nothing behind in memory: less than 10 MB, as the reference had it.
func TestAHundredSessionsInARow(t *testing.T) {
	h := newHall(t, 1)
	h.members(t, always("yes"), "a", "b", "c")
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for range 10 {
		h.hold(t, vote("a", "b", "c"))
	}
	before := inUse()
	last := ""
	for i := range 100 {
		x := h.hold(t, vote("a", "b", "c"))
		if last = x.ID; x.State != api.SessionCompleted {
			t.Fatalf("session %d: %+v", i, x)
		}
	}
	h.archived(t, last)
	if grown := inUse() - before; grown > 10<<20 {
		t.Errorf("the process has %d bytes more than before", grown)
	}
	if s, err := h.Sessions.Stats(until(t)); err != nil || s.Total != 110 || s.Active != 0 || s.Types[0].Completed != 110 || s.Types[0].Duration <= 0 || s.Types[0].Longest < s.Types[0].Duration {
		t.Errorf("%+v, %v", s, err)
	}
}

// A start that is repeated, with its request id or its own, is the same session on every replica; and so it is when the session has
// been archived.
func TestARepeatedStart(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	members := h.members(t, always("yes"), "a", "b")
	named := vote("a", "b")
	named.ID = "named"
	starts := map[string]func() (*api.Session, error){
		"by request id": func() (*api.Session, error) {
			return h.Sessions.Start(client.WithRequestID(until(t), "r1"), vote("a", "b"))
		},
		"by id": func() (*api.Session, error) { return h.Sessions.Start(until(t), named) },
	}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			got := make([]*api.Session, 12)
			for i := range got {
				wg.Go(func() {
					x, err := start()
					if err != nil {
						t.Error(err)
						return
					}
					got[i] = x
				})
			}
			wg.Wait()
			if t.Failed() {
				return
			}
			for _, x := range got {
				if x.ID != got[0].ID || !x.StartedAt.Equal(got[0].StartedAt) {
					t.Errorf("%s at %s, want %s at %s", x.ID, x.StartedAt, got[0].ID, got[0].StartedAt)
				}
			}
			x := h.over(t, got[0].ID)
			h.archived(t, x.ID)
			for range 6 {
				if again, err := start(); err != nil || again.Head != x.Head {
					t.Errorf("when it is archived: %+v, %v", again, err)
				}
			}
			for id, m := range members {
				if n := m.counted()[x.ID+"/1"]; n != 1 {
					t.Errorf("%s was asked %d times", id, n)
				}
			}
		})
	}
	_, err := h.Sessions.Start(client.WithRequestID(until(t), "r1"), vote("a"))
	if api.CodeOf(err) != api.Conflict {
		t.Errorf("another body under the same request id: %v", err)
	}
	natstest.Eventually(t, patience, func() bool { // the replica that is asked may be a moment behind
		s, err := h.Sessions.Stats(until(t))
		return err == nil && s.Total == 2
	}, "both are counted once")
}

// When a replica stops in good order, the sessions of all others and its own go on, and nobody is asked twice.
func TestAReplicaStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	gate := make(chan struct{})
	members := h.members(t, func(string, *api.SessionQuestion) any {
		<-gate
		return "yes"
	}, "a", "b", "c", "d", "e", "f")
	var open []string
	for range 20 {
		r := vote("a", "b", "c", "d", "e", "f")
		r.Params, r.Timeout = json.RawMessage(`{"min_turnout":1}`), api.Duration(2*patience)
		open = append(open, h.open(t, r).ID)
	}
	followed := make(chan []api.SessionStep, 1)
	go func() {
		var steps []api.SessionStep
		for {
			resp, err := rpc.Call(t.Context(), h.conn, api.SessionsFollow, &api.SessionFollowRequest{ID: open[0], After: len(steps), Wait: api.Duration(2 * time.Second)})
			if api.CodeOf(err) == api.Unavailable || api.CodeOf(err) == api.DeadlineExceeded {
				continue
			}
			if err != nil {
				followed <- nil
				return
			}
			if steps = append(steps, resp.Steps...); resp.Session != nil {
				followed <- steps
				return
			}
		}
	}()
	h.stops[0]()
	close(gate)
	var sessions []*api.Session
	for _, id := range open {
		x := h.over(t, id)
		if got := result[api.BallotResult](t, x); got.Participants != 6 || x.Stats.Failed != 0 || x.Stats.Silent != 0 {
			t.Errorf("%+v, %+v", got, x.Stats)
		}
		sessions = append(sessions, h.verify(t, id))
	}
	once(t, members, sessions, 2) // what the stopped one had begun to ask another may ask again: then the first answer counts
	steps := <-followed
	for i, s := range steps {
		if s.Number != i+1 {
			t.Errorf("step %d is numbered %d", i+1, s.Number)
		}
	}
	if n := len(steps); n == 0 || steps[n-1].What != string(api.SessionCompleted) {
		t.Errorf("followed %+v", steps)
	}
}

// Three NATS nodes, of which the leader of the log dies in the middle.
func TestSessionsOnThreeServers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	cluster := natstest.StartCluster(t, 3)
	h := newHallAt(t, cluster.URLs(), 3, coordination.Config{Replicas: 3})
	gate := make(chan struct{})
	members := h.members(t, func(_ string, q *api.SessionQuestion) any {
		if q.Session[0] == 'w' {
			<-gate
		}
		return "yes"
	}, "a", "b", "c")
	var before []string
	for i := range 8 {
		r := vote("a", "b", "c")
		r.ID, r.Params, r.Timeout = fmt.Sprintf("s%d", i), json.RawMessage(`{"min_turnout":1}`), api.Duration(4*patience)
		before = append(before, r.ID)
		h.open(t, r)
	}
	for _, id := range before {
		if x := h.over(t, id); x.State != api.SessionCompleted {
			t.Errorf("%+v", x)
		}
	}
	for i := range 4 {
		r := vote("a", "b", "c")
		r.ID, r.Params, r.Timeout = fmt.Sprintf("w%d", i), json.RawMessage(`{"min_turnout":1}`), api.Duration(4*patience)
		before = append(before, r.ID)
		h.open(t, r)
	}
	leader := -1
	natstest.Eventually(t, 2*patience, func() bool { leader = cluster.StreamLeader("mabus_log_coordination"); return leader >= 0 }, "a server leads the log")
	cluster.StopNode(leader)
	close(gate)
	var sessions []*api.Session
	for _, id := range before {
		var x *api.Session
		natstest.Eventually(t, 3*patience, func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			var err error
			x, err = h.Sessions.Get(ctx, id)
			return err == nil && x.State != api.SessionActive
		}, "session %s is over", id)
		if got := result[api.BallotResult](t, x); got.Participants != 3 {
			t.Errorf("%s: %+v", id, got)
		}
		sessions = append(sessions, x)
	}
	once(t, members, sessions, 2)
	again := vote("a", "b", "c")
	again.ID, again.Params, again.Timeout = "s0", json.RawMessage(`{"min_turnout":1}`), api.Duration(4*patience)
	natstest.Eventually(t, 2*patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		x, err := h.Sessions.Start(ctx, again)
		return err == nil && x.Head == sessions[0].Head
	}, "a start that is repeated is the same session still")
}

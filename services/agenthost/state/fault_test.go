package state_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/state"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A host dies after each step of a save: the next one finds the state before or the state after, and nothing is left behind
// once it has saved.
func TestDeathAtEachStep(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][2]int{{0, 10}, {10, 20}, {10, 1 << 20}, {1 << 20, 2 << 20}, {1 << 20, 10}, {0, 1 << 20}} {
		for n := 1; ; n++ {
			w := newWorld(t)
			s := w.store(t)
			h, _ := load(t, s, w.claim(t))
			before, version := "", uint64(0)
			if sizes[0] > 0 {
				before = text(sizes[0])
				version = save(t, h, before)
			}
			step, at := 0, ""
			s.OnStep(func(name string) error {
				if step++; step == n {
					at = name
					return errDied
				}
				return nil
			})
			_, err := h.Save(within(t), json.RawMessage(text(sizes[1])))
			if err == nil {
				break // there is no such step
			}
			if !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			next, st := load(t, w.store(t), w.claim(t))
			if string(st.Data) != before || st.Version != version {
				wantState(t, st, version+1, text(sizes[1]))
			}
			save(t, next, `1`)
			save(t, next, `2`)
			if n := w.kept(t); n > 2 {
				t.Errorf("%v, death at step %d (%s): %d messages are kept", sizes, step, at, n)
			}
		}
	}
}

// The same instance goes on after saves whose outcome it never heard, which may come to the store later: what a save says is
// stored is what is stored.
func TestSavesThatAreGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, _ := load(t, w.store(t), w.claim(t))
	kv, err := w.c.Conn().JS.KeyValue(within(t), "mabus_state")
	if err != nil {
		t.Fatal(err)
	}
	last := save(t, h, `0`)
	given := 0
	for n := 1; n <= 400; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(400))*time.Microsecond)
		_, err := h.Save(ctx, json.RawMessage(strconv.Itoa(-n)))
		cancel()
		switch {
		case err == nil:
		case api.CodeOf(err) == api.Unavailable:
			given++
		default:
			t.Fatalf("save %d: %v", n, err)
		}
		v := save(t, h, strconv.Itoa(n))
		if v != last+1 && v != last+2 {
			t.Fatalf("save %d has version %d after %d", n, v, last)
		}
		last = v
		e, err := kv.Get(within(t), "a")
		if err != nil || !strings.Contains(string(e.Value()), fmt.Sprintf(`"data":%d`, n)) {
			t.Fatalf("after save %d there is %s, %v", n, e.Value(), err)
		}
	}
	if given == 0 {
		t.Error("every save was in time")
	}
}

// relay has claims follow one another, each of which saves until it is fenced by the next: what a claim was told is stored
// is there for the next, and nothing of it after that.
func relay(t *testing.T, w *world, claims int, disturb func(n int)) {
	t.Helper()
	stores := []*state.Store{w.store(t), w.store(t), w.store(t)}
	type saved struct{ acked uint64 }
	var wg sync.WaitGroup
	results := make([]saved, claims)
	loaded := make([]uint64, claims)
	for n := range claims {
		h, st := load(t, stores[n%3], w.claim(t))
		loaded[n] = st.Version
		if st.Version > 0 && string(st.Data) == "" {
			t.Fatalf("claim %d got version %d without data", n, st.Version)
		}
		first := make(chan struct{})
		wg.Go(func() {
			r := &results[n]
			for i := 0; ; i++ {
				v, err := h.Save(longer(t), fmt.Appendf(nil, `{"claim":%d,"n":%d,"x":%s}`, n, i, text(1000*(i%100))))
				if i == 0 {
					close(first)
				}
				if api.ReasonOf(err) == api.ReasonStaleState {
					return
				}
				if err != nil {
					t.Errorf("claim %d: %v", n, err)
					return
				}
				if v <= r.acked {
					t.Errorf("claim %d: version %d after %d", n, v, r.acked)
				}
				r.acked = v
			}
		})
		<-first
		disturb(n)
	}
	h, st := load(t, w.store(t), w.claim(t))
	loaded = append(loaded, st.Version)
	save(t, h, `"end"`)
	wg.Wait()
	for n, r := range results {
		// A save that was stored but whose answer was to come may count too, so the version loaded is at least that acknowledged.
		if next := loaded[n+1]; r.acked > next || r.acked < loaded[n] && r.acked > 0 || next > r.acked+1 {
			t.Errorf("claim %d began at version %d and was told of %d, the next began at %d", n, loaded[n], r.acked, next)
		}
	}
	if _, st := load(t, w.store(t), w.claim(t)); string(st.Data) != `"end"` {
		t.Errorf("an older claim has saved after the last: %.60s", st.Data)
	}
}

func TestClaimsInARace(t *testing.T) {
	t.Parallel()
	relay(t, newWorld(t), 12, func(int) {})
}

func TestClaimsInARaceOverRestarts(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	relay(t, newWorldOn(t, srv.URL(), 1), 4, func(n int) {
		if n%2 == 1 {
			srv.Restart(t)
		}
	})
}

func TestClaimsInARaceOnThreeServers(t *testing.T) {
	t.Parallel()
	cluster := natstest.StartCluster(t, 3)
	relay(t, newWorldOn(t, cluster.URLs(), 3), 6, func(n int) {
		if n == 3 {
			lead := -1 // for a moment there may be none
			natstest.Eventually(t, 2*patience, func() bool { lead = cluster.StreamLeader("KV_mabus_state"); return lead >= 0 }, "somebody leads the bucket")
			cluster.StopNode(lead)
			natstest.Eventually(t, 2*patience, func() bool { return cluster.StreamLeader("KV_mabus_state") >= 0 }, "another leads")
			cluster.StartNode(t, lead)
		}
	})
}

// A save that begins while NATS is away ends when it is back.
func TestASaveRidesOutAnOutage(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	w := newWorldOn(t, srv.URL(), 1)
	c := w.claim(t)
	h, _ := load(t, w.store(t), c)
	save(t, h, `1`)
	srv.Stop()
	done := make(chan error, 1)
	go func() {
		_, err := h.Save(within(t), json.RawMessage(`2`))
		done <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Save(ctx, json.RawMessage(`3`)); api.CodeOf(err) != api.Unavailable {
		t.Errorf("got %v", err)
	}
	srv.Restart(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	_, st := load(t, w.store(t), c)
	if string(st.Data) != `2` || st.Version > 3 { // the 3 may have come to its turn first
		wantState(t, st, 2, `2`)
	}
}

// longer is time for two elections.
func longer(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	return ctx
}

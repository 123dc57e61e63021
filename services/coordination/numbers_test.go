package coordination_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestCounter(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	if got := must(t, c, api.CountersGet, api.GetRequest{ID: "c"}); got.Value != 0 || got.Name != "c" {
		t.Errorf("before: %+v", got)
	}
	if got := must(t, c, api.CountersAdd, api.CounterAddRequest{Name: "c"}); got.Value != 1 || got.Revision == "" {
		t.Errorf("got %+v", got)
	}
	most, down := int64(math.MaxInt64), int64(-3)
	refused(t, c, api.CountersAdd, api.CounterAddRequest{Name: "c", By: &most}, api.FailedPrecondition, "")
	if got := must(t, c, api.CountersAdd, api.CounterAddRequest{Name: "c", By: &down}); got.Value != -2 {
		t.Errorf("got %+v", got)
	}
	first, err := callID(t, c, "r1", api.CountersAdd, api.CounterAddRequest{Name: "c"})
	if err != nil || first.Value != -1 {
		t.Fatalf("got %+v, %v", first, err)
	}
	must(t, c, api.CountersAdd, api.CounterAddRequest{Name: "c"})
	if again, err := callID(t, c, "r1", api.CountersAdd, api.CounterAddRequest{Name: "c"}); err != nil || cmp.Diff(first, again) != "" {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	got := must(t, c, api.CountersGet, api.GetRequest{ID: "c", MinRevision: first.Revision})
	if got.Value != 0 {
		t.Errorf("got %+v", got)
	}
	if gone := must(t, c, api.CountersRemove, api.DeregisterRequest{ID: "c"}); !gone.Existed {
		t.Errorf("got %+v", gone)
	}
	if gone := must(t, c, api.CountersRemove, api.DeregisterRequest{ID: "c"}); gone.Existed {
		t.Errorf("got %+v", gone)
	}
	if got := must(t, c, api.CountersAdd, api.CounterAddRequest{Name: "c"}); got.Value != 1 {
		t.Errorf("anew: %+v", got)
	}
	refused(t, c, api.CountersGet, api.GetRequest{ID: "c", MinRevision: "AQEBeA"}, api.FailedPrecondition, api.ReasonForeignRevision)
}

// Many count together over several connections. Every answer is a value of its own.
func TestCounterIsExact(t *testing.T) {
	c, srv := run(t, 3, coordination.Config{})
	const counters = 8
	each := 5000
	if testing.Short() {
		each = 1000
	}
	seen := make(chan int64, counters*each)
	var wg sync.WaitGroup
	for range counters {
		conn := dial(t, srv.URL(), "tester")
		for range 10 {
			wg.Go(func() {
				for range each / 10 {
					got, err := call(t, conn, api.CountersAdd, api.CounterAddRequest{Name: "c"})
					if err != nil {
						t.Error(err)
						return
					}
					seen <- got.Value
				}
			})
		}
	}
	wg.Wait()
	close(seen)
	values := map[int64]bool{}
	for v := range seen {
		values[v] = true
	}
	if len(values) != counters*each || !values[1] || !values[int64(counters*each)] {
		t.Errorf("%d different values, want 1 to %d", len(values), counters*each)
	}
	info, err := c.JS.Stream(t.Context(), "KV_mabus_primitives")
	if err != nil {
		t.Fatal(err)
	}
	if writes := info.CachedInfo().State.LastSeq; writes >= uint64(counters*each) {
		t.Errorf("%d writes for %d changes: none went together", writes, counters*each)
	}
}

// What is refused changes nothing for those whose changes go into the same write.
func TestRefusalsAmongOthers(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, coordination.Config{})
	must(t, c, api.CountersAdd, api.CounterAddRequest{Name: "c"})
	most := int64(math.MaxInt64)
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			req := api.CounterAddRequest{Name: "c"}
			if n%2 == 0 {
				req.By = &most
			}
			_, err := call(t, c, api.CountersAdd, req)
			if n%2 == 0 && api.CodeOf(err) != api.FailedPrecondition || n%2 == 1 && err != nil {
				t.Errorf("%d: %v", n, err)
			}
		})
	}
	wg.Wait()
	if got := must(t, c, api.CountersGet, api.GetRequest{ID: "c"}); got.Value != 101 {
		t.Errorf("got %d", got.Value)
	}
}

// NATS restarts while requests with ids are under way; those without an answer are repeated until there is one.
func TestCounterIsExactOverARestart(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	for range 2 {
		replica(t, srv.URL(), coordination.Config{})
	}
	const counters, each = 4, 100
	var wg sync.WaitGroup
	half := make(chan struct{}, counters)
	for n := range counters {
		c := dial(t, srv.URL(), "tester")
		wg.Go(func() {
			for i := range each {
				if i == each/2 {
					half <- struct{}{}
				}
				if err := insist(t, c, fmt.Sprintf("r%d-%d", n, i), api.CountersAdd, api.CounterAddRequest{Name: "c"}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	<-half
	srv.Restart(t)
	wg.Wait()
	c := dial(t, srv.URL(), "")
	if got := must(t, c, api.CountersGet, api.GetRequest{ID: "c"}); got.Value != counters*each {
		t.Errorf("got %d, want %d", got.Value, counters*each)
	}
}

// insist repeats a request under one id until it has an answer.
func insist[Req, Resp any](t testing.TB, c *rpc.Conn, id string, m api.Method[Req, Resp], req Req) error {
	for {
		ctx, cancel := context.WithTimeout(rpc.WithRequestID(t.Context(), id), time.Second)
		_, err := rpc.Call(ctx, c, m, &req)
		cancel()
		switch api.CodeOf(err) {
		case api.Unavailable, api.DeadlineExceeded, api.Overloaded, api.Cancelled:
			if t.Context().Err() == nil {
				continue
			}
		}
		return err
	}
}

func TestSequence(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 3, coordination.Config{})
	first, err := callID(t, c, "r1", api.SequencesNext, api.SequenceNextRequest{Name: "s", N: 10})
	if err != nil || first.First != 1 || first.Last != 10 || first.Name != "s" {
		t.Fatalf("got %+v, %v", first, err)
	}
	if got := must(t, c, api.SequencesNext, api.SequenceNextRequest{Name: "s"}); got.First != 11 || got.Last != 11 {
		t.Errorf("got %+v", got)
	}
	if again, err := callID(t, c, "r1", api.SequencesNext, api.SequenceNextRequest{Name: "s", N: 10}); err != nil || cmp.Diff(first, again) != "" {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	const takers, each = 6, 100
	taken := make(chan uint64, takers*each*3)
	var wg sync.WaitGroup
	for n := range takers {
		c := dial(t, srv.URL(), "tester")
		wg.Go(func() {
			for i := range each {
				got, err := call(t, c, api.SequencesNext, api.SequenceNextRequest{Name: "many", N: 1 + (n+i)%3})
				if err != nil {
					t.Error(err)
					return
				}
				for v := got.First; v <= got.Last; v++ {
					taken <- v
				}
			}
		})
	}
	wg.Wait()
	close(taken)
	seen := map[uint64]bool{}
	for v := range taken {
		if seen[v] {
			t.Fatalf("%d was given twice", v)
		}
		seen[v] = true
	}
	for v := range uint64(len(seen)) {
		if !seen[v+1] {
			t.Fatalf("%d of %d was given to nobody", v+1, len(seen))
		}
	}
}

func TestCell(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	refused(t, c, api.CellsGet, api.GetRequest{ID: "x"}, api.NotFound, api.ReasonCellNotFound)
	if got := must(t, c, api.CellsOpen, api.CellOpenRequest{Name: "x", Token: 5}); got.Token != 5 || got.Value != nil {
		t.Errorf("opened: %+v", got)
	}
	for n, value := range []string{`{"a":[1,2]}`, `null`, `""`, `[]`, `{}`, `0`, `false`} {
		put := must(t, c, api.CellsPut, api.CellPutRequest{Name: "x", Token: 5, Value: json.RawMessage(value)})
		got := must(t, c, api.CellsGet, api.GetRequest{ID: "x", MinRevision: put.Revision})
		if string(got.Value) != value || got.Version != uint64(n+1) || cmp.Diff(put, got) != "" {
			t.Errorf("put %s: %+v, got %s %+v", value, put, got.Value, got)
		}
	}
	refused(t, c, api.CellsPut, api.CellPutRequest{Name: "x", Token: 4, Value: json.RawMessage(`1`)}, api.Fenced, api.ReasonStaleToken)
	if got := must(t, c, api.CellsOpen, api.CellOpenRequest{Name: "x", Token: 6}); string(got.Value) != `false` {
		t.Errorf("the next holder reads %+v", got)
	}
	refused(t, c, api.CellsPut, api.CellPutRequest{Name: "x", Token: 5, Value: json.RawMessage(`1`)}, api.Fenced, api.ReasonStaleToken)
	refused(t, c, api.CellsRemove, api.CellOpenRequest{Name: "x", Token: 5}, api.Fenced, api.ReasonStaleToken)
	must(t, c, api.CellsRemove, api.CellOpenRequest{Name: "x", Token: 6})
	refused(t, c, api.CellsOpen, api.CellOpenRequest{Name: "x", Token: 5}, api.Fenced, api.ReasonStaleToken)
	if got := must(t, c, api.CellsGet, api.GetRequest{ID: "x"}); got.Value != nil || got.Token != 6 {
		t.Errorf("emptied: %+v", got)
	}
}

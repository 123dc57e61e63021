package tasks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// starts is the order in which tasks were started. Each waits until it is let go.
type starts struct {
	mu    sync.Mutex
	order []string
	let   chan struct{}
}

func (s *starts) handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	s.mu.Lock()
	s.order = append(s.order, m.Task)
	s.mu.Unlock()
	select {
	case <-s.let:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return nil, nil
}

func (s *starts) wait(t *testing.T, n int) []string {
	t.Helper()
	var order []string
	natstest.Eventually(t, 10*time.Second, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		order = append([]string(nil), s.order...)
		return len(order) >= n
	}, "%d tasks have started", n)
	return order
}

func (w *world) submitMany(t *testing.T, prefix string, n int, spec api.TaskSpec) {
	t.Helper()
	if spec.Capability == "" {
		spec.Capability = "work"
	}
	specs := make([]api.TaskSpec, n)
	for i, id := range ids(prefix, n) {
		specs[i] = spec
		specs[i].ID = id
	}
	resp, err := w.store.SubmitMany(t.Context(), api.Cause{}, &api.TasksSubmitManyRequest{Tasks: specs})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resp.Results {
		if r.Error != nil {
			t.Fatal(r.Error)
		}
	}
}

func TestHighOvertakesLow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 10 * time.Second})
	w.submitMany(t, "low", 1000, api.TaskSpec{})
	s := &starts{let: make(chan struct{})}
	w.host(t, "h", 1, s.handle)
	for round := 1; round <= 5; round++ {
		s.wait(t, 2*round-1)
		w.submit(t, api.TaskSpec{ID: fmt.Sprintf("high%d", round), Priority: api.PriorityHigh})
		// The server confirms a message a moment before its consumers hear of it.
		natstest.Eventually(t, 5*time.Second, func() bool {
			stats, err := w.store.Stats(t.Context())
			return err == nil && stats.Waiting["work"][api.PriorityHigh] == 1
		}, "the high task can be pulled")
		s.let <- struct{}{}
		if order := s.wait(t, 2*round); !strings.HasPrefix(order[2*round-1], "high") {
			t.Fatalf("%s started while a high task waited: %v", order[2*round-1], order)
		}
		s.let <- struct{}{}
	}
}

func TestLowGetsItsShare(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{1, 3, 64} {
		t.Run(fmt.Sprint(slots), func(t *testing.T) {
			w := newWorld(t, tasks.Small{AckWait: 10 * time.Second})
			w.submitMany(t, "low", 300, api.TaskSpec{})
			w.submitMany(t, "high", 300, api.TaskSpec{Priority: api.PriorityHigh})
			s := &starts{let: make(chan struct{})}
			w.host(t, "h", slots, s.handle)
			low := func(order []string) (n int) {
				for _, id := range order {
					if strings.HasPrefix(id, "low") {
						n++
					}
				}
				return n
			}
			if order := s.wait(t, slots)[:slots]; low(order) > slots/10+1 {
				t.Errorf("of the first %d starts %d were low", slots, low(order))
			}
			const n = 200
			for range n - slots {
				s.let <- struct{}{}
			}
			order := s.wait(t, n)[:n]
			if got := low(order); got < n/10-2 || got > n/5 {
				t.Errorf("of %d starts %d were low, want a tenth", n, got)
			}
			close(s.let)
			w.settled(t, 600)
		})
	}
}

// The one slot of a round went to a low task, whose turn it was: that says nothing of how many high ones wait.
func TestALowTasksTurnIsNoEndOfHighOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.submitMany(t, "low", 100, api.TaskSpec{})
	w.submitMany(t, "high", 200, api.TaskSpec{Priority: api.PriorityHigh})
	round, end, err := w.store.Rounds(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	// The server confirms a message a moment before its consumers hear of it.
	natstest.Eventually(t, 20*time.Second, func() bool {
		stats, err := w.store.Stats(t.Context())
		return err == nil && stats.Waiting["work"][api.PriorityHigh] == 200 && stats.Waiting["work"][api.PriorityLow] == 100
	}, "all can be pulled")
	low := func(n int) (got int) {
		of, err := round(n, true)
		if err != nil || len(of) != n {
			t.Fatalf("%d of %d slots are filled, %v", len(of), n, err)
		}
		for _, p := range of {
			if p == api.PriorityLow {
				got++
			}
		}
		return got
	}
	if got := low(8); got != 0 { // which finds that high ones wait
		t.Errorf("of the first 8 starts %d are low", got)
	}
	if a, b := low(1), low(1); a != 0 || b != 1 {
		t.Errorf("of the ninth and tenth start %d and %d are low, want the tenth", a, b)
	}
	if got := low(64); got != 6 {
		t.Errorf("of the next 64 starts %d are low, want a tenth", got)
	}
}

func TestCapabilitiesShareAnAgent(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{1, 8} {
		w := newWorld(t, tasks.Small{})
		for _, c := range []string{"a", "b", "c"} {
			w.submitMany(t, c, 400, api.TaskSpec{Capability: c})
		}
		var mu sync.Mutex
		var order []byte
		w.host(t, "h", slots, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			mu.Lock()
			order = append(order, m.Task[0])
			mu.Unlock()
			return nil, nil
		}, "a", "b", "c")
		w.settled(t, 1200)
		mu.Lock()
		for _, c := range "abc" {
			if n := strings.Count(string(order[:600]), string(c)); n < 60 {
				t.Errorf("with %d slots capability %c had %d of the first 600 starts", slots, c, n)
			}
		}
		mu.Unlock()
	}
}

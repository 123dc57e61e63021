package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	soon, tooSoon := api.Duration(20*time.Millisecond), api.Duration(time.Nanosecond)
	huge := strings.Repeat("\x01é", 20<<10)
	cases := map[string]struct {
		spec    api.TaskSpec
		handle  agent.HandlerFunc
		status  api.TaskStatus
		attempt int
		code    api.Code
		reason  string
	}{
		"succeeds":            {api.TaskSpec{}, echo, api.TaskSucceeded, 1, "", ""},
		"answers nothing":     {api.TaskSpec{}, func(context.Context, *agent.Message) (json.RawMessage, error) { return nil, nil }, api.TaskSucceeded, 1, "", ""},
		"second try":          {api.TaskSpec{Backoff: soon}, failsBelow(2, errors.New("no")), api.TaskSucceeded, 2, "", ""},
		"never":               {api.TaskSpec{Backoff: tooSoon}, failsBelow(99, errors.New("no")), api.TaskFailed, 3, api.FailedPrecondition, api.ReasonAgentError},
		"a single attempt":    {api.TaskSpec{Attempts: 1}, failsBelow(99, errors.New("no")), api.TaskFailed, 1, api.FailedPrecondition, api.ReasonAgentError},
		"crashes":             {api.TaskSpec{Attempts: 2, Backoff: soon}, failsBelow(99, api.Errorf(api.Unavailable, "x").WithReason(api.ReasonAgentCrashed)), api.TaskFailed, 2, api.Unavailable, api.ReasonAgentCrashed},
		"invalid":             {api.TaskSpec{}, failsBelow(99, api.Errorf(api.Invalid, "x")), api.TaskFailed, 1, api.Invalid, ""},
		"not allowed":         {api.TaskSpec{}, failsBelow(99, api.Errorf(api.PermissionDenied, "x")), api.TaskFailed, 1, api.PermissionDenied, ""},
		"too slow":            {api.TaskSpec{Attempts: 2, Backoff: soon, Timeout: soon}, untilDone, api.TaskFailed, 2, api.DeadlineExceeded, api.ReasonTimeout},
		"answers junk":        {api.TaskSpec{}, func(context.Context, *agent.Message) (json.RawMessage, error) { return []byte(`{"a`), nil }, api.TaskFailed, 1, api.Invalid, ""},
		"junk in the error":   {api.TaskSpec{Attempts: 2, Backoff: soon}, failsBelow(99, errors.New("\xff\n\xfe")), api.TaskFailed, 2, api.FailedPrecondition, api.ReasonAgentError},
		"junk in the details": {api.TaskSpec{Attempts: 2, Backoff: soon}, failsBelow(99, api.Errorf(api.Unavailable, "x").WithFields("\xff")), api.TaskFailed, 2, api.Unavailable, ""},
		"a huge error":        {api.TaskSpec{Attempts: 2, Backoff: soon}, failsBelow(99, errors.New(huge)), api.TaskFailed, 2, api.FailedPrecondition, api.ReasonAgentError},
	}
	var mu sync.Mutex
	of := map[string]agent.HandlerFunc{}
	w.host(t, "h", 16, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		mu.Lock()
		h := of[m.Task]
		mu.Unlock()
		return h(ctx, m)
	})
	named := map[string]string{}
	for name, c := range cases {
		id := strings.ReplaceAll(name, " ", "-")
		mu.Lock()
		of[id] = c.handle
		mu.Unlock()
		named[name], c.spec.ID = id, id
		w.submit(t, c.spec)
	}
	for name, c := range cases {
		got := w.ended(t, named[name])
		if got.Status != c.status || got.Attempt != c.attempt || got.Host != "h" || got.Agent != "a1" || got.StartedAt.IsZero() || got.FinishedAt.Before(got.StartedAt) {
			t.Errorf("%s: got %+v, error %v", name, got, got.Error)
			continue
		}
		if c.status == api.TaskFailed {
			if wantCode(t, got.Error, c.code, c.reason); t.Failed() {
				t.Fatal(name)
			}
		} else if got.Error != nil || got.Payload != nil {
			t.Errorf("%s: error %v, payload %s", name, got.Error, got.Payload)
		}
	}
	w.settled(t, len(cases))
}

func failsBelow(n int, err error) agent.HandlerFunc {
	return func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Attempt < n {
			return nil, err
		}
		return m.Payload, nil
	}
}

func untilDone(ctx context.Context, _ *agent.Message) (json.RawMessage, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestBackoffDoublesAndShowsTheError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	var starts sync.Map
	w.host(t, "h", 1, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		starts.Store(m.Attempt, time.Now())
		return nil, errors.New("no luck")
	})
	w.submit(t, api.TaskSpec{ID: "a", Backoff: api.Duration(400 * time.Millisecond)})
	natstest.Eventually(t, 5*time.Second, func() bool {
		got := w.get(t, "a")
		return got.Status == api.TaskQueued && got.Attempt == 1 && got.Error != nil && strings.Contains(got.Error.Message, "no luck")
	}, "the task waits for its second attempt")
	w.ended(t, "a")
	for attempt, least := range map[int]time.Duration{2: 400 * time.Millisecond, 3: 800 * time.Millisecond} {
		a, _ := starts.Load(attempt - 1)
		b, _ := starts.Load(attempt)
		if d := b.(time.Time).Sub(a.(time.Time)); d < least || d > least+3*time.Second {
			t.Errorf("attempt %d came after %s", attempt, d)
		}
	}
}

// Long tasks keep their delivery alive, for as long as they may take.
func TestLongTasksAreNotDoubled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 700 * time.Millisecond})
	var starts atomic.Int64
	handle := func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		starts.Add(1)
		end := time.NewTimer(1500 * time.Millisecond)
		defer end.Stop()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-end.C:
			return m.Payload, nil
		}
	}
	w.host(t, "h1", 4, handle)
	w.host(t, "h2", 4, handle)
	for _, id := range ids("a", 6) {
		w.submit(t, api.TaskSpec{ID: id})
	}
	for _, id := range ids("a", 6) {
		if got := w.ended(t, id); got.Status != api.TaskSucceeded || got.Attempt != 1 {
			t.Errorf("got %+v", got)
		}
	}
	if n := starts.Load(); n != 6 {
		t.Errorf("6 tasks were started %d times", n)
	}
}

// An agent that does not heed its timeout does not keep the task for good.
func TestDeafHandlerLosesTheTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 300 * time.Millisecond})
	release := make(chan struct{})
	w.host(t, "deaf", 1, func(context.Context, *agent.Message) (json.RawMessage, error) {
		<-release
		return json.RawMessage(`"late"`), nil
	})
	w.submit(t, api.TaskSpec{ID: "a", Timeout: api.Duration(50 * time.Millisecond)})
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "a").Status == api.TaskRunning }, "it runs")
	w.host(t, "good", 1, echo)
	if got := w.ended(t, "a"); got.Host != "good" || got.Attempt != 2 {
		t.Errorf("got %+v", got)
	}
	close(release)
	w.settled(t, 1)
}

// Two hosts that finish the same task at once: the server takes one outcome.
func TestOutcomeIsOneUnderDuplicateDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 5 * time.Second})
	const n = 60
	var mu sync.Mutex
	started, gate := map[string]int{}, map[string]chan struct{}{}
	for _, id := range ids("a", n) {
		gate[id] = make(chan struct{})
	}
	handle := func(name string) agent.HandlerFunc {
		return func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			mu.Lock()
			started[m.Task]++
			if started[m.Task] == 2 {
				close(gate[m.Task])
			}
			mu.Unlock()
			<-gate[m.Task]
			if len(m.Task)%2 == 0 && name == "h1" {
				return nil, api.Errorf(api.Invalid, "no")
			}
			return json.RawMessage(`"` + name + `"`), nil
		}
	}
	w.host(t, "h1", n, handle("h1"))
	w.host(t, "h2", n, handle("h2"))
	for _, id := range ids("a", n) {
		w.submit(t, api.TaskSpec{ID: id})
	}
	natstest.Eventually(t, 5*time.Second, func() bool { mu.Lock(); defer mu.Unlock(); return len(started) == n }, "each has started once")
	// The same message once more in the queue is what a lost acknowledgement or a late host amounts to.
	for _, id := range ids("a", n) {
		again := w.stored(t, id)
		if _, err := w.conn.JS.PublishMsg(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	first := map[string]string{}
	for _, id := range ids("a", n) {
		got := w.ended(t, id)
		first[id] = string(got.Status) + got.Host
	}
	w.settled(t, n)
	for _, id := range ids("a", n) {
		if got := w.ended(t, id); string(got.Status)+got.Host != first[id] {
			t.Errorf("the outcome of %s changed from %s to %s by %s", id, first[id], got.Status, got.Host)
		}
		if started[id] != 2 {
			t.Errorf("%s was started %d times", id, started[id])
		}
	}
}

// stored is the message of a task in the queue.
func (w *world) stored(t *testing.T, id string) *nats.Msg {
	t.Helper()
	s, err := w.conn.JS.Stream(t.Context(), "mabus_tasks")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(t.Context(), "mabus.task.work.low."+id)
	if err != nil {
		t.Fatal(err)
	}
	return &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{"Mabus-Hash": m.Header["Mabus-Hash"]}}
}

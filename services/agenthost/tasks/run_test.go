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
		if m.Task == "a" {
			starts.Store(m.Attempt, time.Now())
		}
		return nil, errors.New("no luck")
	})
	waits := make(chan [2]time.Time, 2) // until when it stands aside, and when the word of that came
	_, err := w.conn.NC.Subscribe("mabus.task.work.later.a", func(msg *nats.Msg) {
		until, _ := time.Parse("@at "+time.RFC3339Nano, msg.Header.Get("Nats-Schedule"))
		waits <- [2]time.Time{until, time.Now()}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.submit(t, api.TaskSpec{ID: "a", Backoff: api.Duration(400 * time.Millisecond)})
	w.submit(t, api.TaskSpec{ID: "b", Backoff: api.Duration(time.Hour)}) // waits for as long as it takes to look
	natstest.Eventually(t, 5*time.Second, func() bool {
		got := w.get(t, "b")
		return got.Status == api.TaskQueued && got.Attempt == 1 && got.Error != nil && strings.Contains(got.Error.Message, "no luck")
	}, "the task waits for its second attempt")
	w.ended(t, "a")
	for i, wait := range []time.Duration{400 * time.Millisecond, 800 * time.Millisecond} {
		attempt := i + 2
		a, _ := starts.Load(attempt - 1)
		b, _ := starts.Load(attempt)
		if d := b.(time.Time).Sub(a.(time.Time)); d < wait {
			t.Errorf("attempt %d came after %s", attempt, d)
		}
		said := <-waits
		if until, heard := said[0], said[1]; until.Sub(a.(time.Time)) < wait || until.After(heard.Add(wait)) {
			t.Errorf("attempt %d, after one at %s, waits until %s, as was said at %s", attempt, a, until, heard)
		}
	}
	spec := func(d api.Duration) *api.Task { return &api.Task{TaskSpec: api.TaskSpec{Backoff: d}} }
	for attempt, want := range []time.Duration{1: 400 * time.Millisecond, 2: 800 * time.Millisecond, 3: 1600 * time.Millisecond, 60: api.DefaultMaxBackoff.Std()} {
		if got := tasks.Backoff(spec(api.Duration(400*time.Millisecond)), attempt); want > 0 && got != want {
			t.Errorf("after attempt %d there is a wait of %s, want %s", attempt, got, want)
		}
	}
	if got := tasks.Backoff(spec(2*api.DefaultMaxBackoff), 5); got != 2*api.DefaultMaxBackoff.Std() {
		t.Errorf("a wait of the task's own became %s", got)
	}
}

// Long tasks keep their delivery alive, for as long as they may take: for three times as long as the server waits for a host that is
// silent. A machine that stands still makes a host silent, and then the task is begun again, rightly; the test's own timer tells.
func TestLongTasksAreNotDoubled(t *testing.T) {
	t.Parallel()
	const wait, n = 700 * time.Millisecond, 6
	w := newWorld(t, tasks.Small{AckWait: wait})
	stall := stalls(t)
	var starts atomic.Int64
	handle := func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		starts.Add(1)
		end := time.NewTimer(3 * wait)
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
	for _, id := range ids("a", n) {
		w.submit(t, api.TaskSpec{ID: id})
	}
	for _, id := range ids("a", n) {
		if got := w.ended(t, id); got.Status != api.TaskSucceeded {
			t.Errorf("got %+v", got)
		}
	}
	w.settled(t, n)
	if s := stall(); starts.Load() != n && s < wait/8 {
		t.Errorf("%d tasks were started %d times, and the machine stood still for %s at most", n, starts.Load(), s)
	}
}

// stalls measures the longest time for which the machine let a timer of a few milliseconds wait, until it is asked.
func stalls(t *testing.T) (longest func() time.Duration) {
	stop, done := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		most, last := time.Duration(0), time.Now()
		for {
			select {
			case <-stop:
				done <- max(most, time.Since(last))
				return
			case <-tick.C:
				most, last = max(most, time.Since(last)), time.Now()
			}
		}
	}()
	end := sync.OnceValue(func() time.Duration { close(stop); return <-done })
	t.Cleanup(func() { end() })
	return end
}

// An agent that does not heed its timeout does not keep the task for good.
func TestDeafHandlerLosesTheTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 2 * time.Second}) // in which the good host has to answer, or there is a third attempt
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
	w := newWorld(t, tasks.Small{AckWait: tasks.AckWait}) // the test makes the second delivery, and waits for no other
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

package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// What tasks may do, for jobs made at random.
func behaviour(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	switch string(m.Payload) {
	case `"fail"`:
		return nil, errors.New("never")
	case `"once"`:
		if m.Attempt == 1 {
			return nil, errors.New("not at first")
		}
	case `"crash"`:
		if m.Attempt == 1 {
			return nil, api.Errorf(api.Unavailable, "crashed").WithReason(api.ReasonAgentCrashed).MaybeExecuted()
		}
	case `"invalid"`:
		return nil, api.Errorf(api.Invalid, "never")
	case `"slow"`:
		end := time.NewTimer(time.Duration(rand.IntN(60)) * time.Millisecond)
		defer end.Stop()
		select {
		case <-end.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case `"stuck"`:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m.Payload, nil
}

var expected = map[string]api.TaskStatus{
	`"fine"`: api.TaskSucceeded, `"fail"`: api.TaskFailed, `"once"`: api.TaskSucceeded, `"crash"`: api.TaskSucceeded,
	`"invalid"`: api.TaskFailed, `"slow"`: api.TaskSucceeded, `"stuck"`: api.TaskFailed,
}

// Whatever tasks do, with three hosts of which some are drained, each has the outcome that it must have, once.
func TestEveryTaskHasOneOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	kinds := []string{`"fine"`, `"fail"`, `"once"`, `"crash"`, `"invalid"`, `"slow"`, `"stuck"`}
	total, round := 0, 0
	host := func(id string) *host { return w.host(t, id, 5, behaviour) }
	a, b := host("a"), host("b")
	host("c")
	rapid.Check(t, func(rt *rapid.T) {
		if round++; round > 8 {
			return // eight jobs are what the time allows
		}
		job := rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 30).Draw(rt, "job")
		prefix := rapid.StringMatching(`[a-z]{12}`).Draw(rt, "prefix")
		for i, id := range ids(prefix, len(job)) {
			spec := api.TaskSpec{
				ID: id, Payload: json.RawMessage(job[i]), Attempts: 2, Backoff: api.Duration(time.Millisecond),
				Priority: rapid.SampledFrom([]api.Priority{api.PriorityHigh, api.PriorityLow}).Draw(rt, "priority"),
			}
			if job[i] == `"stuck"` { // a busy machine makes any other exceed such a timeout
				spec.Timeout = api.Duration(150 * time.Millisecond)
			}
			w.submit(t, spec)
		}
		switch round {
		case 3:
			a.stop(time.Millisecond)
		case 5:
			a = host("a2")
		case 7:
			b.stop(time.Millisecond)
		}
		for i, id := range ids(prefix, len(job)) {
			if got := w.ended(t, id); got.Status != expected[job[i]] {
				rt.Errorf("%s is %s: %v", job[i], got.Status, got.Error)
			}
		}
		total += len(job)
	})
	w.settled(t, total)
}

func TestNATSRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: time.Second})
	w.host(t, "a", 5, behaviour)
	w.host(t, "b", 5, behaviour)
	back := func() {
		w.nats.Restart(t)
		natstest.Eventually(t, 10*time.Second, func() bool {
			_, err := w.store.Stats(t.Context())
			return err == nil
		}, "JetStream is back")
	}
	const n = 150
	kinds := []string{`"fine"`, `"once"`, `"slow"`, `"fine"`, `"invalid"`}
	for i, id := range ids("a", n) {
		w.submit(t, api.TaskSpec{ID: id, Payload: json.RawMessage(kinds[i%len(kinds)]), Attempts: 10, Backoff: api.Duration(10 * time.Millisecond), Deadline: time.Now().Add(time.Hour)})
		if i == n/3 || i == 2*n/3 {
			back()
		}
	}
	back() // what is asked before the client has noticed is lost
	for i, id := range ids("a", n) {
		if got := w.ended(t, id); got.Status != expected[kinds[i%len(kinds)]] {
			t.Errorf("%s is %s: %v", kinds[i%len(kinds)], got.Status, got.Error)
		}
	}
	w.settled(t, n)
}

// A consumer or a stream that somebody removes is made again.
func TestQueueIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 2, echo)
	w.submit(t, api.TaskSpec{ID: "a"})
	w.ended(t, "a")
	if err := w.conn.JS.DeleteConsumer(t.Context(), "mabus_tasks", "work_low"); err != nil {
		t.Fatal(err)
	}
	w.submit(t, api.TaskSpec{ID: "b"})
	w.ended(t, "b")
	for _, stream := range []string{"mabus_tasks", "mabus_results"} {
		if err := w.conn.JS.DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, 15*time.Second, func() bool {
		_, err := w.store.Submit(t.Context(), api.Cause{}, api.TaskSpec{ID: "c", Capability: "work"})
		return err == nil
	}, "tasks are taken again")
	w.ended(t, "c")
}

func TestClusterLosesTheLeader(t *testing.T) {
	t.Parallel()
	c := natstest.StartCluster(t, 3)
	open := func() (*rpc.Conn, *tasks.Store) {
		conn, err := rpc.Dial(t.Context(), rpc.Options{URL: c.URLs(), Replicas: 3})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		store, err := tasks.OpenSmall(t.Context(), conn, tasks.Small{AckWait: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return conn, store
	}
	w := &world{}
	w.conn, w.store = open()
	for _, id := range []string{"a", "b"} {
		_, store := open()
		startHost(t, store, id, 5, behaviour)
	}
	const n = 60
	kinds := []string{`"fine"`, `"once"`, `"slow"`, `"invalid"`}
	submit := func(i int, id string) {
		spec := api.TaskSpec{ID: id, Capability: "work", Payload: json.RawMessage(kinds[i%len(kinds)]), Attempts: 10, Backoff: api.Duration(10 * time.Millisecond)}
		natstest.Eventually(t, 20*time.Second, func() bool {
			_, err := w.store.Submit(t.Context(), api.Cause{}, spec)
			return err == nil
		}, "%s is taken", id)
	}
	var wg sync.WaitGroup
	for i, id := range ids("a", n) {
		wg.Go(func() { submit(i, id) })
		wg.Go(func() { submit(i, id) }) // the same at once: on a replicated stream this is where 10164 comes from
		if i == n/2 {
			leader := -1 // for a moment there may be none
			natstest.Eventually(t, 20*time.Second, func() bool { leader = c.StreamLeader("mabus_results"); return leader >= 0 }, "the stream has a leader")
			c.StopNode(leader)
		}
	}
	wg.Wait()
	for i, id := range ids("a", n) {
		var got *api.Task
		natstest.Eventually(t, 20*time.Second, func() bool {
			var err error
			got, err = w.store.Get(t.Context(), &api.TaskGetRequest{ID: id, Wait: api.Duration(time.Second)})
			return err == nil && got.Status.Ended()
		}, "%s has an outcome", id)
		if got.Status != expected[kinds[i%len(kinds)]] {
			t.Errorf("%s is %s: %v", kinds[i%len(kinds)], got.Status, got.Error)
		}
	}
	w.settled(t, n)
}

// FuzzJunk publishes what nobody should on the subjects of tasks, and expects that others are not harmed by it.
func FuzzJunk(f *testing.F) {
	w := newWorld(f, tasks.Small{})
	w.host(f, "h", 4, behaviour)
	for _, s := range []string{"", "{}", "null", "[]", `{"id":"junk","capability":"work"}`, `{"id":"junk","capability":"work","job":"a.b","payload":1}`, `{"id":"victim","capability":"work"}`, `{"ended":true}`, "\xff\x00", `{"id":"junk","capability":"work","priority":"low","attempts":-1}`} {
		f.Add([]byte(s), "", "")
		f.Add([]byte(s), "Mabus-Attempts", "-7")
	}
	f.Add([]byte(""), "Status", "404")
	f.Add([]byte(""), "Mabus-Blob", "no:such:blob")
	f.Add([]byte(`{"id":"junk","capability":"work","priority":"low","payload":1}`), "Mabus-Last-Error", "{")
	n := 0
	f.Fuzz(func(t *testing.T, body []byte, header, value string) {
		n++
		victim, junk := ids("v", n)[n-1], ids("junk", n)[n-1]
		w.submit(t, api.TaskSpec{ID: victim, Payload: json.RawMessage(`"slow"`)})
		msg := nats.NewMsg("mabus.task.work.low." + junk)
		msg.Data = body
		for _, h := range []string{"Mabus-Attempts", "Mabus-Last-Error", "Mabus-Blob", "Mabus-Hash", "Status"} {
			if header == h {
				msg.Header.Set(h, value)
			}
		}
		if _, err := w.conn.JS.PublishMsg(t.Context(), msg); err != nil {
			t.Skip(err)
		}
		for _, subject := range []string{"mabus.running." + victim, "mabus.running." + junk, "mabus.task_ready.work", "mabus.deadline.due." + victim + ".x"} {
			if err := w.conn.NC.Publish(subject, body); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.ended(t, victim); got.Status != api.TaskSucceeded {
			t.Errorf("got %+v, %v", got, got.Error)
		}
		if got := w.ended(t, junk); got.Status != api.TaskFailed {
			t.Errorf("got %+v", got)
		}
	})
}

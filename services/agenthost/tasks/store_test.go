package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	submit := func(cause api.Cause, spec api.TaskSpec) (*api.Task, error) {
		spec.Capability = "work"
		return w.store.Submit(t.Context(), cause, spec)
	}
	p, q := api.Cause{Principal: "p"}, api.Cause{Principal: "q"}
	first, err := submit(p, api.TaskSpec{ID: "a", Payload: json.RawMessage(`1`)})
	if err != nil {
		t.Fatal(err)
	}
	if first.Status != api.TaskQueued || first.Priority != api.PriorityLow || first.Attempts != 3 || first.Principal != "p" {
		t.Errorf("got %+v", first)
	}
	for name, c := range map[string]struct {
		cause api.Cause
		spec  api.TaskSpec
		code  api.Code
		why   string
	}{
		"the same again":    {p, api.TaskSpec{ID: "a", Payload: json.RawMessage(`1`)}, "", ""},
		"another payload":   {p, api.TaskSpec{ID: "a", Payload: json.RawMessage(`2`)}, api.Conflict, api.ReasonTaskExists},
		"another priority":  {p, api.TaskSpec{ID: "a", Payload: json.RawMessage(`1`), Priority: api.PriorityHigh}, api.Conflict, api.ReasonTaskExists},
		"another deadline":  {p, api.TaskSpec{ID: "a", Payload: json.RawMessage(`1`), Deadline: time.Now().Add(time.Hour)}, api.Conflict, api.ReasonTaskExists},
		"another principal": {q, api.TaskSpec{ID: "a", Payload: json.RawMessage(`1`)}, api.Conflict, api.ReasonTaskExists},
		"no JSON":           {p, api.TaskSpec{ID: "b", Payload: json.RawMessage(`{`)}, api.Invalid, ""},
		"invalid text":      {p, api.TaskSpec{ID: "c", Name: "\xff"}, api.Invalid, ""},
	} {
		task, err := submit(c.cause, c.spec)
		if c.code != "" {
			if wantCode(t, err, c.code, c.why); t.Failed() {
				t.Fatal(name)
			}
		} else if err != nil || !task.SubmittedAt.Equal(first.SubmittedAt) {
			t.Errorf("%s: %+v, %v", name, task, err)
		}
	}
	// An id that follows from the request's: the same request is the same task, for its principal.
	r1, err1 := submit(api.Cause{Principal: "p", RequestID: "r"}, api.TaskSpec{})
	r2, err2 := submit(api.Cause{Principal: "p", RequestID: "r"}, api.TaskSpec{})
	r3, err3 := submit(api.Cause{Principal: "q", RequestID: "r"}, api.TaskSpec{})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if r1.ID != r2.ID || r1.ID == r3.ID {
		t.Errorf("ids %s, %s, %s", r1.ID, r2.ID, r3.ID)
	}
	u1, _ := submit(p, api.TaskSpec{})
	u2, _ := submit(p, api.TaskSpec{})
	if u1.ID == u2.ID {
		t.Errorf("two tasks with the id %s", u1.ID)
	}
	if n, _ := w.counts(t); n != 5 {
		t.Errorf("%d tasks wait, want 5", n)
	}
	// Also when it has ended.
	w.host(t, "h", 4, echo)
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded || string(got.Result) != "1" {
		t.Errorf("got %+v", got)
	}
	again, err := submit(p, api.TaskSpec{ID: "a", Payload: json.RawMessage(`1`)})
	if err != nil || again.Status != api.TaskSucceeded {
		t.Errorf("the ended task submitted again: %+v, %v", again, err)
	}
	_, err = submit(p, api.TaskSpec{ID: "a", Payload: json.RawMessage(`2`)})
	wantCode(t, err, api.Conflict, api.ReasonTaskExists)
	w.settled(t, 5)
}

func TestSubmitAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 8, echo)
	var wg sync.WaitGroup
	for _, id := range ids("a", 20) {
		for range 6 {
			wg.Go(func() {
				task, err := w.store.Submit(t.Context(), api.Cause{}, api.TaskSpec{ID: id, Capability: "work"})
				if err != nil || task.ID != id {
					t.Errorf("submit %s: %+v, %v", id, task, err)
				}
			})
		}
	}
	wg.Wait()
	for _, id := range ids("a", 20) {
		w.ended(t, id)
	}
	w.settled(t, 20)
}

func TestSubmitMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	specs := []api.TaskSpec{{Capability: "work", ID: "a"}, {Capability: "no good"}, {Capability: "work"}, {Capability: "work", ID: "a", Name: "other"}}
	resp, err := w.store.SubmitMany(t.Context(), api.Cause{RequestID: "r"}, &api.TasksSubmitManyRequest{Tasks: specs[:3]})
	if err != nil {
		t.Fatal(err)
	}
	if r := resp.Results; r[0].ID != "a" || r[0].Error != nil || r[1].Error == nil || r[1].Error.Code != api.Invalid || r[2].Error != nil || r[2].ID == "" {
		t.Errorf("got %+v", r)
	}
	again, err := w.store.SubmitMany(t.Context(), api.Cause{RequestID: "r"}, &api.TasksSubmitManyRequest{Tasks: specs})
	if err != nil || again.Results[2].ID != resp.Results[2].ID || again.Results[3].Error == nil || again.Results[3].Error.Details.Reason != api.ReasonTaskExists {
		t.Errorf("got %+v, %v", again, err)
	}
	if n, _ := w.counts(t); n != 2 {
		t.Errorf("%d tasks wait, want 2", n)
	}
}

func TestAdmission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{Waiting: 3})
	for _, id := range ids("a", 3) {
		w.submit(t, api.TaskSpec{ID: id})
	}
	natstest.Eventually(t, 5*time.Second, func() bool {
		_, err := w.store.Submit(t.Context(), api.Cause{}, api.TaskSpec{Capability: "work"})
		return api.CodeOf(err) == api.Overloaded && api.ReasonOf(err) == api.ReasonServerFull
	}, "the store is full")
	w.host(t, "h", 8, echo)
	natstest.Eventually(t, 5*time.Second, func() bool {
		_, err := w.store.Submit(t.Context(), api.Cause{}, api.TaskSpec{Capability: "work"})
		return err == nil
	}, "the store takes tasks again")
}

func TestListAndStats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	for i, id := range ids("a", 25) {
		w.submit(t, api.TaskSpec{ID: id, Job: fmt.Sprintf("j%d", i%2), Capability: fmt.Sprintf("c%d", i%5), Payload: json.RawMessage(`"x"`)})
	}
	list := func(r api.TasksListRequest) (got []string) {
		for r.Limit = 4; ; {
			page, err := w.store.List(t.Context(), &r)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Tasks) > r.Limit {
				t.Errorf("a page of %d", len(page.Tasks))
			}
			for _, task := range page.Tasks {
				if task.Payload != nil || task.Result != nil {
					t.Errorf("%s is listed with payload or result", task.ID)
				}
				got = append(got, task.ID)
			}
			if r.Cursor = page.Next; r.Cursor == "" {
				return got
			}
		}
	}
	if got := list(api.TasksListRequest{Status: api.TaskQueued}); strings.Join(got, " ") != strings.Join(ids("a", 25), " ") {
		t.Errorf("got %v", got)
	}
	if got := list(api.TasksListRequest{Status: api.TaskQueued, Job: "j1", Capability: "c0"}); strings.Join(got, " ") != "a5 a15" {
		t.Errorf("got %v", got)
	}
	_, err := w.store.List(t.Context(), &api.TasksListRequest{Status: api.TaskQueued, Cursor: "x"})
	wantCode(t, err, api.Invalid, "")

	w.host(t, "h", 1, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Task == "a3" {
			return nil, api.Errorf(api.Invalid, "never")
		}
		return m.Payload, nil
	}, "c0", "c1", "c3")
	natstest.Eventually(t, 10*time.Second, func() bool { _, n := w.counts(t); return n == 15 }, "three capabilities are done")
	if got := list(api.TasksListRequest{Status: api.TaskSucceeded, Job: "j0", Capability: "c0"}); len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if got := list(api.TasksListRequest{Status: api.TaskFailed}); strings.Join(got, " ") != "a3" {
		t.Errorf("got %v", got)
	}
	if got := list(api.TasksListRequest{Status: api.TaskCancelled}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	// A task is acknowledged after its outcome is stored.
	natstest.Eventually(t, 10*time.Second, func() bool { n, _ := w.counts(t); return n == 10 }, "the server has heard of every acknowledgement")
	stats, err := w.store.Stats(t.Context())
	if err != nil || stats.Total != 10 || stats.Outcomes != 15 || len(stats.Waiting) != 3 || stats.Waiting["c0"][api.PriorityLow] != 0 {
		t.Errorf("got %+v, %v", stats, err)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	replay := func(id string) (*api.Task, error) { return w.store.Replay(t.Context(), api.Cause{}, id) }
	_, err := replay("none")
	wantCode(t, err, api.NotFound, api.ReasonTaskNotFound)
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage(`{"x":1}`), Job: "j", Deadline: time.Now().Add(time.Hour)})
	_, err = replay("a")
	wantCode(t, err, api.FailedPrecondition, api.ReasonNotReplayable)
	w.host(t, "h", 1, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Task != "a-r2" {
			return nil, api.Errorf(api.Invalid, "not yet")
		}
		return m.Payload, nil
	})
	if got := w.ended(t, "a"); got.Status != api.TaskFailed {
		t.Fatalf("got %+v", got)
	}
	one, err := replay("a")
	two, err2 := replay("a")
	if err != nil || err2 != nil || one.ID != "a-r1" || two.ID != "a-r1" || one.ReplayOf != "a" || one.Principal != "p" || !one.Deadline.IsZero() {
		t.Fatalf("got %+v, %v and %+v, %v", one, err, two, err2)
	}
	w.ended(t, "a-r1")
	if _, err := replay("a-r1"); err != nil {
		t.Fatal(err)
	}
	if got := w.ended(t, "a-r2"); got.Status != api.TaskSucceeded || string(got.Result) != `{"x":1}` || got.Job != "j" {
		t.Errorf("got %+v", got)
	}
	_, err = replay("a-r2")
	wantCode(t, err, api.FailedPrecondition, api.ReasonNotReplayable)
	w.settled(t, 3)
}

func TestGetWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	_, err := w.store.Get(t.Context(), &api.TaskGetRequest{ID: "none", Wait: api.Duration(time.Second)})
	wantCode(t, err, api.NotFound, api.ReasonTaskNotFound)
	w.submit(t, api.TaskSpec{ID: "a"})
	best := time.Hour // the machine may be loaded, so the best of a few counts
	for try := 0; try < 5 && best > 3*time.Second; try++ {
		begin := time.Now()
		got, err := w.store.Get(t.Context(), &api.TaskGetRequest{ID: "a", Wait: api.Duration(100 * time.Millisecond)})
		took := time.Since(begin)
		if best = min(best, took); err != nil || got.Status != api.TaskQueued || took < 90*time.Millisecond {
			t.Errorf("got %+v, %v after %s", got, err, took)
		}
	}
	if best > 3*time.Second {
		t.Errorf("it waited for %s", best)
	}
}

// An outcome store that is full must not pass for one that has the outcome already: that would lose the task.
func TestFullOutcomeStoreLosesNoTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{ResultBytes: 64 << 10})
	w.host(t, "h", 4, func(context.Context, *agent.Message) (json.RawMessage, error) {
		return json.RawMessage(`"` + strings.Repeat("x", 4<<10) + `"`), nil
	})
	for _, id := range ids("a", 60) {
		w.submit(t, api.TaskSpec{ID: id})
		if got := w.ended(t, id); got.Status != api.TaskSucceeded {
			t.Errorf("got %+v", got)
		}
	}
	if n := streamState(t, w.conn, "mabus_results").LastSeq; n != 60 {
		t.Errorf("%d outcomes were written, want 60", n)
	}
}

// A host that dies between the outcome and the acknowledgement leaves the task's message behind.
func TestWhatHasEndedIsNotListedAsQueued(t *testing.T) {
	w := newWorld(t, tasks.Small{})
	for _, id := range []string{"ended", "waits"} {
		w.submit(t, api.TaskSpec{ID: id, Capability: "nobody"})
	}
	body, err := codec.Marshal(api.Task{TaskSpec: api.TaskSpec{ID: "ended", Capability: "nobody"}, Status: api.TaskSucceeded})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.conn.JS.Publish(t.Context(), api.ResultSubject("mabus", "", "ended"), body); err != nil {
		t.Fatal(err)
	}
	page, err := w.store.List(t.Context(), &api.TasksListRequest{Status: api.TaskQueued})
	if err != nil || len(page.Tasks) != 1 || page.Tasks[0].ID != "waits" {
		t.Fatalf("got %+v, %v", page, err)
	}
}

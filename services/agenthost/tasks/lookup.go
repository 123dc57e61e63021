package tasks

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

// scanBudget is how many stored messages one page of a list may look at, so that a rare condition does not hold a worker.
const scanBudget = 2000

// Get returns a task and its outcome if it has one. With wait it waits that long for the outcome, and returns the task as it
// stands when none has come.
func (s *Store) Get(ctx context.Context, r *api.TaskGetRequest) (*api.Task, error) {
	if r.Wait <= 0 {
		return s.get(ctx, r.ID)
	}
	wait := r.Wait.Std()
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-50*time.Millisecond) // leaves time for the answer
	}
	// Outcomes are published on their subject before they are stored, so listening comes first and looking second.
	signal := make(chan *nats.Msg, 1)
	sub, err := s.conn.NC.ChanSubscribe(s.anyResult(r.ID), signal)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	flush, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.conn.NC.FlushWithContext(flush); err != nil {
		return nil, away("wait for task "+r.ID, err)
	}
	over := time.NewTimer(max(wait, 0))
	defer over.Stop()
	for pause := time.Second; ; {
		t, err := s.get(ctx, r.ID)
		if err != nil || t.Status.Ended() {
			return t, err
		}
		next := time.NewTimer(pause)
		select {
		case <-over.C:
		case <-ctx.Done():
		case <-signal:
			next.Stop()
			pause = 2 * time.Millisecond // it may be stored only a moment after it is heard
			continue
		case <-next.C: // the signal may have been lost with the connection
			pause = min(2*pause, time.Second)
			continue
		}
		next.Stop()
		return t, nil
	}
}

func (s *Store) get(ctx context.Context, id string) (*api.Task, error) {
	var odd *record
	for range 2 { // a task that ends between the two looks, with its body, is found by the second round
		rec, err := s.outcome(ctx, id)
		if err != nil {
			return nil, err
		}
		if rec != nil {
			return rec.task, nil
		}
		rec, err = s.waiting(ctx, id)
		switch {
		case unreadable(err):
			rec.task.Error = api.Errorf(api.Invalid, "the stored task cannot be read: %v", err)
			odd = rec
		case err != nil:
			return nil, err
		case rec != nil:
			return rec.task, s.addNow(ctx, rec.task)
		}
	}
	if odd != nil { // it fails when somebody pulls it
		return odd.task, nil
	}
	return nil, notFound(id)
}

// addNow adds what a task without an outcome is about.
func (s *Store) addNow(ctx context.Context, t *api.Task) error {
	if s.addLive(ctx, t) {
		t.Status = api.TaskRunning
	}
	if t.Status != api.TaskWaiting {
		return nil
	}
	known, err := s.questions(ctx, t.ID)
	if err != nil {
		return err
	}
	if q := known.open(); q != nil {
		t.Question = q.Ask
	} else {
		t.Status = api.TaskQueued // answered this moment
	}
	return nil
}

// List returns one page of tasks without their payloads and results.
func (s *Store) List(ctx context.Context, r *api.TasksListRequest) (*api.TasksListResponse, error) {
	stream, subject := s.results, s.ns+".result."+token(r.Job)+".*"
	if !r.Status.Ended() {
		stream, subject = s.tasks, s.ns+".task."+token(r.Capability)+".*.*"
	}
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	seq := uint64(1)
	if r.Cursor != "" {
		var err error
		if seq, err = strconv.ParseUint(r.Cursor, 10, 64); err != nil {
			return nil, api.Errorf(api.Invalid, "cursor must be the next of the page before").WithFields("cursor")
		}
	}
	page := &api.TasksListResponse{Tasks: []api.Task{}}
	for range scanBudget {
		m, err := s.read(ctx, stream, map[string]any{"seq": seq, "next_by_subj": subject})
		if err != nil && !errors.Is(err, errJunk) { // which hides no others
			return nil, err
		}
		if m == nil {
			return page, nil
		}
		seq = m.Seq + 1
		t, err := s.parse(m.Subject, m.header, m.Data) // a large task has a summary here
		if err != nil || !wanted(t, r) {
			continue
		}
		if !r.Status.Ended() { // the message of one that has ended stands until some host finds that out
			if done, err := s.outcome(ctx, t.ID); done != nil {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		t.Payload, t.Result = nil, nil
		page.Tasks = append(page.Tasks, *t)
		if len(page.Tasks) == limit {
			break
		}
	}
	page.Next = strconv.FormatUint(seq, 10)
	return page, nil
}

// token is a value as one token of a subject filter.
func token(v string) string {
	if v == "" {
		return "*"
	}
	return v
}

func wanted(t *api.Task, r *api.TasksListRequest) bool {
	fits := t.Status == r.Status || r.Status == api.TaskQueued && !t.Status.Ended()
	return fits && (r.Job == "" || t.Job == r.Job) && (r.Capability == "" || t.Capability == r.Capability)
}

// Stats counts what waits, by the queues that hosts have opened, and the outcomes that are kept.
func (s *Store) Stats(ctx context.Context) (*api.TasksStatsResponse, error) {
	resp := &api.TasksStatsResponse{Waiting: map[string]map[api.Priority]uint64{}}
	info, err := s.stream.Info(ctx)
	if err != nil {
		return nil, err
	}
	resp.Total = info.State.Msgs
	consumers := s.stream.ListConsumers(ctx)
	for c := range consumers.Info() {
		capability, priority, ok := cutLast(c.Name)
		if !ok || priority != string(api.PriorityHigh) && priority != string(api.PriorityLow) {
			continue
		}
		if resp.Waiting[capability] == nil {
			resp.Waiting[capability] = map[api.Priority]uint64{}
		}
		resp.Waiting[capability][api.Priority(priority)] = c.NumPending + uint64(max(c.NumAckPending, 0))
	}
	if err := consumers.Err(); err != nil {
		return nil, err
	}
	results, err := s.conn.JS.Stream(ctx, s.results)
	if err != nil {
		return nil, err
	}
	resp.Outcomes = results.CachedInfo().State.Msgs
	return resp, nil
}

// consumerName is the name of the queue of a capability and priority; cutLast takes it apart.
func consumerName(capability string, p api.Priority) string { return capability + "_" + string(p) }

func cutLast(name string) (capability, priority string, ok bool) {
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

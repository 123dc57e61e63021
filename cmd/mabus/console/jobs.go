package console

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	maxTasks    = 200 // tasks without an outcome that are listed
	maxLooks    = 8   // tasks that are looked at at a time
	maxOutcomes = 200 // outcomes that are listed, the last ones
	maxSessions = 100 // sessions that are listed
	maxParts    = 500 // parts of a task that are shown, the last ones
	partsPage   = 100
	partsPages  = 20 // of one read
)

// jobs is the page of tasks, of what they ask, of budgets and of sessions.
func jobs(string) []feed {
	return []feed{
		{table: "tasks", read: openTasks},
		outcomes(),
		{table: "totals", slow: 2, read: func(ctx context.Context, c *client.Client) (rows, error) {
			s, err := c.Tasks.Stats(ctx)
			return one("tasks", s, err)
		}},
		{table: "budgets", slow: 2, read: func(ctx context.Context, c *client.Client) (rows, error) {
			page, err := c.Budgets.List(ctx, api.BudgetsListRequest{Scope: api.BudgetJob, Limit: maxTasks})
			if err != nil {
				return rows{}, err
			}
			got := rows{open: page.Next != ""}
			for _, b := range page.Budgets {
				got.add(b.ID, b)
			}
			return got, nil
		}},
		{table: "sessions", read: sessions},
		{table: "sessions_totals", slow: 2, read: func(ctx context.Context, c *client.Client) (rows, error) {
			s, err := c.Sessions.Stats(ctx)
			return one("sessions", s, err)
		}},
	}
}

// openTasks lists tasks without an outcome. A list tells only that they are stored; what they do is asked of each.
func openTasks(ctx context.Context, c *client.Client) (rows, error) {
	waiting, err := c.Tasks.List(ctx, api.TasksListRequest{Status: api.TaskWaiting, Limit: maxTasks})
	if err != nil {
		return rows{}, err
	}
	queued, err := c.Tasks.List(ctx, api.TasksListRequest{Status: api.TaskQueued, Limit: maxTasks})
	if err != nil {
		return rows{}, err
	}
	got := rows{open: queued.Next != "" || waiting.Next != ""}
	ids := map[string]bool{}
	for _, t := range slices.Concat(waiting.Tasks, queued.Tasks) {
		ids[t.ID] = true
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxLooks)
	var failed error
	for id := range ids {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			t, err := c.Tasks.Get(ctx, api.TaskGetRequest{ID: id})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case api.CodeOf(err) == api.NotFound || err == nil && t.Status.Ended(): // since the list
			case err != nil:
				failed = err
			default:
				t.Payload = nil
				t.Question = clip(t.Question)
				got.add(id, t)
			}
		})
	}
	wg.Wait()
	return got, failed
}

// outcomes lists the last outcomes. The cursor of a list is the place in the stream of outcomes from which it goes on, so a list that
// begins near the end of that stream has the last ones.
func outcomes() feed {
	var kept []api.Task
	next := uint64(0)
	return feed{table: "outcomes", read: func(ctx context.Context, c *client.Client) (rows, error) {
		if !c.Conn().HasStores() {
			return rows{}, c.Conn().NoStore("the list of outcomes")
		}
		stream, err := c.Conn().JS.Stream(ctx, api.Bucket(c.Conn().Namespace, "results"))
		if err != nil {
			return rows{}, api.Errorf(api.Unavailable, "no outcomes are to be had: no agent host has run here yet, or NATS is away")
		}
		state := stream.CachedInfo().State
		if next > state.LastSeq+1 { // another stream of the same name
			kept, next = nil, 0
		}
		from := max(next, state.FirstSeq, 1)
		if state.LastSeq+1 > from+maxOutcomes {
			from = state.LastSeq + 1 - maxOutcomes
		}
		if from <= state.LastSeq {
			var fresh []api.Task
			for _, status := range []api.TaskStatus{api.TaskSucceeded, api.TaskFailed, api.TaskCancelled} {
				page, err := c.Tasks.List(ctx, api.TasksListRequest{Status: status, Cursor: strconv.FormatUint(from, 10), Limit: maxOutcomes})
				if err != nil {
					return rows{}, err
				}
				fresh = append(fresh, page.Tasks...)
			}
			for _, t := range fresh {
				kept = slices.DeleteFunc(kept, func(k api.Task) bool { return k.ID == t.ID })
				kept = append(kept, t)
			}
			slices.SortStableFunc(kept, func(a, b api.Task) int { return a.FinishedAt.Compare(b.FinishedAt) })
			kept = slices.Delete(kept, 0, max(0, len(kept)-maxOutcomes))
			next = state.LastSeq + 1
		}
		got := rows{total: int(state.Msgs)}
		for i := range kept {
			got.add(kept[i].ID, &kept[i])
		}
		return got, nil
	}}
}

// sessions lists those that are active, and the last that have ended.
func sessions(ctx context.Context, c *client.Client) (rows, error) {
	page, err := rpc.Call(ctx, c.Conn(), api.SessionsList, &api.SessionsListRequest{All: true, Limit: maxSessions})
	if err != nil {
		return rows{}, err
	}
	got := rows{open: page.Next != ""}
	for i := range page.Sessions {
		s := &page.Sessions[i]
		s.Params, s.Revision, s.Head = nil, "", ""
		s.Question, s.Result = clip(s.Question), clip(s.Result)
		if s.State == api.SessionActive {
			s.Stats.Duration = 0 // it grows with each look; started_at says the same
		}
		got.add(s.ID, s)
	}
	return got, nil
}

// taskDetail is a task with what it was given, and what it says.
func taskDetail(id string) []feed {
	return []feed{
		{table: "task", read: func(ctx context.Context, c *client.Client) (rows, error) {
			t, err := c.Tasks.Get(ctx, api.TaskGetRequest{ID: id})
			if err != nil {
				return rows{}, err
			}
			t.Payload, t.Result, t.Question = clip(t.Payload), clip(t.Result), clip(t.Question)
			return one(id, t, nil)
		}},
		parts(id),
	}
}

// parts follows what a task says.
func parts(id string) feed {
	var kept []api.TaskPart
	var from uint64
	seen := 0
	return feed{table: "parts", slow: 0.25, read: func(ctx context.Context, c *client.Client) (rows, error) {
		for range partsPages {
			page, err := c.Tasks.Said(ctx, api.TaskFollowRequest{ID: id, From: from, Limit: partsPage})
			if err != nil {
				return rows{}, err
			}
			for _, p := range page.Parts {
				p.Payload = clip(p.Payload)
				kept = append(kept, p)
			}
			seen += len(page.Parts)
			from = page.Next
			kept = slices.Delete(kept, 0, max(0, len(kept)-maxParts))
			if page.Task != nil {
				break
			}
		}
		got := rows{total: seen}
		for _, p := range kept {
			got.add(strconv.FormatUint(p.Seq, 10), p)
		}
		return got, nil
	}}
}

// sessionDetail is a session with its transcript.
func sessionDetail(id string) []feed {
	return []feed{{table: "session", read: func(ctx context.Context, c *client.Client) (rows, error) {
		s, err := c.Sessions.Get(ctx, id)
		if err != nil {
			return rows{}, err
		}
		s.Question, s.Result, s.Params = clip(s.Question), clip(s.Result), clip(s.Params)
		for i := range s.Rounds {
			for j := range s.Rounds[i].Asks {
				a := &s.Rounds[i].Asks[j]
				a.Ask, a.Answer = nil, clip(a.Answer)
			}
		}
		return one(id, s, nil)
	}}}
}

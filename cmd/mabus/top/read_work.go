package top

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	maxTasks    = 40 // tasks that are looked at one by one: a list does not tell which of them run
	maxSessions = 100
	maxAuctions = 100 // of each state
)

// tasks are those without an outcome: those that ask or wait for money first, then those that have waited longest.
func (r *Reader) tasks(b *batch, s *Snapshot, _ Query) {
	s.Tasks = &Tasks{List: []api.Task{}}
	get(r, b, "tasks", api.TasksStats, api.Empty{}, func(v *api.TasksStatsResponse) { s.Tasks.Stats = v })
	lists := map[api.TaskStatus][]api.Task{}
	kinds := []api.TaskStatus{api.TaskWaiting, api.TaskUnpaid, api.TaskQueued}
	for _, status := range kinds {
		must(r, b, "tasks", api.TasksList, api.TasksListRequest{Status: status, Limit: maxTasks}, func(v *api.TasksListResponse) {
			lists[status] = v.Tasks
			s.Tasks.More = s.Tasks.More || v.Next != ""
		})
	}
	if b.wait(); !b.ok() {
		return
	}
	seen := map[string]bool{}
	for _, status := range kinds {
		for _, t := range lists[status] {
			if seen[t.ID] {
				continue
			}
			if len(seen) == maxTasks {
				s.Tasks.More = true
				break
			}
			seen[t.ID] = true
			get(r, b, "tasks", api.TasksGet, api.TaskGetRequest{ID: t.ID}, func(now *api.Task) {
				if !now.Status.Ended() { // it may have, since the list
					now.Payload, now.Result = nil, nil
					s.Tasks.List = append(s.Tasks.List, *now)
				}
			})
		}
	}
	b.wait()
	slices.SortFunc(s.Tasks.List, func(x, y api.Task) int { return x.SubmittedAt.Compare(y.SubmittedAt) })
}

// sessions are the active ones and the last that have ended.
func (r *Reader) sessions(b *batch, s *Snapshot, _ Query) {
	s.Sessions = &Sessions{List: []api.Session{}}
	get(r, b, "sessions", api.SessionsStats, api.Empty{}, func(v *api.SessionsStatsResponse) { s.Sessions.Stats = v })
	must(r, b, "sessions", api.SessionsList, api.SessionsListRequest{All: true, Limit: min(maxSessions, r.max)}, func(v *api.SessionsListResponse) {
		s.Sessions.More = v.Next != ""
		for _, x := range v.Sessions {
			x.Params, x.Question, x.Result = nil, nil, nil
			s.Sessions.List = append(s.Sessions.List, x)
		}
	})
}

// auctions are those of every state, those that have not ended first.
func (r *Reader) auctions(b *batch, s *Snapshot, _ Query) {
	s.Auctions = &Auctions{List: []api.Auction{}}
	get(r, b, "auctions", api.AuctionsStats, api.Empty{}, func(v *api.AuctionsStatsResponse) { s.Auctions.Stats = v })
	lists := map[api.AuctionState][]api.Auction{}
	for _, state := range api.AuctionStates {
		must(r, b, "auctions", api.AuctionsList, api.AuctionsListRequest{State: state, Limit: min(maxAuctions, r.max)}, func(v *api.AuctionsListResponse) {
			lists[state] = v.Auctions
			s.Auctions.More = s.Auctions.More || v.Next != ""
		})
	}
	b.wait()
	for _, state := range api.AuctionStates {
		for _, x := range lists[state] {
			x.Item, x.Head = nil, ""
			s.Auctions.List = append(s.Auctions.List, x)
		}
	}
}

package top

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

var (
	taskColumns = []Column{
		{Title: "TASK"},
		{Title: "STATUS"},
		{Title: "JOB", Rank: 2},
		{Title: "CAPABILITY"},
		{Title: "PRIO", Rank: 4},
		{Title: "TRY", Right: true, Down: true},
		{Title: "AGENT", Rank: 1},
		{Title: "SINCE", Right: true, Down: true},
		{Title: "NAME", Rank: 3},
	}
	sessionColumns = []Column{
		{Title: "SESSION"},
		{Title: "TYPE"},
		{Title: "STATE"},
		{Title: "MEMBERS", Right: true, Down: true},
		{Title: "ASKED", Right: true, Down: true},
		{Title: "ANSWERED", Right: true, Down: true, Rank: 1},
		{Title: "FAILED", Right: true, Down: true, Rank: 2},
		{Title: "TOOK", Right: true, Down: true},
		{Title: "SINCE", Right: true},
		{Title: "BY", Rank: 3},
		{Title: "PROTOCOL", Rank: 4},
	}
	auctionColumns = []Column{
		{Title: "AUCTION"},
		{Title: "TYPE"},
		{Title: "STATE"},
		{Title: "PRICE", Right: true, Down: true},
		{Title: "BIDS", Right: true, Down: true},
		{Title: "BIDDERS", Right: true, Down: true, Rank: 2},
		{Title: "LEADER", Rank: 1},
		{Title: "ENDS IN", Right: true},
		{Title: "OWNER", Rank: 3},
		{Title: "CATEGORY", Rank: 4},
	}
)

// maxQueues is how many queues the page of tasks has room for.
const maxQueues = 5

func tasksTable(s *Snapshot) Table {
	t := Table{Columns: taskColumns}
	k := s.Tasks
	if k == nil {
		return t
	}
	for i := range k.List {
		x := &k.List[i]
		status := toned(string(x.Status), Plain)
		switch x.Status {
		case api.TaskRunning:
			status.Tone = Good
		case api.TaskWaiting, api.TaskUnpaid:
			status.Tone = Warn
		}
		t.Rows = append(t.Rows, Row{ID: x.ID, Cells: []Cell{
			text(x.ID), status, text(x.Job), text(x.Capability), text(string(x.Priority)), count(x.Attempt), text(x.Agent), since(x.SubmittedAt, s.At), text(x.Name),
		}})
	}
	t.More = k.More
	t.Head = queues(k.Stats)
	return t
}

// queues are the longest queues.
func queues(s *api.TasksStatsResponse) []Note {
	if s == nil {
		return []Note{{Text: "queues    not known", Tone: Warn}}
	}
	length, all := map[string]uint64{}, uint64(0)
	for c, q := range s.Waiting {
		for _, n := range q {
			length[c] += n
			all += n
		}
	}
	names := slices.SortedFunc(maps.Keys(length), func(a, b string) int {
		return cmp.Or(cmp.Compare(length[b], length[a]), strings.Compare(a, b))
	})
	notes := []Note{{Text: fmt.Sprintf("tasks     %d stored, %d of them in %d queues that hosts serve; %d outcomes kept", s.Total, all, len(names), s.Outcomes)}}
	for _, c := range names[:min(len(names), maxQueues)] {
		if length[c] == 0 {
			break
		}
		notes = append(notes, Note{Text: clean(fmt.Sprintf("  %7d %s (%d of high priority)", length[c], c, s.Waiting[c][api.PriorityHigh]))})
	}
	return notes
}

func sessionsTable(s *Snapshot) Table {
	t := Table{Columns: sessionColumns}
	k := s.Sessions
	if k == nil {
		return t
	}
	for i := range k.List {
		x := &k.List[i]
		state := toned(string(x.State), Dim)
		switch x.State {
		case api.SessionActive:
			state.Tone = Good
		case api.SessionFailed, api.SessionTimeout:
			state.Tone = Warn
		}
		took := x.Stats.Duration.Std()
		t.Rows = append(t.Rows, Row{ID: x.ID, Cells: []Cell{
			text(x.ID), text(string(x.Type)), state, count(len(x.Members)), count(x.Stats.Asked), count(x.Stats.Answered), count(x.Stats.Failed),
			number(took.Seconds(), seconds), since(x.StartedAt, s.At), text(x.StartedBy), text(x.Protocol),
		}})
	}
	t.More = k.More
	t.Head = []Note{{Text: "sessions  not known", Tone: Warn}}
	if k.Stats != nil {
		t.Head = []Note{{Text: fmt.Sprintf("sessions  %d active, %d ever, %d protocols", k.Stats.Active, k.Stats.Total, k.Stats.Protocols)}}
	}
	return t
}

func auctionsTable(s *Snapshot) Table {
	t := Table{Columns: auctionColumns}
	k := s.Auctions
	if k == nil {
		return t
	}
	for i := range k.List {
		x := &k.List[i]
		state := toned(string(x.State), Dim)
		switch x.State {
		case api.AuctionOpen:
			state.Tone = Good
		case api.AuctionClosing, api.AuctionAwarded:
			state.Tone = Warn
		}
		price := number(float64(x.Price), func(float64) string { return money(x.Price) })
		t.Rows = append(t.Rows, Row{ID: x.ID, Cells: []Cell{
			text(x.ID), text(string(x.Type)), state, price, count(int(x.Bids)), count(x.Bidders), text(x.Leader), until(x.EndsAt, s.At), text(x.Owner), text(x.Category),
		}})
	}
	t.More = k.More
	t.Head = []Note{{Text: "auctions  not known", Tone: Warn}}
	if k.Stats != nil {
		t.Head = []Note{{Text: fmt.Sprintf("auctions  %d ever; %s traded, %s of it fees", k.Stats.Total, money(k.Stats.Traded), money(k.Stats.Fees))}}
	}
	return t
}

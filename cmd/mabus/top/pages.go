package top

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// page is how a tab is shown.
type page struct {
	columns []Column
	by      int // the column that it is sorted by at first, and which way
	down    bool
	table   func(*Snapshot) Table
}

// pages has the page of every tab.
var pages = map[Tab]page{
	TabFleet:    {columns: fleetColumns, by: 3, down: true, table: fleetTable},
	TabHosts:    {columns: hostColumns, by: 3, down: true, table: hostsTable},
	TabAgents:   {columns: agentColumns, by: 4, down: true, table: agentsTable},
	TabTasks:    {columns: taskColumns, by: 7, down: true, table: tasksTable},
	TabSessions: {columns: sessionColumns, by: 8, down: false, table: sessionsTable},
	TabAuctions: {columns: auctionColumns, by: 7, down: false, table: auctionsTable},
}

// Begin is the query for a page as it is sorted at first; of a tab that there is not, for the first page.
func Begin(t Tab) Query {
	if !ValidTab(t) {
		t = Tabs[0]
	}
	p := pages[t]
	return Query{Tab: t, By: p.columns[p.by].Title, Down: p.down}
}

// listed counts things of some kinds, in the order of the kinds, without those that there are none of: "3 running, 1 failed".
func listed[K ~string](counts map[K]int, order []K) string {
	var parts []string
	for _, k := range order {
		if n := counts[k]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) { // of a newer service
		if n := counts[k]; n > 0 && !slices.Contains(order, k) {
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// since is a cell of how long ago something was.
func since(t, now time.Time) Cell {
	if t.IsZero() {
		return Cell{Text: none}
	}
	age := max(now.Sub(t), 0)
	return number(age.Seconds(), func(float64) string { return span(age) })
}

// until is a cell of how long it is until then; what is over has none.
func until(t, now time.Time) Cell {
	if !t.After(now) {
		return Cell{Text: none}
	}
	return number(t.Sub(now).Seconds(), func(float64) string { return span(t.Sub(now)) })
}

// agentTone is the tone of an agent's status.
func agentTone(s api.AgentStatus) Tone {
	switch s {
	case api.AgentRunning:
		return Good
	case api.AgentFailed:
		return Bad
	case api.AgentStarting, api.AgentStopping:
		return Warn
	}
	return Dim
}

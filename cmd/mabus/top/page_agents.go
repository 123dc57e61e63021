package top

import (
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
)

var agentColumns = []Column{
	{Title: "AGENT"},
	{Title: "STATUS"},
	{Title: "HOST", Rank: 3},
	{Title: "TYPE", Rank: 4},
	{Title: "CALLS/S", Right: true, Down: true, Metric: api.MetricLatency, Stat: api.StatRate},
	{Title: "P50", Right: true, Down: true, Metric: api.MetricLatency, Stat: api.StatP50},
	{Title: "P99", Right: true, Down: true, Metric: api.MetricLatency, Stat: api.StatP99},
	{Title: "ERRORS", Right: true, Down: true, Metric: api.MetricLatency, Stat: api.StatErrorShare},
	{Title: "QUEUE", Right: true, Down: true, Metric: api.MetricQueueDepth, Stat: api.StatMean},
	{Title: "ACTIVE", Right: true, Down: true, Rank: 2, Metric: api.MetricActive, Stat: api.StatMean},
	{Title: "CPU", Right: true, Down: true, Rank: 1, Metric: api.MetricCPU, Stat: api.StatMean},
	{Title: "MEM", Right: true, Down: true, Rank: 1, Metric: api.MetricMemory, Stat: api.StatMean},
	{Title: "RESTARTS", Right: true, Down: true, Rank: 5},
	{Title: "SINCE", Right: true, Rank: 6},
}

func agentsTable(s *Snapshot) Table {
	t := Table{Columns: agentColumns}
	a := s.Agents
	if a == nil {
		return t
	}
	for i := range a.List {
		g := &a.List[i]
		t.Rows = append(t.Rows, Row{ID: g.ID, Cells: []Cell{
			text(g.ID), toned(string(g.Status), agentTone(g.Status)), text(g.Host), text(g.Type), statistic(g.Calls, api.StatRate, short),
			statistic(g.Calls, api.StatP50, seconds), statistic(g.Calls, api.StatP99, seconds), faults(g.Calls), measured(g.Queue, short),
			measured(g.Active, short), measured(g.CPU, short), measured(g.Memory, size), count(g.Restarts), since(g.ChangedAt, s.At),
		}})
	}
	t.Of = a.Of
	t.Head = []Note{{Text: fmt.Sprintf("agents    %d: %s", a.Of, listed(a.ByStatus, api.AgentStatuses))}}
	return t
}

package top

import (
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
)

var hostColumns = []Column{
	{Title: "HOST"},
	{Title: "STATUS"},
	{Title: "AGENTS", Right: true, Down: true},
	{Title: "CPU", Right: true, Down: true},
	{Title: "MEM", Right: true, Down: true},
	{Title: "CORES", Right: true, Down: true, Rank: 2},
	{Title: "QUEUE", Right: true, Down: true},
	{Title: "CALLS/S", Right: true, Down: true},
	{Title: "P50", Right: true, Down: true, Rank: 1},
	{Title: "P99", Right: true, Down: true},
	{Title: "ERRORS", Right: true, Down: true},
	{Title: "SINCE", Right: true, Rank: 3},
	{Title: "VERSION", Rank: 4},
}

func hostsTable(s *Snapshot) Table {
	t := Table{Columns: hostColumns}
	if s.Hosts == nil {
		return t
	}
	states := map[string]int{}
	for i := range s.Hosts.List {
		h := &s.Hosts.List[i]
		status := toned(string(h.Status), Good)
		switch {
		case h.Status == api.HostDead:
			status.Tone = Bad
		case h.Draining:
			status = toned("draining", Warn)
		}
		states[status.Text]++
		t.Rows = append(t.Rows, Row{ID: h.ID, Cells: []Cell{
			text(h.ID), status, count(h.Agents), busy(measured(h.CPUShare, share)), busy(measured(h.MemoryShare, share)), count(h.CPUs),
			measured(h.Queue, short), statistic(h.Calls, api.StatRate, short), statistic(h.Calls, api.StatP50, seconds),
			statistic(h.Calls, api.StatP99, seconds), faults(h.Calls), since(h.RegisteredAt, s.At), text(h.Version),
		}})
	}
	t.More = s.Hosts.More
	t.Head = []Note{{Text: fmt.Sprintf("hosts     %s", listed(states, []string{"live", "draining", "dead"}))}}
	return t
}

// busy is a cell of a share of what there is.
func busy(c Cell) Cell {
	switch {
	case c.Value >= 0.9:
		c.Tone = Bad
	case c.Value >= 0.75:
		c.Tone = Warn
	}
	return c
}

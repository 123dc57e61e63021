package top

import (
	"fmt"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

var fleetColumns = []Column{
	{Title: "SERVICE"},
	{Title: "LIVE", Right: true, Down: true},
	{Title: "DEAD", Right: true, Down: true},
	{Title: "CALLS/S", Right: true, Down: true},
	{Title: "P50", Right: true, Down: true},
	{Title: "P99", Right: true, Down: true},
	{Title: "MAX", Right: true, Down: true, Rank: 1},
	{Title: "ERRORS", Right: true, Down: true},
}

// maxAlerts is how many alerts the fleet page has room for.
const maxAlerts = 4

func fleetTable(s *Snapshot) Table {
	t := Table{Columns: fleetColumns}
	f := s.Fleet
	if f == nil {
		return t
	}
	for i := range f.Services {
		v := &f.Services[i]
		dead := count(v.Dead)
		if v.Dead > 0 {
			dead.Tone = Bad
		}
		t.Rows = append(t.Rows, Row{ID: v.Name, Cells: []Cell{
			text(v.Name), count(v.Live), dead, statistic(v.Calls, api.StatRate, short), statistic(v.Calls, api.StatP50, seconds),
			statistic(v.Calls, api.StatP99, seconds), statistic(v.Calls, api.StatMax, seconds), faults(v.Calls),
		}})
	}
	t.Head = append(t.Head, fleetCounts(f)...)
	t.Head = append(t.Head, fleetCalls(f)...)
	t.Head = append(t.Head, fleetWork(f))
	t.Head = append(t.Head, fleetBalance(f), fleetAlerts(f))
	if f.Alerts != nil {
		for i := range f.Alerts.List[:min(len(f.Alerts.List), maxAlerts)] {
			a := &f.Alerts.List[i]
			note := Note{Text: fmt.Sprintf("          %-8s %s", a.Severity, clean(a.Message)), Tone: Warn}
			if a.Severity == api.SeverityCritical {
				note.Tone = Bad
			}
			t.Head = append(t.Head, note)
		}
	}
	if len(f.Events) > 0 {
		t.Tail = append(t.Tail, Note{Text: "LAST EVENTS", Tone: Strong})
	}
	for i := range f.Events {
		e := &f.Events[i]
		t.Tail = append(t.Tail, Note{Text: clean(fmt.Sprintf("%8s ago  %-28s %s", span(max(s.At.Sub(e.Time), 0)), e.Type, e.Subject)), Tone: Dim})
	}
	return t
}

func fleetCounts(f *Fleet) []Note {
	hosts, agents := Note{Text: "hosts     not known", Tone: Warn}, Note{Text: "agents    not known", Tone: Warn}
	if h := f.Hosts; h != nil {
		hosts = Note{Text: fmt.Sprintf("hosts     %d live, %d dead, %d draining", h.Live, h.Dead, h.Draining)}
		if h.More {
			hosts.Text += ", and more that were not counted"
		}
		if h.Dead > 0 || h.Live == 0 {
			hosts.Tone = Warn
		}
	}
	if a := f.Agents; a != nil {
		agents = Note{Text: fmt.Sprintf("agents    %d: %s", a.Total, listed(a.ByStatus, api.AgentStatuses))}
		if a.ByStatus[api.AgentFailed] > 0 {
			agents.Tone = Bad
		}
	}
	return []Note{hosts, agents}
}

// fleetCalls is a small table of what all agents, services and callers do.
func fleetCalls(f *Fleet) []Note {
	notes := []Note{{Text: fmt.Sprintf("%-10s%9s%9s%9s%11s", "calls", "rate/s", "p50", "p99", "errors/s"), Tone: Dim}}
	for _, kind := range []api.SourceKind{api.SourceAgent, api.SourceService, api.SourceCaller} {
		var m *api.MetricSummary
		for i := range f.Calls {
			if f.Calls[i].Kind == kind {
				m = &f.Calls[i]
			}
		}
		n := Note{}
		errors := none
		if m != nil && m.ErrorShare != nil {
			errors = short(float64(m.Rate * *m.ErrorShare))
			if *m.ErrorShare > 0 {
				n.Tone = Warn
			}
		}
		n.Text = fmt.Sprintf("  %-8s%9s%9s%9s%11s", string(kind)+"s", statistic(m, api.StatRate, short).Text, statistic(m, api.StatP50, seconds).Text,
			statistic(m, api.StatP99, seconds).Text, errors)
		notes = append(notes, n)
	}
	return notes
}

func fleetWork(f *Fleet) Note {
	parts := []string{"tasks not known", "sessions not known", "auctions not known"}
	if f.Tasks != nil {
		parts[0] = fmt.Sprintf("%d tasks stored", f.Tasks.Total)
	}
	if f.Sessions != nil {
		parts[1] = fmt.Sprintf("%d sessions active", f.Sessions.Active)
	}
	if f.Auctions != nil {
		open := 0
		for _, t := range f.Auctions.Types {
			open += t.Open
		}
		parts[2] = fmt.Sprintf("%d auctions open", open)
	}
	return Note{Text: "work      " + strings.Join(parts, ", ")}
}

func fleetBalance(f *Fleet) Note {
	b := f.Balance
	if b == nil {
		return Note{Text: "balance   not known", Tone: Warn}
	}
	n := Note{Text: fmt.Sprintf("balance   %s: %d of %d agents available, %d overloaded, %d ejected, %d outstanding", b.Strategy, b.Available, b.Total, b.Overloaded, b.Ejected, b.Outstanding)}
	if b.Overloaded+b.Ejected > 0 {
		n.Tone = Warn
	}
	return n
}

func fleetAlerts(f *Fleet) Note {
	switch {
	case f.Alerts == nil:
		return Note{Text: "alerts    not known", Tone: Warn}
	case f.Alerts.Active == 0:
		return Note{Text: "alerts    none"}
	}
	return Note{Text: fmt.Sprintf("alerts    %d active", f.Alerts.Active), Tone: Bad}
}

package top

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// agentFigures are the metrics of agents that are shown, besides their calls.
var agentFigures = map[string]func(*Agent, *api.MetricSummary){
	api.MetricLatency:    func(a *Agent, m *api.MetricSummary) { a.Calls = m },
	api.MetricQueueDepth: func(a *Agent, m *api.MetricSummary) { a.Queue = mean(m) },
	api.MetricActive:     func(a *Agent, m *api.MetricSummary) { a.Active = mean(m) },
	api.MetricCPU:        func(a *Agent, m *api.MetricSummary) { a.CPU = mean(m) },
	api.MetricMemory:     func(a *Agent, m *api.MetricSummary) { a.Memory = mean(m) },
}

// worth is the order of statuses in which a large fleet is looked at: what has gone wrong, then what is on its way, then the others.
var worth = []api.AgentStatus{api.AgentFailed, api.AgentStarting, api.AgentStopping, api.AgentRunning, api.AgentStopped, api.AgentRegistered}

// agents are all of them; of a large fleet those that lead.
func (r *Reader) agents(b *batch, s *Snapshot, q Query) {
	s.Agents = &Agents{List: []Agent{}}
	must(r, b, "agents", api.AgentsStats, api.Empty{}, func(v *api.AgentsStatsResponse) { s.Agents.Of, s.Agents.ByStatus = v.Total, v.ByStatus })
	b.wait()
	switch {
	case !b.ok():
	case s.Agents.Of <= r.max:
		r.everyAgent(b, s)
	default:
		r.leaders(b, s, q)
	}
}

// everyAgent lists all agents, and each metric of all of them.
func (r *Reader) everyAgent(b *batch, s *Snapshot) {
	must(r, b, "agents", api.AgentsList, api.AgentsListRequest{Limit: api.MaxPage}, func(v *api.AgentsListResponse) {
		for i := range v.Agents {
			s.Agents.List = append(s.Agents.List, shown(&v.Agents[i]))
		}
	})
	figures := map[string][]api.MetricSummary{}
	for metric := range agentFigures {
		r.current(b, s, api.MetricSelector{Kind: api.SourceAgent, Metric: metric}, func(l []api.MetricSummary) { figures[metric] = l })
	}
	b.wait()
	by := map[string]*Agent{}
	for i := range s.Agents.List {
		by[s.Agents.List[i].ID] = &s.Agents.List[i]
	}
	for metric, list := range figures {
		for i := range list {
			if a := by[list[i].ID]; a != nil {
				agentFigures[metric](a, &list[i])
			}
		}
	}
}

// leaders lists those that lead by a column: by the service that measures, or by the registry's status, or by name.
func (r *Reader) leaders(b *batch, s *Snapshot, q Query) {
	most := min(maxLeaders, r.max)
	i := slices.IndexFunc(agentColumns, func(c Column) bool { return c.Title == q.By })
	if i >= 0 && agentColumns[i].Metric != "" {
		c := agentColumns[i]
		must(r, b, "metrics", api.MetricsTop, api.MetricsTopRequest{
			MetricSelector: api.MetricSelector{Kind: api.SourceAgent, Metric: c.Metric}, MetricTime: api.MetricTime{Last: api.CurrentWindow},
			By: c.Stat, Lowest: !q.Down, Limit: most,
		}, func(v *api.MetricsTopResponse) {
			s.measured(&v.Status)
			for i := range v.Series {
				m := &v.Series[i]
				s.Agents.List = append(s.Agents.List, Agent{ID: m.ID, Type: m.Type, Host: m.Host})
			}
		})
	} else {
		statuses := []api.AgentStatus{""}
		if q.By == "STATUS" {
			statuses = worth
		}
		for _, status := range statuses {
			must(r, b, "agents", api.AgentsList, api.AgentsListRequest{Status: status, Limit: most}, func(v *api.AgentsListResponse) {
				for i := range v.Agents[:min(len(v.Agents), most-len(s.Agents.List))] {
					s.Agents.List = append(s.Agents.List, shown(&v.Agents[i]))
				}
			})
			if b.wait(); !b.ok() || len(s.Agents.List) >= most {
				break
			}
		}
	}
	if b.wait(); b.ok() {
		r.lookAt(b, s)
	}
}

// lookAt asks for the records and the figures of some agents, one by one.
func (r *Reader) lookAt(b *batch, s *Snapshot) {
	for i := range s.Agents.List {
		a := &s.Agents.List[i]
		id := a.ID
		if a.Status == "" {
			get(r, b, "agents", api.AgentsGet, api.GetRequest{ID: id}, func(found *api.Agent) { // it may be gone, and have left figures
				old := *a
				*a = shown(found)
				a.Calls, a.Queue, a.Active, a.CPU, a.Memory = old.Calls, old.Queue, old.Active, old.CPU, old.Memory
			})
		}
		r.current(b, s, api.MetricSelector{Kind: api.SourceAgent, ID: id}, func(l []api.MetricSummary) {
			for i := range l {
				if put := agentFigures[l[i].Metric]; put != nil {
					put(a, &l[i])
				}
			}
		})
	}
}

// shown is what is shown of an agent's record.
func shown(a *api.Agent) Agent {
	typ := a.Type
	if typ == "" {
		typ = a.Module
	}
	return Agent{ID: a.ID, Type: typ, Status: a.Status, Host: a.Host, Reason: a.Reason, Restarts: a.Restarts, ChangedAt: a.ChangedAt}
}

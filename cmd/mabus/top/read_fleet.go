package top

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// lastEvents is how many events the page of the fleet shows.
const lastEvents = 5

// fleet is about everything. Each part may be missing.
func (r *Reader) fleet(b *batch, s *Snapshot, _ Query) {
	f := &Fleet{Services: []Service{}, Calls: []api.MetricSummary{}}
	s.Fleet = f
	get(r, b, "agents", api.AgentsStats, api.Empty{}, func(v *api.AgentsStatsResponse) {
		v.ByCapability, v.ByType, v.ByHost = nil, nil, nil // these may be as many as agents
		f.Agents = v
	})
	get(r, b, "hosts", api.HostsList, api.HostsListRequest{Limit: api.MaxPage}, func(v *api.HostsListResponse) {
		f.Hosts = &HostCount{More: v.Next != ""}
		for i := range v.Hosts {
			switch {
			case v.Hosts[i].Status == api.HostDead:
				f.Hosts.Dead++
			default:
				f.Hosts.Live++
			}
			if v.Hosts[i].Draining {
				f.Hosts.Draining++
			}
		}
	})
	services := map[string]*Service{}
	get(r, b, "services", api.ServicesList, api.ServicesListRequest{Limit: api.MaxPage}, func(v *api.ServicesListResponse) {
		for i := range v.Services {
			x := serviceOf(services, v.Services[i].Name)
			if v.Services[i].Status == api.HostDead {
				x.Dead++
			} else {
				x.Live++
			}
		}
	})
	for _, kind := range []api.SourceKind{api.SourceAgent, api.SourceService, api.SourceCaller} {
		r.current(b, s, api.MetricSelector{Scope: api.MetricsOfFleet, Kind: kind, Metric: api.MetricLatency}, func(l []api.MetricSummary) { f.Calls = append(f.Calls, l...) })
	}
	r.current(b, s, api.MetricSelector{Scope: api.MetricsOfType, Kind: api.SourceService, Metric: api.MetricLatency}, func(l []api.MetricSummary) {
		for i := range l {
			serviceOf(services, l[i].Type).Calls = &l[i]
		}
	})
	get(r, b, "tasks", api.TasksStats, api.Empty{}, func(v *api.TasksStatsResponse) { f.Tasks = v })
	get(r, b, "sessions", api.SessionsStats, api.Empty{}, func(v *api.SessionsStatsResponse) { f.Sessions = v })
	get(r, b, "auctions", api.AuctionsStats, api.Empty{}, func(v *api.AuctionsStatsResponse) { f.Auctions = v })
	get(r, b, "balance", api.BalanceStatsGet, api.Empty{}, func(v *api.BalanceStats) { f.Balance = v })
	get(r, b, "alerts", api.AlertsList, api.AlertsListRequest{Status: api.AlertActive}, func(v *api.AlertsListResponse) {
		slices.SortStableFunc(v.Alerts, func(x, y api.Alert) int {
			return cmp.Compare(slices.Index(api.AlertSeverities, y.Severity), slices.Index(api.AlertSeverities, x.Severity))
		})
		f.Alerts = &Alerts{Active: v.Active, List: v.Alerts}
	})
	get(r, b, "events", api.EventsQuery, api.EventQueryRequest{Newest: true, Limit: lastEvents}, func(v *api.EventQueryResponse) {
		for i := range v.Events {
			v.Events[i].Data = nil
		}
		f.Events = v.Events
	})
	b.wait()
	for _, x := range services {
		f.Services = append(f.Services, *x)
	}
	slices.SortFunc(f.Services, func(x, y Service) int { return strings.Compare(x.Name, y.Name) })
}

func serviceOf(all map[string]*Service, name string) *Service {
	if all[name] == nil {
		all[name] = &Service{Name: name}
	}
	return all[name]
}

// hosts are the agent hosts, with what they and their agents were measured to do.
func (r *Reader) hosts(b *batch, s *Snapshot, _ Query) {
	s.Hosts = &Hosts{List: []Host{}}
	by := map[string]*Host{}
	must(r, b, "hosts", api.HostsList, api.HostsListRequest{Limit: r.max}, func(v *api.HostsListResponse) {
		s.Hosts.More = v.Next != ""
		for _, h := range v.Hosts {
			h.Modules = nil
			s.Hosts.List = append(s.Hosts.List, Host{Host: h})
		}
		for i := range s.Hosts.List {
			by[s.Hosts.List[i].ID] = &s.Hosts.List[i]
		}
	})
	b.wait()
	get(r, b, "agents", api.AgentsStats, api.Empty{}, func(v *api.AgentsStatsResponse) {
		for id, n := range v.ByHost {
			if h := by[id]; h != nil {
				h.Agents = n
			}
		}
	})
	for _, of := range []struct {
		sel api.MetricSelector
		put func(*Host, *api.MetricSummary)
	}{
		{api.MetricSelector{Kind: api.SourceHost, Metric: api.MetricCPUShare}, func(h *Host, m *api.MetricSummary) { h.CPUShare = mean(m) }},
		{api.MetricSelector{Kind: api.SourceHost, Metric: api.MetricMemoryShare}, func(h *Host, m *api.MetricSummary) { h.MemoryShare = mean(m) }},
		{api.MetricSelector{Scope: api.MetricsOfHost, Metric: api.MetricLatency}, func(h *Host, m *api.MetricSummary) { h.Calls = m }},
		{api.MetricSelector{Scope: api.MetricsOfHost, Metric: api.MetricQueueDepth}, func(h *Host, m *api.MetricSummary) {
			if m.Count > 0 {
				h.Queue = &m.Max
			}
		}},
	} {
		r.current(b, s, of.sel, func(l []api.MetricSummary) {
			for i := range l {
				if h := by[cmp.Or(l[i].Host, l[i].ID)]; h != nil {
					of.put(h, &l[i])
				}
			}
		})
	}
}

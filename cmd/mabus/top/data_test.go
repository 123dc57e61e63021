package top_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/mabus-project/mabus/cmd/mabus/top"
	"github.com/mabus-project/mabus/shared/api"
)

func measure(v float64) *api.Measure {
	m := api.Measure(v)
	return &m
}

// calls are so many a second, with a median of so many seconds.
func calls(kind api.SourceKind, rate, p50, errors float64) *api.MetricSummary {
	return &api.MetricSummary{
		Series: api.Series{Kind: kind, Metric: api.MetricLatency}, Count: uint64(5 * rate), Rate: api.Measure(rate), P50: api.Measure(p50),
		P99: api.Measure(7 * p50), Max: api.Measure(20 * p50), ErrorShare: measure(errors),
	}
}

// sample is a page of a made-up namespace.
func sample(tab top.Tab) *top.Snapshot {
	s := &top.Snapshot{Tab: tab, Namespace: "mabus", At: noon, Problems: []top.Problem{}, Metrics: &api.MetricsStatus{AsOf: noon, Age: api.Duration(80 * time.Millisecond)}}
	switch tab {
	case top.TabFleet:
		s.Fleet = sampleFleet()
	case top.TabHosts:
		s.Hosts = &top.Hosts{List: []top.Host{
			{Host: api.Host{ID: "h1", Status: api.HostLive, CPUs: 8, Version: "1.2.0", RegisteredAt: noon.Add(-3 * time.Hour)}, Agents: 40, CPUShare: measure(0.93), MemoryShare: measure(0.41), Queue: measure(12), Calls: calls(api.SourceAgent, 1200, 0.0011, 0.002)},
			{Host: api.Host{ID: "h2", Status: api.HostLive, Draining: true, CPUs: 16, Version: "1.2.0", RegisteredAt: noon.Add(-70 * time.Second)}, Agents: 3, CPUShare: measure(0.07), MemoryShare: measure(0.8), Queue: measure(0), Calls: calls(api.SourceAgent, 14, 0.25, 0)},
			{Host: api.Host{ID: "h3", Status: api.HostDead, CPUs: 8, Version: "1.1.9", RegisteredAt: noon.Add(-100 * time.Hour)}},
		}}
	case top.TabAgents:
		s.Agents = &top.Agents{Of: 33, ByStatus: map[api.AgentStatus]int{api.AgentRunning: 31, api.AgentFailed: 2}}
		for i := range 33 {
			a := top.Agent{
				ID: fmt.Sprintf("writer-%02d", i), Type: "writer", Status: api.AgentRunning, Host: fmt.Sprintf("h%d", 1+i%2), Restarts: i / 10,
				ChangedAt: noon.Add(-time.Duration(i) * time.Minute), Calls: calls(api.SourceAgent, float64(10*i), 0.0004*float64(1+i), 0.01*float64(i%7)), Queue: measure(float64(i % 5)), Active: measure(1),
			}
			if i%16 == 5 {
				a.Status, a.Calls, a.Queue, a.Active, a.Reason = api.AgentFailed, nil, nil, nil, "agent_crashed: exit status 1"
			}
			if i == 7 {
				a.CPU, a.Memory = measure(1.52), measure(340<<20)
			}
			s.Agents.List = append(s.Agents.List, a)
		}
	case top.TabTasks:
		s.Tasks = &top.Tasks{More: true, Stats: &api.TasksStatsResponse{Total: 1207, Outcomes: 90_000, Waiting: map[string]map[api.Priority]uint64{
			"draw": {api.PriorityHigh: 7, api.PriorityLow: 1100}, "read": {api.PriorityLow: 99}, "idle": {},
		}}}
		for i, status := range []api.TaskStatus{api.TaskRunning, api.TaskQueued, api.TaskWaiting, api.TaskUnpaid, api.TaskQueued} {
			s.Tasks.List = append(s.Tasks.List, api.Task{
				TaskSpec: api.TaskSpec{ID: fmt.Sprintf("page-%d", i), Job: "atlas", Name: "map of\x1b[31m somewhere \u202e far", Capability: "draw", Priority: api.PriorityLow},
				Status:   status, Attempt: i, Agent: "painter-1", SubmittedAt: noon.Add(-time.Duration(i*i) * time.Second),
			})
		}
	case top.TabSessions:
		s.Sessions = &top.Sessions{Stats: &api.SessionsStatsResponse{Total: 1200, Active: 1, Protocols: 3}, List: []api.Session{
			{ID: "vote-1", Type: api.SessionConsensus, State: api.SessionActive, Members: make([]api.SessionMember, 5), Stats: api.SessionStats{Asked: 5, Answered: 3, Duration: api.Duration(900 * time.Millisecond)}, StartedAt: noon.Add(-time.Second), StartedBy: "ada"},
			{ID: "vote-0", Type: api.SessionConsensus, State: api.SessionTimeout, Members: make([]api.SessionMember, 5), Stats: api.SessionStats{Asked: 5, Answered: 1, Failed: 2, Duration: api.Duration(30 * time.Second)}, StartedAt: noon.Add(-5 * time.Minute), StartedBy: "bob", Protocol: "weekly"},
		}}
	case top.TabAuctions:
		s.Auctions = &top.Auctions{Stats: &api.AuctionsStatsResponse{Total: 40, Traded: 1_234_500_000, Fees: 12_345_000}, List: []api.Auction{
			{AuctionSpec: api.AuctionSpec{ID: "gpu-1", Type: api.AuctionEnglish, Category: "compute"}, Owner: "ada", State: api.AuctionOpen, Price: 12_500_000, Leader: "bob", Bids: 7, Bidders: 3, EndsAt: noon.Add(90 * time.Second)},
			{AuctionSpec: api.AuctionSpec{ID: "gpu-0", Type: api.AuctionDutch, Category: "compute"}, Owner: "ada", State: api.AuctionClosed, Price: 8_000_001, Leader: "cy", Bids: 1, Bidders: 1, EndsAt: noon.Add(-time.Hour)},
		}}
	}
	return s
}

func sampleFleet() *top.Fleet {
	f := &top.Fleet{
		Agents: &api.AgentsStatsResponse{Total: 1043, ByStatus: map[api.AgentStatus]int{api.AgentRunning: 1040, api.AgentStarting: 1, api.AgentFailed: 2}},
		Hosts:  &top.HostCount{Live: 12, Dead: 1, Draining: 1},
		Calls:  []api.MetricSummary{*calls(api.SourceService, 3210, 0.0002, 0), *calls(api.SourceAgent, 12_345, 0.0012, 0.01)},
		Tasks:  &api.TasksStatsResponse{Total: 1207}, Sessions: &api.SessionsStatsResponse{Active: 3},
		Auctions: &api.AuctionsStatsResponse{Types: []api.AuctionTypeStats{{Open: 2}, {Open: 3}}},
		Balance:  &api.BalanceStats{Strategy: "p2c_ewma", Total: 1040, Available: 1037, Overloaded: 2, Ejected: 1, Outstanding: 57},
		Alerts: &top.Alerts{Active: 2, List: []api.Alert{
			{Severity: api.SeverityCritical, Message: "error_share of all agents is 0.4, above 0.2"}, {Severity: api.SeverityWarning, Message: "mean of cpu_share of host h1 is 0.93, above 0.9"},
		}},
		Events: []api.Event{{Type: "mabus.alerts.raised", Subject: "a1", Time: noon.Add(-2 * time.Second)}, {Type: "mabus.agents.failed", Subject: "writer-05", Time: noon.Add(-3 * time.Second)}},
	}
	for i, name := range strings.Fields("agenthost coordination economics loadbalancer perfmon registry") {
		f.Services = append(f.Services, top.Service{Name: name, Live: 3, Dead: i / 5, Calls: calls(api.SourceService, float64(100*i*i), 0.0002, float64(i%2)*0.06)})
	}
	f.Services[0].Calls = nil
	return f
}

package doctor_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/doctor"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// healthy are facts in which nothing is wrong.
func healthy() *doctor.Facts {
	sync := time.Duration(0)
	stream := func(store, name string) doctor.Stream {
		return doctor.Stream{Store: store, Name: name, Replicas: 3, Cluster: true, Leader: "n1", Peers: []doctor.Peer{{Name: "n2", Current: true}, {Name: "n3", Current: true, Lag: 2}}, MaxBytes: 1000, Bytes: 800}
	}
	return &doctor.Facts{
		At: now, Namespace: "mabus",
		Server:    doctor.Server{Version: "2.15.2", Nodes: 3, TLS: true, Sync: &sync, Bytes: 10, MaxBytes: 1000},
		Clocks:    []doctor.Clock{{Who: "server", Ahead: 3 * time.Second, Within: 2 * time.Second}, {Who: "perfmon", Ahead: -time.Second}},
		Streams:   []doctor.Stream{stream("agents", "KV_mabus_agents"), stream("log_economics", "mabus_log_economics")},
		Consumers: []doctor.Consumer{{Stream: "s", Name: "outbox", Pending: 10, AckPending: 5, MaxAck: 10, Waiting: 1, Created: now.Add(-time.Hour)}},
		Leases:    []doctor.Lease{{ID: "l1", Renewed: now.Add(-20 * time.Second)}, {ID: "l2", Dead: true, Renewed: now.Add(-time.Hour)}},
		Services: []doctor.Instance{
			{ID: "r1", Name: "registry", Version: "1", Live: true},
			{ID: "r2", Name: "registry", Version: "1", Live: true},
			{ID: "r0", Name: "registry", Version: "0"},
			{ID: "e1", Name: "economics", Version: "1", Live: true},
			{ID: "e2", Name: "economics", Version: "1", Live: true},
		},
		Ready:  map[string]doctor.Ready{"registry": {2, 2}},
		Hosts:  []doctor.Host{{ID: "h1", Version: "1", Live: true}, {ID: "h0", Version: "0"}},
		Agents: []doctor.Agent{{ID: "a", Host: "h1", Status: api.AgentRunning, Wanted: true, Changed: now.Add(-time.Hour)}, {ID: "b", Status: api.AgentStopped}},
		States: []string{"a"}, Tasks: []doctor.Task{{ID: "t", Host: "h1", Started: now.Add(-time.Hour)}},
		Budgets: []doctor.Budget{{Name: "job.j", Reserved: 5, Open: 1, Since: now.Add(-time.Second)}},
		Papers:  []doctor.Paper{{What: "creds"}, {What: "certificate", Expires: now.Add(90 * 24 * time.Hour)}},
		Tails: []doctor.Tail{{Service: "economics", Stream: "mabus_log_economics", Since: now.Add(-time.Minute), Writers: []doctor.Writer{
			{ID: "w1", At: now.Add(-9 * time.Second), Behind: 100}, {ID: "w2", At: now}, {ID: "dead", At: now.Add(-40 * time.Second), Behind: 999},
		}}},
		Bodies: doctor.Bodies{Bucket: "mabus_blobs"},
		Looked: doctor.Looked{Agents: true, Hosts: true, Services: true},
	}
}

func TestAHealthyNamespaceHasNoFindings(t *testing.T) {
	if all := doctor.Examine(healthy()); len(all) > 0 || doctor.Wrong(all) {
		t.Errorf("found %+v", all)
	}
	if all := doctor.Examine(&doctor.Facts{At: now, Server: doctor.Server{Nodes: 1, Loopback: true, Open: true}}); len(all) > 0 {
		t.Errorf("an empty namespace on loopback has %+v", all)
	}
}

// Each rule is triggered by one change of the healthy facts, and by nothing else.
func TestEachRule(t *testing.T) {
	minute := 2 * time.Minute
	cases := map[string]struct {
		code, on string
		change   func(f *doctor.Facts)
	}{
		"not looked at":            {"unknown", "health", func(f *doctor.Facts) { f.Unknown = [][2]string{{"health", "no answer"}} }},
		"open over a network":      {"open_network", "server", func(f *doctor.Facts) { f.Server.Open = true }},
		"without TLS":              {"no_tls", "server", func(f *doctor.Facts) { f.Server.TLS = false }},
		"late on the disk":         {"sync_interval", "server", func(f *doctor.Facts) { f.Server.Sync = &minute }},
		"account full":             {"account_full", "server", func(f *doctor.Facts) { f.Server.Bytes = 950 }},
		"denied":                   {"permissions", "JetStream", func(f *doctor.Facts) { f.Denied = []string{"JetStream"} }},
		"skewed":                   {"clock_skew", "server", func(f *doctor.Facts) { f.Clocks[0].Ahead = -5 * time.Second }},
		"expired":                  {"expired", "creds", func(f *doctor.Facts) { f.Papers[0].Expires = now }},
		"expires":                  {"expires_soon", "creds", func(f *doctor.Facts) { f.Papers[0].Expires = now.Add(time.Hour) }},
		"two versions":             {"versions", "processes", func(f *doctor.Facts) { f.Hosts[0].Version = "2" }},
		"three versions":           {"many_versions", "processes", func(f *doctor.Facts) { f.Hosts[0].Version, f.Services[0].Version = "2", "3" }},
		"half restored":            {"restoring", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Metadata = map[string]string{"mabus-restoring": "x"} }},
		"fenced":                   {"fenced", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Metadata = map[string]string{"mabus-fenced": "[]"} }},
		"without a leader":         {"no_leader", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Leader = "" }},
		"one copy among many":      {"too_few_copies", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Replicas = 1 }},
		"one copy of all":          {"single_copies", "namespace", func(f *doctor.Facts) { f.Streams[0].Replicas, f.Streams[1].Replicas = 1, 1 }},
		"a copy away":              {"copy_behind", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Peers[0].Offline = true }},
		"a copy behind":            {"copy_behind", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Peers[0] = doctor.Peer{Name: "n2", Lag: 3} }},
		"a copy not caught up":     {"copy_behind", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Peers[0].Current = false }},
		"a copy missing":           {"copy_behind", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Peers = f.Streams[0].Peers[:1] }},
		"nearly full":              {"nearly_full", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Bytes = 900 }},
		"full":                     {"full", "KV_mabus_agents", func(f *doctor.Facts) { f.Streams[0].Bytes = 1000 }},
		"acknowledgements stalled": {"acks_stalled", "s/outbox", func(f *doctor.Facts) { f.Consumers[0].AckPending = 10 }},
		"consumer behind":          {"consumer_lags", "s/outbox", func(f *doctor.Facts) { f.Consumers[0].Pending = 20_000 }},
		"consumer of nobody":       {"consumer_unused", "s/outbox", func(f *doctor.Facts) { f.Consumers[0].Waiting = 0 }},
		"no economics":             {"service_missing", "economics", func(f *doctor.Facts) { f.Services = f.Services[:3] }},
		"nobody listens":           {"service_missing", "registry", func(f *doctor.Facts) { f.Silent = []string{"registry", "registry"} }},
		"no replica ready":         {"service_not_ready", "registry", func(f *doctor.Facts) { f.Ready["registry"] = doctor.Ready{Ready: 0, Live: 2} }},
		"a replica not ready":      {"replica_not_ready", "registry", func(f *doctor.Facts) { f.Ready["registry"] = doctor.Ready{Ready: 1, Live: 2} }},
		"one economics":            {"single_service", "economics", func(f *doctor.Facts) { f.Services = f.Services[:4] }},
		"an old lease":             {"lease_not_marked", "lease l1", func(f *doctor.Facts) { f.Leases[0].Renewed = now.Add(-time.Minute) }},
		"a failed agent":           {"agent_nowhere", "a", func(f *doctor.Facts) { f.Agents[0].Status = api.AgentFailed }},
		"an agent of a dead host":  {"agent_nowhere", "a", func(f *doctor.Facts) { f.Agents[0].Host = "h0" }},
		"an agent of no host":      {"agent_nowhere", "a", func(f *doctor.Facts) { f.Agents[0].Host = "h9" }},
		"a state of nobody":        {"orphaned_state", "c", func(f *doctor.Facts) { f.States = append(f.States, "c") }},
		"a task of a dead host":    {"orphaned_task", "t", func(f *doctor.Facts) { f.Tasks[0].Host = "h0" }},
		"a budget of a dead host":  {"orphaned_budget", "job.j", func(f *doctor.Facts) { f.Budgets[0].Since = now.Add(-time.Hour) }},
		"a replica behind its log": {"replica_behind", "mabus_log_economics/w1", func(f *doctor.Facts) { f.Tails[0].Writers[0].Behind = 129 }},
		"a replica that is silent": {"replica_behind", "mabus_log_economics", func(f *doctor.Facts) { f.Tails[0].Writers[1].At = now.Add(-time.Minute) }},
		"a body of nobody":         {"orphaned_body", "mabus_blobs b1", func(f *doctor.Facts) { f.Bodies.Count, f.Bodies.Largest = 1, "b1" }},
		"no host": {"no_host", "hosts", func(f *doctor.Facts) {
			f.Hosts, f.Tasks, f.Agents[0].Changed = f.Hosts[1:], nil, now
		}},
	}
	found := map[string]bool{}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := healthy()
			c.change(f)
			all := doctor.Examine(f)
			if len(all) != 1 || all[0].Code != c.code || all[0].On != c.on || all[0].What == "" || all[0].Why == "" || all[0].Do == "" {
				t.Errorf("found %+v, want %s of %s", all, c.code, c.on)
			}
			if wrong := len(all) == 1 && (all[0].Severity == doctor.Critical || all[0].Severity == doctor.Warning); wrong != doctor.Wrong(all) {
				t.Errorf("%+v: wrong is %v", all, doctor.Wrong(all))
			}
		})
		found[c.code] = true
	}
	for _, code := range doctor.Codes() {
		if !found[code] {
			t.Errorf("no case finds %s", code)
		}
	}
}

// What was not looked at says nothing: rules conclude from what is missing only when the list is whole.
func TestListsThatAreNotWhole(t *testing.T) {
	f := healthy()
	f.Services, f.Hosts, f.Agents, f.Looked = nil, nil, nil, doctor.Looked{}
	if all := doctor.Examine(f); len(all) > 0 {
		t.Errorf("found %+v", all)
	}
}

// Of a log so busy that only a moment of it was read nobody's silence is concluded, nor of a replica that has just started.
func TestLogsOfWhichLittleIsKnown(t *testing.T) {
	f := healthy()
	f.Tails[0].Since, f.Tails[0].Writers = now.Add(-time.Second), f.Tails[0].Writers[:1]
	if all := doctor.Examine(f); len(all) > 0 {
		t.Errorf("found %+v", all)
	}
	f = healthy()
	f.Tails[0].Writers = f.Tails[0].Writers[:1]
	f.Services[4].Since = now.Add(-time.Second)
	if all := doctor.Examine(f); len(all) > 0 {
		t.Errorf("found %+v", all)
	}
	f.Tails[0].Since = time.Time{}
	f.Services[4].Since = now.Add(-time.Minute)
	if all := doctor.Examine(f); len(all) != 1 {
		t.Errorf("found %+v", all)
	}
}

// The worst come first, and no facts, however odd, make a rule panic.
func TestAnyFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := healthy()
		n := rapid.Uint64().Draw(t, "n")
		age := time.Duration(rapid.Int64().Draw(t, "age"))
		for i := range f.Streams {
			f.Streams[i].Bytes, f.Streams[i].MaxBytes = n, rapid.Int64().Draw(t, "max")
			f.Streams[i].Replicas = rapid.IntRange(-1, 5).Draw(t, "replicas")
		}
		f.Server.Bytes, f.Server.MaxBytes, f.Clocks[0].Ahead = n, rapid.Uint64().Draw(t, "account"), age
		f.Leases[0].Renewed, f.Consumers[0].Active, f.Agents[0].Changed, f.Papers[0].Expires = now.Add(age), now.Add(-age), time.Time{}, now.Add(age)
		f.Consumers[0].Pending, f.Consumers[0].MaxAck = n, rapid.Int().Draw(t, "acks")
		all := doctor.Examine(f)
		order := make([]int, len(all))
		for i := range all {
			order[i] = slices.Index(doctor.Severities, all[i].Severity)
		}
		if !slices.IsSorted(order) {
			t.Fatal(fmt.Sprint(all))
		}
	})
}

// A service that was restarted has the dead replica beside the new one until its lease is declared dead: it answers all the same.
func TestAServiceWithAReadyReplicaIsNotCritical(t *testing.T) {
	for ready, want := range map[int]doctor.Severity{0: doctor.Critical, 1: doctor.Warning} {
		f := healthy()
		f.Ready["registry"] = doctor.Ready{Ready: ready, Live: 2}
		if all := doctor.Examine(f); len(all) != 1 || all[0].Severity != want {
			t.Errorf("%d of 2: %+v", ready, all)
		}
	}
}

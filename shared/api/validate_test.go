package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

func ids(n int) []string { return slices.Repeat([]string{"x"}, n) }

func object(size int) json.RawMessage {
	return json.RawMessage(`{"a":"` + strings.Repeat("x", size-8) + `"}`)
}

// Each row is a request and the fields that its refusal names; none for one that is good.
func TestValidate(t *testing.T) {
	id64, id65 := strings.Repeat("a", 64), strings.Repeat("a", 65)
	none, one, zero, minus := []string{}, 1, 0, -1
	spec := func(change func(*api.AgentSpec)) *api.AgentSpec {
		s := &api.AgentSpec{ID: "a"}
		change(s)
		return s
	}
	task := func(change func(*api.TaskSpec)) *api.TaskSpec {
		s := &api.TaskSpec{Capability: "c"}
		change(s)
		return s
	}
	rows := []struct {
		req    api.Validator
		fields string // separated by spaces
	}{
		{&api.GetRequest{ID: id64}, ""},
		{&api.GetRequest{}, "id"},
		{&api.GetRequest{ID: id65}, "id"},
		{&api.GetRequest{ID: "a.b"}, "id"},
		{&api.DeregisterRequest{ID: "a"}, ""},
		{&api.DeregisterRequest{ID: "é"}, "id"},

		{spec(func(*api.AgentSpec) {}), ""},
		{spec(func(s *api.AgentSpec) { s.ID = "" }), "id"},
		{spec(func(s *api.AgentSpec) { s.Type = "a b" }), "type"},
		{spec(func(s *api.AgentSpec) { s.Capabilities = ids(64) }), ""},
		{spec(func(s *api.AgentSpec) { s.Capabilities = ids(65) }), "capabilities"},
		{spec(func(s *api.AgentSpec) { s.Capabilities = []string{"*"} }), "capabilities"},
		{spec(func(s *api.AgentSpec) { s.Tags = ids(64) }), ""},
		{spec(func(s *api.AgentSpec) { s.Tags = ids(65) }), "tags"},
		{spec(func(s *api.AgentSpec) { s.Tags = []string{strings.Repeat("é", 64), "a b.c"} }), ""},
		{spec(func(s *api.AgentSpec) { s.Tags = []string{strings.Repeat("é", 65)} }), "tags"},
		{spec(func(s *api.AgentSpec) { s.Tags = []string{""} }), "tags"},
		{spec(func(s *api.AgentSpec) { s.Tags = []string{"a\nb"} }), "tags"},
		{spec(func(s *api.AgentSpec) { s.Metadata = object(64 << 10) }), ""},
		{spec(func(s *api.AgentSpec) { s.Metadata = object(64<<10 + 1) }), "metadata"},
		{spec(func(s *api.AgentSpec) { s.Metadata = json.RawMessage(`[]`) }), "metadata"},
		{spec(func(s *api.AgentSpec) { s.Config = json.RawMessage(`null`) }), "config"},
		{spec(func(s *api.AgentSpec) { s.Lease = "a b" }), "lease"},
		{spec(func(s *api.AgentSpec) { s.Concurrency = 10_000 }), ""},
		{spec(func(s *api.AgentSpec) { s.Concurrency = 10_001 }), "concurrency"},
		{spec(func(s *api.AgentSpec) { s.Concurrency = -1 }), "concurrency"},
		{spec(func(s *api.AgentSpec) { s.Mailbox = 1_000_000 }), ""},
		{spec(func(s *api.AgentSpec) { s.Mailbox = 1_000_001 }), "mailbox"},
		{spec(func(s *api.AgentSpec) { s.Mailbox = -1 }), "mailbox"},
		{spec(func(s *api.AgentSpec) { s.RestartPolicy = api.RestartTemporary }), ""},
		{spec(func(s *api.AgentSpec) { s.RestartPolicy = "sometimes" }), "restart_policy"},
		{spec(func(s *api.AgentSpec) { s.MaxRestarts, s.MaxSeconds = &zero, &one }), ""},
		{spec(func(s *api.AgentSpec) { s.MaxRestarts = &minus }), "max_restarts"},
		{spec(func(s *api.AgentSpec) { s.MaxSeconds = &zero }), "max_seconds"},
		{spec(func(s *api.AgentSpec) { s.Runtime, s.Module = api.RuntimeExternal, "m" }), "module"},
		{spec(func(s *api.AgentSpec) { s.Module = "m" }), ""},
		{spec(func(s *api.AgentSpec) { s.Runtime = api.RuntimeNative }), "module"},
		{spec(func(s *api.AgentSpec) { s.Module, s.Command = "m", ids(1) }), "command"},
		{spec(func(s *api.AgentSpec) { s.Command = []string{"sh", ""} }), ""},
		{spec(func(s *api.AgentSpec) { s.Command = []string{""} }), "command"},
		{spec(func(s *api.AgentSpec) { s.Runtime = api.RuntimeExec }), "command"},
		{spec(func(s *api.AgentSpec) { s.Runtime, s.Command, s.Module = api.RuntimeExec, ids(1), "m" }), "module"},
		{spec(func(s *api.AgentSpec) { s.Command = []string{"a\x00"} }), "command"},
		{spec(func(s *api.AgentSpec) { s.Command = []string{strings.Repeat("a", 64<<10)} }), ""},
		{spec(func(s *api.AgentSpec) { s.Command = []string{strings.Repeat("a", 64<<10+1)} }), "command"},
		{spec(func(s *api.AgentSpec) { s.Command, s.Dir = ids(1), "/\x00" }), "dir"},
		{spec(func(s *api.AgentSpec) { s.Command, s.Env = ids(1), map[string]string{"A": "b=c", "B": ""} }), ""},
		{spec(func(s *api.AgentSpec) { s.Command, s.Env = ids(1), map[string]string{"A=": "b"} }), "env"},
		{spec(func(s *api.AgentSpec) { s.Command, s.Env = ids(1), map[string]string{"": "b"} }), "env"},
		{spec(func(s *api.AgentSpec) { s.Command, s.Env = ids(1), map[string]string{"A": "\x00"} }), "env"},
		{spec(func(s *api.AgentSpec) { s.Runtime = "wasm" }), "runtime"},

		{&api.AgentsRegisterManyRequest{Agents: make([]api.AgentSpec, 1000)}, ""},
		{&api.AgentsRegisterManyRequest{Agents: make([]api.AgentSpec, 1001)}, "agents"},
		{&api.AgentsRegisterManyRequest{}, "agents"},
		{&api.AgentsListRequest{}, ""},
		{&api.AgentsListRequest{Type: "t", Capabilities: ids(64), Tags: ids(64), Status: api.AgentFailed, Host: "h", Limit: 1000, Cursor: "c"}, ""},
		{&api.AgentsListRequest{Limit: 1001}, "limit"},
		{&api.AgentsListRequest{Limit: -1}, "limit"},
		{&api.AgentsListRequest{Cursor: "a b"}, "cursor"},
		{&api.AgentsListRequest{Type: "a b"}, "type"},
		{&api.AgentsListRequest{Host: "a b"}, "host"},
		{&api.AgentsListRequest{Capabilities: ids(65)}, "capabilities"},
		{&api.AgentsListRequest{Tags: ids(65)}, "tags"},
		{&api.AgentsListRequest{Status: "happy"}, "status"},
		{&api.AgentUpdateRequest{ID: "a", Tags: &none, Capabilities: &none}, ""},
		{&api.AgentUpdateRequest{}, "id"},
		{&api.AgentUpdateRequest{ID: "a", Tags: &[]string{""}}, "tags"},
		{&api.AgentUpdateRequest{ID: "a", Capabilities: &[]string{""}}, "capabilities"},
		{&api.AgentUpdateRequest{ID: "a", Metadata: json.RawMessage(`7`)}, "metadata"},
		{&api.AgentTransitionRequest{ID: "a", Status: api.AgentRunning, Reason: strings.Repeat("r", 4096)}, ""},
		{&api.AgentTransitionRequest{Status: api.AgentRunning}, "id"},
		{&api.AgentTransitionRequest{ID: "a", Status: api.AgentRegistered}, "status"},
		{&api.AgentTransitionRequest{ID: "a"}, "status"},
		{&api.AgentTransitionRequest{ID: "a", Status: api.AgentRunning, Reason: strings.Repeat("r", 4097)}, "reason"},
		{&api.AgentTransitionRequest{ID: "a", Status: api.AgentRunning, Host: "a b"}, "host"},
		{&api.AgentTransitionRequest{ID: "a", Status: api.AgentRunning, HostLease: "a b"}, "host_lease"},

		{&api.Host{ID: "h", Lease: "l", Version: strings.Repeat("v", 128), Modules: ids(1000), Tags: ids(64)}, ""},
		{&api.Host{Lease: "l"}, "id"},
		{&api.Host{ID: "h"}, "lease"},
		{&api.Host{ID: "h", Lease: "l", Version: strings.Repeat("v", 129)}, "version"},
		{&api.Host{ID: "h", Lease: "l", MaxAgents: -1}, "max_agents cpus memory load"},
		{&api.Host{ID: "h", Lease: "l", CPUs: -1}, "max_agents cpus memory load"},
		{&api.Host{ID: "h", Lease: "l", Status: api.HostLive}, "principal status registered_at revision"},
		{&api.Host{ID: "h", Lease: "l", RegisteredAt: time.Unix(1, 0)}, "principal status registered_at revision"},
		{&api.Host{ID: "h", Lease: "l", Revision: "r"}, "principal status registered_at revision"},
		{&api.Host{ID: "h", Lease: "l", Modules: ids(1001)}, "modules"},
		{&api.Host{ID: "h", Lease: "l", Tags: ids(65)}, "tags"},
		{&api.Service{ID: "s", Name: "n", Subject: strings.Repeat("s", 1024)}, ""},
		{&api.Service{Name: "n"}, "id"},
		{&api.Service{ID: "s"}, "name"},
		{&api.Service{ID: "s", Name: "n", Lease: "a b"}, "lease"},
		{&api.Service{ID: "s", Name: "n", Subject: strings.Repeat("s", 1025)}, "version subject"},
		{&api.Service{ID: "s", Name: "n", Version: strings.Repeat("v", 129)}, "version subject"},
		{&api.Service{ID: "s", Name: "n", Status: api.HostDead}, "principal status registered_at revision"},
		{&api.Service{ID: "s", Name: "n", Metadata: json.RawMessage(`"x"`)}, "metadata"},
		{&api.Service{ID: "s", Name: "n", Tags: ids(65)}, "tags"},
		{&api.HostsListRequest{Status: api.HostDead, Module: "m", Limit: 1, Cursor: "c"}, ""},
		{&api.HostsListRequest{Limit: -1}, "limit"},
		{&api.HostsListRequest{Status: "ill"}, "status"},
		{&api.HostsListRequest{Cursor: "a b"}, "cursor"},
		{&api.HostsListRequest{Module: "a b"}, "module"},
		{&api.HostsListRequest{Tags: ids(65)}, "tags"},
		{&api.ServicesListRequest{Status: api.HostLive, Name: "n", Limit: 1000}, ""},
		{&api.ServicesListRequest{Limit: 1001}, "limit"},
		{&api.ServicesListRequest{Status: "ill"}, "status"},
		{&api.ServicesListRequest{Cursor: "a b"}, "cursor"},
		{&api.ServicesListRequest{Name: "a b"}, "name"},
		{&api.ServicesListRequest{Tags: ids(65)}, "tags"},
		{&api.ServicesWaitForRequest{Name: "n", Timeout: api.Duration(time.Hour)}, ""},
		{&api.ServicesWaitForRequest{Name: "n", Timeout: api.Duration(time.Hour + 1)}, "timeout"},
		{&api.ServicesWaitForRequest{Name: "n", Timeout: -1}, "timeout"},
		{&api.ServicesWaitForRequest{}, "name"},

		{&api.LeaseAcquireRequest{}, ""},
		{&api.LeaseAcquireRequest{ID: "a b"}, "id"},
		{&api.LeaseRenewRequest{ID: "l", Token: strings.Repeat("t", 256)}, ""},
		{&api.LeaseRenewRequest{ID: "l", Token: strings.Repeat("t", 257)}, "token"},
		{&api.LeaseRenewRequest{ID: "l"}, "token"},
		{&api.LeaseRenewRequest{Token: "t"}, "id"},

		{&api.AgentStartRequest{ID: "a", Host: "h"}, ""},
		{&api.AgentStartRequest{Agent: spec(func(s *api.AgentSpec) { s.Module = "m" })}, ""},
		{&api.AgentStartRequest{}, "id agent"},
		{&api.AgentStartRequest{ID: "a", Agent: &api.AgentSpec{}}, "id agent"},
		{&api.AgentStartRequest{ID: "a b"}, "id"},
		{&api.AgentStartRequest{ID: "a", Host: "a b"}, "host"},
		{&api.AgentStartRequest{Agent: &api.AgentSpec{}}, "id"},
		{&api.AgentStartRequest{Agent: spec(func(*api.AgentSpec) {})}, "module command http"},

		{task(func(*api.TaskSpec) {}), ""},
		{task(func(s *api.TaskSpec) { s.Capability = "" }), "capability"},
		{task(func(s *api.TaskSpec) { s.ID = "a b" }), "id"},
		{task(func(s *api.TaskSpec) { s.Job = "a b" }), "job"},
		{task(func(s *api.TaskSpec) { s.Priority = api.PriorityHigh }), ""},
		{task(func(s *api.TaskSpec) { s.Priority = "urgent" }), "priority"},
		{task(func(s *api.TaskSpec) { s.Attempts = 1000 }), ""},
		{task(func(s *api.TaskSpec) { s.Attempts = 1001 }), "attempts"},
		{task(func(s *api.TaskSpec) { s.Attempts = -1 }), "attempts"},
		{task(func(s *api.TaskSpec) { s.Timeout = -1 }), "timeout backoff"},
		{task(func(s *api.TaskSpec) { s.Backoff = api.Duration(24 * time.Hour) }), ""},
		{task(func(s *api.TaskSpec) { s.Backoff = api.Duration(24*time.Hour + 1) }), "timeout backoff"},
		{task(func(s *api.TaskSpec) { s.Payload = make(json.RawMessage, api.MaxPayload+1) }), "payload"},
		{&api.TasksSubmitManyRequest{Tasks: make([]api.TaskSpec, 1000)}, ""},
		{&api.TasksSubmitManyRequest{Tasks: make([]api.TaskSpec, 1001)}, "tasks"},
		{&api.TasksSubmitManyRequest{}, "tasks"},
		{&api.TaskGetRequest{ID: "t", Wait: api.Duration(time.Hour)}, ""},
		{&api.TaskGetRequest{ID: "t", Wait: api.Duration(time.Hour + time.Second)}, "wait"},
		{&api.TaskGetRequest{ID: "t", Wait: -1}, "wait"},
		{&api.TaskGetRequest{}, "id"},
		{&api.TasksListRequest{Status: api.TaskQueued, Limit: 1000}, ""},
		{&api.TasksListRequest{}, "status"},
		{&api.TasksListRequest{Status: api.TaskRunning}, "status"},
		{&api.TasksListRequest{Status: api.TaskFailed, Job: "a b"}, "job"},
		{&api.TasksListRequest{Status: api.TaskFailed, Capability: "a b"}, "capability"},
		{&api.TasksListRequest{Status: api.TaskFailed, Cursor: "a b"}, "cursor"},
		{&api.TasksListRequest{Status: api.TaskFailed, Limit: 1001}, "limit"},
		{&api.TaskCancelRequest{ID: "t", Reason: strings.Repeat("r", 4096)}, ""},
		{&api.TaskCancelRequest{ID: "t", Reason: strings.Repeat("r", 4097)}, "reason"},
		{&api.TaskCancelRequest{}, "id"},
		{&api.TaskReplayRequest{ID: "t"}, ""},
		{&api.TaskReplayRequest{}, "id"},
	}
	for i, row := range rows {
		err := row.req.Validate()
		if row.fields == "" {
			if err != nil {
				t.Errorf("row %d, %T: %v", i, row.req, err)
			}
			continue
		}
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || strings.Join(e.Details.Fields, " ") != row.fields {
			t.Errorf("row %d, %T: %v, want invalid for %s", i, row.req, err, row.fields)
			continue
		}
		if len(e.Message) > 500 {
			t.Errorf("row %d, %T: a message of %d bytes", i, row.req, len(e.Message))
		}
	}
}

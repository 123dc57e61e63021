package roster_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

var (
	t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	t1 = t0.Add(time.Second)
)

// registered returns the agent that a specification becomes.
func registered(t *testing.T, spec api.AgentSpec) *api.Agent {
	t.Helper()
	a, event, err := roster.Register(nil, spec, t0)
	if err != nil || event != roster.Registered {
		t.Fatalf("register %s: event %q, error %v", spec.ID, event, err)
	}
	return a
}

func refusedWith(t *testing.T, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got error %v, want %s (%s)", err, code, reason)
	}
}

func TestRegisterFillsInDefaults(t *testing.T) {
	got := registered(t, api.AgentSpec{ID: "a1", Module: "echo", Capabilities: []string{"nlp", "sum", "nlp"}, Tags: []string{"b", "a", "b"}})
	want := &api.Agent{
		AgentSpec: api.AgentSpec{
			ID: "a1", Type: "worker", Module: "echo", Runtime: api.RuntimeNative, Capabilities: []string{"nlp", "sum"}, Tags: []string{"b", "a"},
			Concurrency: 1, Mailbox: 1024, RestartPolicy: api.RestartPermanent, MaxRestarts: new(10), MaxSeconds: new(60),
		},
		Status: api.AgentRegistered, RegisteredAt: t0, ChangedAt: t0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("registered agent (-want +got):\n%s", diff)
	}
}

func TestRegisterKeepsWhatIsGiven(t *testing.T) {
	spec := api.AgentSpec{
		ID: "a1", Type: "trainer", Command: []string{"/bin/agent"}, Concurrency: 7, Mailbox: 9, RestartPolicy: api.RestartTemporary,
		MaxRestarts: new(0), MaxSeconds: new(5), Metadata: json.RawMessage(`{"custom_field":"custom_value","model":{"hidden_size":768,"bleu":0.85}}`),
	}
	got := registered(t, spec)
	spec.Runtime = api.RuntimeExec
	if diff := cmp.Diff(spec, got.AgentSpec); diff != "" {
		t.Errorf("specification (-want +got):\n%s", diff)
	}
}

func TestSecondRegistrationIsRefused(t *testing.T) {
	spec := api.AgentSpec{ID: "a1"}
	_, event, err := roster.Register(registered(t, spec), spec, t1)
	refusedWith(t, err, api.Conflict, api.ReasonAlreadyRegistered)
	if event != roster.NoChange {
		t.Errorf("event %q, want none", event)
	}
}

func TestDeadExternalAgentIsReplaced(t *testing.T) {
	old := registered(t, api.AgentSpec{ID: "a1", Lease: "l1"})
	if _, _, err := roster.Register(old, api.AgentSpec{ID: "a1", Lease: "l2"}, t1); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Errorf("registering over a live agent: %v, want already_registered", err)
	}
	lost, _, _ := roster.HostLost(old, "", "l1", t1)
	if _, _, err := roster.Register(lost, api.AgentSpec{ID: "a1", Lease: "l1"}, t1); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Errorf("registering again under the dead lease: %v, want already_registered", err)
	}
	broken := *lost
	broken.Reason = "it said so itself"
	if _, _, err := roster.Register(&broken, api.AgentSpec{ID: "a1", Lease: "l2"}, t1); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
		t.Errorf("registering over a failed agent whose process lives: %v, want already_registered", err)
	}
	a, event, err := roster.Register(lost, api.AgentSpec{ID: "a1", Lease: "l2"}, t1)
	if err != nil || event != roster.Registered || a.Status != api.AgentRegistered || a.Lease != "l2" {
		t.Errorf("registering over a dead agent: %+v, %q, %v", a, event, err)
	}
}

func TestOnlyExternalAgentsHaveALease(t *testing.T) {
	_, _, err := roster.Register(nil, api.AgentSpec{ID: "a1", Module: "echo", Lease: "l1"}, t0)
	refusedWith(t, err, api.Invalid, "")
}

// What the reference asks of a specification, as the wire contract checks it before any rule.
func TestSpecificationIsChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		spec   api.AgentSpec
		reason string
		field  string
	}{
		{"no id", api.AgentSpec{Type: "worker"}, api.ReasonMissingFields, "id"},
		{"no module", api.AgentSpec{ID: "a", Runtime: api.RuntimeNative}, api.ReasonMissingFields, "module"},
		{"no command", api.AgentSpec{ID: "a", Runtime: api.RuntimeExec}, api.ReasonMissingFields, "command"},
		{"negative restarts", api.AgentSpec{ID: "a", MaxRestarts: new(-1)}, api.ReasonSupervision, "max_restarts"},
		{"no seconds", api.AgentSpec{ID: "a", MaxSeconds: new(0)}, api.ReasonSupervision, "max_seconds"},
		{"bad id", api.AgentSpec{ID: "a b"}, "", "id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.spec.Validate()
			refusedWith(t, err, api.Invalid, c.reason)
			if diff := cmp.Diff([]string{c.field}, api.AsError(err).Details.Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	old := registered(t, api.AgentSpec{ID: "a1", Module: "echo", Capabilities: []string{"nlp"}, Tags: []string{"x"}, Metadata: json.RawMessage(`{"a":1}`)})
	busy := *old
	busy.Status = api.AgentRunning
	outside := *registered(t, api.AgentSpec{ID: "a1", Capabilities: []string{"nlp"}})
	outside.Status = api.AgentRunning
	for _, c := range []struct {
		name   string
		old    *api.Agent
		req    api.AgentUpdateRequest
		event  roster.Event
		reason string
		check  func(a *api.Agent) bool
	}{
		{"nothing given", old, api.AgentUpdateRequest{}, roster.NoChange, "", func(a *api.Agent) bool { return a == old }},
		{"same values", old, api.AgentUpdateRequest{Tags: &[]string{"x"}, Metadata: json.RawMessage(`{"a":1}`)}, roster.NoChange, "", nil},
		{
			"metadata is replaced whole", old,
			api.AgentUpdateRequest{Metadata: json.RawMessage(`{"b":2}`)},
			roster.Updated, "",
			func(a *api.Agent) bool {
				return string(a.Metadata) == `{"b":2}` && a.Tags[0] == "x" && a.ChangedAt == t0
			},
		},
		{
			"tags", old,
			api.AgentUpdateRequest{Tags: &[]string{"y", "y"}},
			roster.Updated, "",
			func(a *api.Agent) bool { return cmp.Equal(a.Tags, []string{"y"}) && string(a.Metadata) == `{"a":1}` },
		},
		{"tags are emptied", old, api.AgentUpdateRequest{Tags: &[]string{}}, roster.Updated, "", func(a *api.Agent) bool { return len(a.Tags) == 0 }},
		{
			"capabilities", old,
			api.AgentUpdateRequest{Capabilities: &[]string{"sum"}},
			roster.Updated, "",
			func(a *api.Agent) bool { return cmp.Equal(a.Capabilities, []string{"sum"}) },
		},
		{"capabilities of a running agent", &busy, api.AgentUpdateRequest{Capabilities: &[]string{"sum"}}, "", api.ReasonAgentDefinitionBusy, nil},
		{"the same capabilities of a running agent", &busy, api.AgentUpdateRequest{Capabilities: &[]string{"nlp"}}, roster.NoChange, "", nil},
		{"tags of a running agent", &busy, api.AgentUpdateRequest{Tags: &[]string{"z"}}, roster.Updated, "", nil},
		{"capabilities of a running external agent", &outside, api.AgentUpdateRequest{Capabilities: &[]string{"sum"}}, roster.Updated, "", nil},
		{"no such agent", nil, api.AgentUpdateRequest{}, "", api.ReasonAgentNotFound, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, event, err := roster.Update(c.old, &c.req)
			if event != c.event || api.ReasonOf(err) != c.reason {
				t.Fatalf("got event %q, error %v, want %q, %q", event, err, c.event, c.reason)
			}
			if c.check != nil && !c.check(got) {
				t.Errorf("got %+v", got)
			}
		})
	}
	if old.Tags[0] != "x" || old.Capabilities[0] != "nlp" {
		t.Error("the rule altered its argument")
	}
}

func TestDeregister(t *testing.T) {
	for _, status := range api.AgentStatuses {
		a := registered(t, api.AgentSpec{ID: "a1", Module: "echo"})
		a.Status = status
		got, event, err := roster.Deregister(a)
		if status.Active() {
			refusedWith(t, err, api.FailedPrecondition, api.ReasonAgentDefinitionBusy)
		} else if err != nil || got != nil || event != roster.Deregistered {
			t.Errorf("%s: %v, %q, %v", status, got, event, err)
		}
		outside := registered(t, api.AgentSpec{ID: "a1"})
		outside.Status = status
		if got, event, err := roster.Deregister(outside); err != nil || got != nil || event != roster.Deregistered {
			t.Errorf("external %s: %v, %q, %v", status, got, event, err)
		}
	}
	if got, event, err := roster.Deregister(nil); err != nil || got != nil || event != roster.NoChange {
		t.Errorf("absent: %v, %q, %v", got, event, err)
	}
}

func TestHostLost(t *testing.T) {
	for _, c := range []struct {
		name   string
		spec   api.AgentSpec
		status api.AgentStatus
		lease  string // that the agent's host holds
		fails  bool
	}{
		{"running on the host", api.AgentSpec{Module: "m"}, api.AgentRunning, "l1", true},
		{"starting on the host", api.AgentSpec{Module: "m"}, api.AgentStarting, "l1", true},
		{"stopping on the host", api.AgentSpec{Module: "m"}, api.AgentStopping, "l1", true},
		{"stopped on the host", api.AgentSpec{Module: "m"}, api.AgentStopped, "l1", false},
		{"running on another incarnation", api.AgentSpec{Module: "m"}, api.AgentRunning, "l2", false},
		{"never started", api.AgentSpec{Module: "m"}, api.AgentRegistered, "", false},
		{"external", api.AgentSpec{Lease: "l1"}, api.AgentRunning, "", true},
		{"external that never said it runs", api.AgentSpec{Lease: "l1"}, api.AgentRegistered, "", true},
		{"external that has stopped", api.AgentSpec{Lease: "l1"}, api.AgentStopped, "", false},
		{"external of another lease", api.AgentSpec{Lease: "l2"}, api.AgentRunning, "", false},
		{"external without a lease", api.AgentSpec{}, api.AgentRunning, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spec.ID = "a1"
			old := registered(t, c.spec)
			old.Status, old.HostLease = c.status, c.lease
			got, event, err := roster.HostLost(old, "", "l1", t1)
			if err != nil || (event == roster.Failed) != c.fails {
				t.Fatalf("event %q, error %v, want failure %v", event, err, c.fails)
			}
			if !c.fails {
				if got != old {
					t.Errorf("changed to %+v", got)
				}
				return
			}
			if got.Status != api.AgentFailed || got.ChangedAt != t1 || got.Reason[:9] != api.ReasonHostLost {
				t.Errorf("got %+v", got)
			}
			if again, event, _ := roster.HostLost(got, "", "l1", t1); event != roster.NoChange || again != got {
				t.Errorf("a second time: %q", event)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	for _, c := range []struct{ total, failed, want int }{{0, 0, 100}, {3, 3, 0}, {3, 0, 100}, {3, 1, 66}, {3, 2, 33}, {1000, 1, 99}} {
		if got := roster.Health(c.total, c.failed); got != c.want {
			t.Errorf("%d of %d failed: %d %%, want %d %%", c.failed, c.total, got, c.want)
		}
	}
}

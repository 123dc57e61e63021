package registry_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestOneOfManyRegistrationsWins(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, registry.Config{})
	for round := range 5 {
		checkRace(t, c, fmt.Sprintf("a%d", round))
	}
}

// checkRace registers one id twenty times at once.
func checkRace(t *testing.T, c *rpc.Conn, id string) {
	t.Helper()
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch _, err := call(t, c, api.AgentsRegister, api.AgentSpec{ID: id}); {
			case err == nil:
				won.Add(1)
			case api.CodeOf(err) == api.Conflict && api.ReasonOf(err) == api.ReasonAlreadyRegistered:
				lost.Add(1)
			default:
				t.Errorf("register %s: %v", id, err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 19 {
		t.Errorf("%s: %d registrations won and %d lost, want 1 and 19", id, won.Load(), lost.Load())
	}
}

func TestReadYourWritesOnAnyReplica(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, registry.Config{})
	checkReadYourWrites(t, c, 100)
}

func checkReadYourWrites(t *testing.T, c *rpc.Conn, rounds int) {
	t.Helper()
	for n := range rounds {
		id := fmt.Sprintf("rw%04d", n)
		made := must(t, c, api.AgentsRegister, api.AgentSpec{ID: id, Capabilities: []string{"rw"}})
		if made.Revision == "" {
			t.Fatal("the answer of a write has no revision")
		}
		// An id that is too new for a replica's mirror is found without a revision, too.
		if got := must(t, c, api.AgentsGet, api.GetRequest{ID: id}); got.ID != id || got.Revision != made.Revision {
			t.Fatalf("got %s at %s, want %s at %s", got.ID, got.Revision, id, made.Revision)
		}
		tags := []string{"t"}
		updated := must(t, c, api.AgentsUpdate, api.AgentUpdateRequest{ID: id, Tags: &tags})
		if got := must(t, c, api.AgentsGet, api.GetRequest{ID: id, MinRevision: updated.Revision}); !slices.Equal(got.Tags, tags) {
			t.Fatalf("get with min_revision: tags %v, want %v", got.Tags, tags)
		}
		list := must(t, c, api.AgentsList, api.AgentsListRequest{Capabilities: []string{"rw"}, Tags: tags, Limit: 1000, MinRevision: updated.Revision})
		if len(list.Agents) != n+1 || list.Agents[n].ID != id {
			t.Fatalf("list with min_revision: %d agents, want %d", len(list.Agents), n+1)
		}
	}
}

func TestRevisionsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, registry.Config{})
	service := must(t, c, api.ServicesRegister, api.Service{ID: "s1", Name: "n"})
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1"})
	refused(t, c, api.AgentsGet, api.GetRequest{ID: "a1", MinRevision: service.Revision}, api.FailedPrecondition, api.ReasonForeignRevision)
	refused(t, c, api.AgentsList, api.AgentsListRequest{MinRevision: service.Revision}, api.FailedPrecondition, api.ReasonForeignRevision)
	refused(t, c, api.AgentsUpdate, api.AgentUpdateRequest{ID: "a1", Revision: service.Revision}, api.FailedPrecondition, api.ReasonForeignRevision)
	if _, err := call(t, c, api.AgentsGet, api.GetRequest{ID: "a1", MinRevision: "junk"}); api.CodeOf(err) != api.Invalid {
		t.Errorf("junk revision: %v, want invalid", err)
	}
}

func TestUpdateByRevision(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{})
	first := must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1", Metadata: json.RawMessage(`{"v":0}`)})
	change := api.AgentUpdateRequest{ID: "a1", Metadata: json.RawMessage(`{"v":1}`), Revision: first.Revision}
	second := must(t, c, api.AgentsUpdate, change)
	if string(second.Metadata) != `{"v":1}` || second.Revision == first.Revision {
		t.Errorf("after the update: %s at %s", second.Metadata, second.Revision)
	}
	refused(t, c, api.AgentsUpdate, change, api.Conflict, api.ReasonRevisionMismatch)
	change.Revision, change.ID = second.Revision, "nobody"
	refused(t, c, api.AgentsUpdate, change, api.NotFound, api.ReasonAgentNotFound)

	// Of many updates that have seen the same state, one succeeds.
	var won atomic.Int64
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			_, err := call(t, c, api.AgentsUpdate, api.AgentUpdateRequest{ID: "a1", Metadata: fmt.Appendf(nil, `{"n":%d}`, n), Revision: second.Revision})
			if err == nil {
				won.Add(1)
			} else if api.ReasonOf(err) != api.ReasonRevisionMismatch {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d updates of one revision succeeded, want 1", won.Load())
	}
}

func TestRepeatedRequestGetsItsFirstAnswer(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, registry.Config{})
	first, err := rpc.Call(rpc.WithRequestID(t.Context(), "r1"), c, api.AgentsRegister, &api.AgentSpec{ID: "a1"})
	if err != nil {
		t.Fatal(err)
	}
	gone := must(t, c, api.AgentsDeregister, api.DeregisterRequest{ID: "a1"})
	for range 5 {
		again, err := rpc.Call(rpc.WithRequestID(t.Context(), "r1"), c, api.AgentsRegister, &api.AgentSpec{ID: "a1"})
		if err != nil || again.Revision != first.Revision {
			t.Errorf("repeated: %+v, %v, want revision %s", again, err, first.Revision)
		}
	}
	refused(t, c, api.AgentsGet, api.GetRequest{ID: "a1", MinRevision: gone.Revision}, api.NotFound, api.ReasonAgentNotFound)
	_, err = rpc.Call(rpc.WithRequestID(t.Context(), "r1"), c, api.AgentsRegister, &api.AgentSpec{ID: "a2"})
	if api.ReasonOf(err) != api.ReasonRequestReused {
		t.Errorf("another body under the same id: %v", err)
	}
}

func TestDeregisterIsIdempotent(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{})
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1"})
	if got := must(t, c, api.AgentsDeregister, api.DeregisterRequest{ID: "a1"}); !got.Existed || got.Revision == "" {
		t.Errorf("first: %+v", got)
	} else {
		if list := must(t, c, api.AgentsList, api.AgentsListRequest{MinRevision: got.Revision}); len(list.Agents) != 0 {
			t.Errorf("%d agents are left", len(list.Agents))
		}
	}
	for _, id := range []string{"a1", "never"} {
		if got := must(t, c, api.AgentsDeregister, api.DeregisterRequest{ID: id}); got.Existed {
			t.Errorf("%s: %+v", id, got)
		}
	}
	if again := must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1", Module: "m"}); again.Status != api.AgentRegistered || again.Runtime != api.RuntimeNative {
		t.Errorf("registered again: %+v", again)
	}
}

func TestBulkRegistration(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{})
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "b2", Type: "old"})
	got := must(t, c, api.AgentsRegisterMany, api.AgentsRegisterManyRequest{Agents: []api.AgentSpec{
		{ID: "b1", Type: "new"}, {ID: "b2", Type: "new"}, {ID: "b3", Type: "new"}, {ID: "b 4"}, {ID: "b1", Type: "other"},
	}})
	want := []string{"", api.ReasonAlreadyRegistered, "", "invalid", api.ReasonAlreadyRegistered}
	for i, r := range got.Results {
		reason := ""
		if r.Error != nil {
			if reason = r.Error.Details.Reason; reason == "" {
				reason = string(r.Error.Code)
			}
		}
		if reason != want[i] || (r.Agent == nil) != (r.Error != nil) {
			t.Errorf("result %d: %+v, error %v, want %q", i, r.Agent, r.Error, want[i])
		}
	}
	last := must(t, c, api.AgentsRegister, api.AgentSpec{ID: "last"})
	if list := must(t, c, api.AgentsList, api.AgentsListRequest{Type: "new", MinRevision: last.Revision}); len(list.Agents) != 2 {
		t.Errorf("%d agents of the new type, want 2", len(list.Agents))
	}
}

func TestLargeBulkIsRepeatable(t *testing.T) {
	c, _ := run(t, 2, registry.Config{})
	req := &api.AgentsRegisterManyRequest{}
	for n := range api.MaxBulk {
		req.Agents = append(req.Agents, api.AgentSpec{ID: fmt.Sprintf("b%04d", n)})
	}
	var answers [2]*api.AgentsRegisterManyResponse
	for i := range answers {
		natstest.Eventually(t, patience, func() bool { // whoever gets no answer in time asks again
			var err error
			answers[i], err = rpc.Call(rpc.WithRequestID(t.Context(), "bulk"), c, api.AgentsRegisterMany, req)
			if err != nil && api.CodeOf(err) != api.DeadlineExceeded && api.CodeOf(err) != api.Unavailable {
				t.Fatal(err)
			}
			return err == nil
		}, "it is answered")
	}
	if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
		t.Errorf("the answers differ (-first +second):\n%.2000s", diff)
	}
	for i, r := range answers[0].Results {
		if r.Error != nil || r.Agent.ID != req.Agents[i].ID {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	newest := must(t, c, api.AgentsUpdate, api.AgentUpdateRequest{ID: "b0000", Metadata: json.RawMessage(`{}`)}).Revision
	last := ""
	for pages, cursor := 0, ""; ; pages++ {
		p := must(t, c, api.AgentsList, api.AgentsListRequest{Limit: 300, Cursor: cursor, MinRevision: newest})
		for _, a := range p.Agents {
			if a.ID <= last {
				t.Fatalf("%s after %s", a.ID, last)
			}
			last = a.ID
		}
		if cursor = p.Next; cursor == "" {
			if pages != 3 || len(p.Agents) != 100 {
				t.Errorf("%d pages before the last one, which has %d agents; want 3 and 100", pages, len(p.Agents))
			}
			break
		}
	}
}

func TestOneHostClaims(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, registry.Config{})
	alive(t, c, "l1")
	must(t, c, api.AgentsRegister, api.AgentSpec{ID: "a1", Module: "echo"})
	var epochs sync.Map
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			host := fmt.Sprintf("h%d", n)
			a, err := call(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: api.AgentStarting, Host: host, HostLease: "l1"})
			if err == nil {
				epochs.Store(host, a.Epoch)
			} else if api.ReasonOf(err) != api.ReasonAlreadyRunning {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	owners := 0
	epochs.Range(func(host, epoch any) bool {
		owners++
		if epoch != uint64(1) {
			t.Errorf("%v has epoch %v", host, epoch)
		}
		return true
	})
	if owners != 1 {
		t.Fatalf("%d hosts own the agent", owners)
	}
	must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: api.AgentRunning, Epoch: 1})
	refused(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: api.AgentStopped, Epoch: 7}, api.Fenced, "")
	refused(t, c, api.AgentsDeregister, api.DeregisterRequest{ID: "a1"}, api.FailedPrecondition, api.ReasonAgentDefinitionBusy)
	refused(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "nobody", Status: api.AgentRunning}, api.NotFound, api.ReasonAgentNotFound)
}

func TestStats(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, registry.Config{})
	empty := must(t, c, api.AgentsStats, api.Empty{})
	if empty.Total != 0 || empty.HealthPercentage != 100 {
		t.Errorf("empty: %+v", empty)
	}
	var rev string
	for n := range 3 {
		id := fmt.Sprintf("a%d", n)
		must(t, c, api.AgentsRegister, api.AgentSpec{ID: id, Type: "t", Capabilities: []string{"c", id}})
		must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentRunning})
		if n > 0 {
			rev = must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentFailed, Reason: "broken"}).Revision
		}
	}
	got := statsSince(t, c, rev)
	want := &api.AgentsStatsResponse{
		Total: 3, ByStatus: map[api.AgentStatus]int{api.AgentRunning: 1, api.AgentFailed: 2}, ByType: map[string]int{"t": 3},
		ByCapability: map[string]int{"c": 3, "a0": 1, "a1": 1, "a2": 1}, ByHost: map[string]int{}, HealthPercentage: 33, Revision: rev,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

// statsSince asks until a replica that has seen the revision answers.
func statsSince(t *testing.T, c *rpc.Conn, rev string) *api.AgentsStatsResponse {
	t.Helper()
	for {
		if got := must(t, c, api.AgentsStats, api.Empty{}); got.Revision == rev {
			return got
		}
	}
}

func TestNamespacesDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var conns []*rpc.Conn
	for _, ns := range []string{"one", "two"} {
		conns = append(conns, []*rpc.Conn{dialTo(t, srv.URL(), ns), dialTo(t, srv.URL(), ns)}...)
		replicaOn(t, conns[len(conns)-1], registry.Config{})
	}
	must(t, conns[0], api.AgentsRegister, api.AgentSpec{ID: "a1"})
	refused(t, conns[2], api.AgentsGet, api.GetRequest{ID: "a1"}, api.NotFound, api.ReasonAgentNotFound)
	made := must(t, conns[2], api.AgentsRegister, api.AgentSpec{ID: "a1"})
	refused(t, conns[0], api.AgentsGet, api.GetRequest{ID: "a1", MinRevision: made.Revision}, api.FailedPrecondition, api.ReasonForeignRevision)
	if list := must(t, conns[2], api.AgentsList, api.AgentsListRequest{MinRevision: made.Revision}); len(list.Agents) != 1 {
		t.Errorf("%d agents in the second namespace", len(list.Agents))
	}
}

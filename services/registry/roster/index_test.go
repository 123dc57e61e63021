package roster_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

func TestDiscovery(t *testing.T) {
	x := roster.NewIndex()
	for _, spec := range []api.AgentSpec{
		{ID: "worker1", Type: "computation_worker", Capabilities: []string{"computation", "parallel_processing"}},
		{ID: "worker2", Type: "nlp_worker", Capabilities: []string{"nlp", "text_processing"}},
		{ID: "coordinator", Type: "coordinator", Capabilities: []string{"coordination", "task_distribution"}},
		{ID: "hybrid", Type: "hybrid", Capabilities: []string{"computation", "nlp"}, Tags: []string{"big"}},
	} {
		x.Set(spec.ID, roster.AgentTerms(registered(t, spec)))
	}
	for _, c := range []struct {
		name string
		req  api.AgentsListRequest
		want []string
	}{
		{"one capability", api.AgentsListRequest{Capabilities: []string{"computation"}}, []string{"hybrid", "worker1"}},
		{"both capabilities", api.AgentsListRequest{Capabilities: []string{"computation", "nlp"}}, []string{"hybrid"}},
		{"unknown capability", api.AgentsListRequest{Capabilities: []string{"computation", "flight"}}, nil},
		{"no condition", api.AgentsListRequest{}, []string{"coordinator", "hybrid", "worker1", "worker2"}},
		{"type", api.AgentsListRequest{Type: "computation_worker"}, []string{"worker1"}},
		{"tag and status", api.AgentsListRequest{Tags: []string{"big"}, Status: api.AgentRegistered}, []string{"hybrid"}},
		{"host of nobody", api.AgentsListRequest{Host: "h1"}, nil},
	} {
		got, more := x.List(roster.AgentFilter(&c.req), "", 10)
		if diff := cmp.Diff(c.want, got); diff != "" || more {
			t.Errorf("%s: more %v (-want +got):\n%s", c.name, more, diff)
		}
	}
}

func TestStatusesAreCounted(t *testing.T) {
	x := roster.NewIndex()
	for _, status := range []api.AgentStatus{running, stopped, failed, starting} {
		a := registered(t, api.AgentSpec{ID: "a-" + string(status), Module: "echo"})
		a.Status = status
		x.Set(a.ID, roster.AgentTerms(a))
	}
	for _, status := range []api.AgentStatus{running, stopped, failed, starting} {
		if ids, _ := x.List(roster.AgentFilter(&api.AgentsListRequest{Status: status}), "", 10); len(ids) != 1 || ids[0] != "a-"+string(status) {
			t.Errorf("%s: %v", status, ids)
		}
	}
	x.Remove("a-stopped")
	x.Remove("a-stopped")
	want := map[string]int{"running": 1, "failed": 1, "starting": 1}
	if diff := cmp.Diff(want, x.Counts(roster.FieldStatus)); diff != "" || x.Len() != 3 {
		t.Errorf("%d left, counts (-want +got):\n%s", x.Len(), diff)
	}
}

func TestFiltersNameEveryCondition(t *testing.T) {
	h := api.Host{ID: "h1", Lease: "l1", Modules: []string{"m"}, Tags: []string{"t"}, Status: api.HostLive}
	for _, want := range roster.HostFilter(&api.HostsListRequest{Status: api.HostLive, Module: "m", Tags: []string{"t"}}) {
		if !slices.Contains(roster.HostTerms(&h), want) {
			t.Errorf("a host has no term %+v", want)
		}
	}
	s := api.Service{ID: "s1", Name: "n", Tags: []string{"t"}, Lease: "l1", Status: api.HostLive}
	if got := roster.ServiceFilter(&api.ServicesListRequest{Status: api.HostLive, Name: "n", Tags: []string{"t"}}); len(got) != 3 {
		t.Errorf("filter %+v", got)
	} else {
		for _, want := range got {
			if !slices.Contains(roster.ServiceTerms(&s), want) {
				t.Errorf("a service has no term %+v", want)
			}
		}
	}
	lease := roster.Term{Field: roster.FieldLease, Value: "l1"}
	if !slices.Contains(roster.HostTerms(&h), lease) || !slices.Contains(roster.ServiceTerms(&s), lease) {
		t.Error("what lives is not found by its lease")
	}
	h.Status, s.Status = api.HostDead, api.HostDead
	if slices.Contains(roster.HostTerms(&h), lease) || slices.Contains(roster.ServiceTerms(&s), lease) {
		t.Error("what is dead is still found by its lease")
	}
}

// naive is the index as anybody would write it.
type naive map[string][]roster.Term

func (n naive) list(terms []roster.Term, cursor string, limit int) (ids []string, more bool) {
	for _, id := range slices.Sorted(maps.Keys(n)) {
		all := id > cursor
		for _, t := range terms {
			all = all && slices.Contains(n[id], t)
		}
		if !all {
			continue
		}
		if len(ids) == limit {
			return ids, true
		}
		ids = append(ids, id)
	}
	return ids, false
}

func TestIndexAgainstModel(t *testing.T) {
	term := rapid.Custom(func(t *rapid.T) roster.Term {
		return roster.Term{
			Field: rapid.SampledFrom([]roster.Field{roster.FieldType, roster.FieldTag}).Draw(t, "field"),
			Value: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "value"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		x, model := roster.NewIndex(), naive{}
		id := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("a%d", rapid.IntRange(0, 900).Draw(t, "n")) })
		// Many documents to begin with, so that lists are cut into chunks and joined again.
		for n := range rapid.SampledFrom([]int{0, 5, 900}).Draw(t, "first") {
			terms := []roster.Term{{Field: roster.FieldType, Value: []string{"x", "y", "z"}[n%3]}}
			x.Set(fmt.Sprintf("a%d", n), terms)
			model[fmt.Sprintf("a%d", n)] = terms
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				id, terms := id.Draw(t, "id"), rapid.SliceOfN(term, 0, 5).Draw(t, "terms")
				x.Set(id, terms)
				model[id] = terms
			},
			"remove": func(t *rapid.T) {
				id := id.Draw(t, "id")
				x.Remove(id)
				delete(model, id)
			},
			"remove a range": func(t *rapid.T) {
				from := rapid.IntRange(0, 900).Draw(t, "from")
				for n := from; n < from+300; n++ {
					x.Remove(fmt.Sprintf("a%d", n))
					delete(model, fmt.Sprintf("a%d", n))
				}
			},
			"": func(t *rapid.T) {
				terms, limit := rapid.SliceOfN(term, 0, 3).Draw(t, "filter"), rapid.IntRange(1, 400).Draw(t, "limit")
				cursor := rapid.OneOf(rapid.Just(""), id).Draw(t, "cursor")
				got, more := x.List(terms, cursor, limit)
				want, wantMore := model.list(terms, cursor, limit)
				if !slices.Equal(got, want) || more != wantMore {
					t.Fatalf("list %v after %q: %d ids, more %v; want %d, %v", terms, cursor, len(got), more, len(want), wantMore)
				}
				counts := map[string]int{}
				for _, terms := range model {
					seen := map[string]bool{}
					for _, m := range terms {
						if m.Field == roster.FieldTag && !seen[m.Value] {
							seen[m.Value] = true
							counts[m.Value]++
						}
					}
				}
				if diff := cmp.Diff(counts, x.Counts(roster.FieldTag)); diff != "" || x.Len() != len(model) {
					t.Fatalf("%d documents, want %d; counts (-want +got):\n%s", x.Len(), len(model), diff)
				}
				one := roster.Term{Field: roster.FieldTag, Value: "x"}
				if x.Count(one) != counts["x"] {
					t.Fatalf("count of %v: %d, want %d", one, x.Count(one), counts["x"])
				}
			},
		})
	})
}

func agentOf(n int) (string, []roster.Term) {
	return fmt.Sprintf("agent-%014d", uint32(n)*2654435761), []roster.Term{
		{Field: roster.FieldType, Value: fmt.Sprintf("type%d", n%7)},
		{Field: roster.FieldStatus, Value: "running"},
		{Field: roster.FieldCapability, Value: fmt.Sprintf("cap%d", n%50)},
		{Field: roster.FieldCapability, Value: fmt.Sprintf("cap%d", n%49+100)},
		{Field: roster.FieldHost, Value: fmt.Sprintf("host%d", n%20)},
		{Field: roster.FieldLease, Value: fmt.Sprintf("lease%d", n%20)},
	}
}

// TestIndexIsLean holds the index to its share of the kilobyte that a replica may spend on an agent.
func TestIndexIsLean(t *testing.T) {
	const agents = 50_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := roster.NewIndex()
	for n := range agents {
		x.Set(agentOf(n))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / agents
	t.Logf("%d bytes for each agent, its id included", each)
	if x.Len() != agents || each > 300 {
		t.Errorf("%d agents take %d bytes each, want at most 300", x.Len(), each)
	}
	runtime.KeepAlive(x)
}

func BenchmarkIndexSet(b *testing.B) {
	x := roster.NewIndex()
	for n := range 100_000 {
		x.Set(agentOf(n))
	}
	b.ResetTimer()
	for n := range b.N {
		id, terms := agentOf(n % 100_000)
		terms[1].Value = []string{"running", "failed"}[n/100_000%2]
		x.Set(id, terms)
	}
}

func BenchmarkIndexList(b *testing.B) {
	x := roster.NewIndex()
	for n := range 100_000 {
		x.Set(agentOf(n))
	}
	filter := roster.AgentFilter(&api.AgentsListRequest{Status: api.AgentRunning, Capabilities: []string{"cap7"}})
	b.ResetTimer()
	for range b.N {
		if ids, _ := x.List(filter, "agent-00002", 100); len(ids) != 100 {
			b.Fatalf("%d ids", len(ids))
		}
	}
}

package registry_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A replica spends at most a kilobyte on each agent that it knows, the mirror and the index together. The first replica makes
// the agents; what counts is what a second one adds that only loads them.
func TestAReplicaIsLean(t *testing.T) {
	const bulks = 20
	srv := natstest.StartProcess(t) // its memory is not the replica's
	c := dial(t, srv.URL(), "")
	_, stop := replica(t, srv.URL(), registry.Config{})
	for b := range bulks {
		req := api.AgentsRegisterManyRequest{}
		for n := range api.MaxBulk {
			req.Agents = append(req.Agents, api.AgentSpec{
				ID: fmt.Sprintf("agent-%02d-%08d", b, n), Type: "worker", Module: "echo",
				Capabilities: []string{fmt.Sprintf("capability-%d", n%50), "summarise"}, Tags: []string{"batch"},
			})
		}
		must(t, c, api.AgentsRegisterMany, req)
	}
	stop()
	before := heap()
	replica(t, srv.URL(), registry.Config{})
	if got := must(t, c, api.AgentsStats, api.Empty{}).Total; got != bulks*api.MaxBulk {
		t.Fatalf("%d agents", got)
	}
	each := (heap() - before) / (bulks * api.MaxBulk)
	t.Logf("%d bytes for each agent", each)
	if each > 1024 {
		t.Errorf("a replica takes %d bytes for each agent, want at most 1024", each)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// rosterNamespace holds many agents, apart from those that the other measurements start.
const rosterNamespace = "bench-registry"

// roster is a registry that knows many agents, and a client of it.
type roster struct {
	client *client.Client
	// live is the growth of the heap, in bytes for each agent, of the replica that registered them, loaded that of one that
	// came later and read them from the store.
	live, loaded float64
}

// fill starts a registry and registers the agents, once for all measurements that need them.
//
// The heap is that of this process, after two collections. The server is in a process of its own if the caller has seen to
// it, and whatever else runs here stands still meanwhile, so that what the heap grows by is what the replica keeps: its copy
// of the records, its index, and the room that their maps have grown to. A second replica's share, measured against a heap
// that has the first one's already, shows what a restart gives back.
func (r *run) fill(ctx context.Context) (*roster, error) {
	if r.roster != nil {
		return r.roster, nil
	}
	c, err := r.connect(ctx, rosterNamespace)
	if err != nil {
		return nil, err
	}
	if err := r.replica(ctx); err != nil {
		return nil, err
	}
	ro := &roster{client: c}
	before := heap()
	if err := ro.register(ctx, r.cfg.Agents); err != nil {
		return nil, fmt.Errorf("register %d agents: %w", r.cfg.Agents, err)
	}
	after := heap()
	if err := r.replica(ctx); err != nil {
		return nil, err
	}
	ro.live, ro.loaded = (after-before)/float64(r.cfg.Agents), (heap()-after)/float64(r.cfg.Agents)
	r.roster = ro
	return ro, nil
}

// replica starts a registry that runs until the run is closed. It has loaded all agents when this returns.
func (r *run) replica(ctx context.Context) error {
	conn, err := rpc.Dial(ctx, rpc.Options{URL: r.cfg.URL, Namespace: rosterNamespace, Name: "mabus bench registry"})
	if err != nil {
		return err
	}
	r.cleanup(conn.Close)
	s, err := registry.Start(ctx, conn, registry.Config{})
	if err != nil {
		return err
	}
	r.cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.Stop(ctx) // its namespace goes with it
	})
	return nil
}

func (ro *roster) register(ctx context.Context, n int) error {
	bulks, ctx := errgroup.WithContext(ctx)
	bulks.SetLimit(2)
	for from := 0; from < n; from += api.MaxBulk {
		bulks.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			specs := make([]api.AgentSpec, 0, api.MaxBulk)
			for i := from; i < min(from+api.MaxBulk, n); i++ {
				specs = append(specs, likely(agentID(i), i))
			}
			results, err := ro.client.Agents.RegisterMany(ctx, specs)
			if err != nil {
				return err
			}
			for _, res := range results {
				if res.Error != nil {
					return res.Error
				}
			}
			return nil
		})
	}
	return bulks.Wait()
}

func agentID(i int) string { return fmt.Sprintf("agent-%08d", i) }

// likely is a specification of the size that real ones have: three capabilities, two tags and 100 bytes of metadata.
func likely(id string, i int) api.AgentSpec {
	return api.AgentSpec{
		ID: id, Type: "worker", Module: "summariser",
		Capabilities: []string{"summarise", "translate", fmt.Sprintf("customer-%d", i%1000)}, Tags: []string{"production", "eu"},
		Metadata: json.RawMessage(fmt.Sprintf(`{"model":"large-3","team":"search","owner":"someone@example.org","region":"eu-west-1","seq":%12d}`, i)),
	}
}

func heap() float64 {
	runtime.GC()
	runtime.GC() // what finalizers let go in the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// With three servers and three copies reads of followers are stale and innocent writes fail, which one server never shows.
func TestThreeServers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	cluster := natstest.StartCluster(t, 3)
	for i := range 3 {
		replica(t, cluster.URL(i), registry.Config{Replicas: 3, Timing: quick, TakeUp: 100 * time.Millisecond})
	}
	c := dial(t, cluster.URLs(), "tester")
	info, err := c.JS.Stream(t.Context(), "KV_mabus_agents")
	if err != nil || info.CachedInfo().Config.Replicas != 3 {
		t.Fatalf("the bucket of agents: %+v, %v", info, err)
	}
	// A client that is the first to need it would make it with one copy, since it knows of no more.
	if info, err = c.JS.Stream(t.Context(), "OBJ_mabus_blobs"); err != nil || info.CachedInfo().Config.Replicas != 3 {
		t.Fatalf("the store of large bodies: %+v, %v", info, err)
	}
	checkRace(t, c, "race")
	checkReadYourWrites(t, c, 30)
	stop := alive(t, c, "l1")
	settle(t, c)
	stop()
	dead(t, c)

	// The death of the server that leads the bucket stops writes for some seconds, and loses nothing. A request that was given
	// to it is never answered, so each try has little time.
	before := must(t, c, api.AgentsGet, api.GetRequest{ID: "idle"})
	leader := -1 // there may be none for a moment
	natstest.Eventually(t, 2*patience, func() bool { leader = cluster.StreamLeader("KV_mabus_agents"); return leader >= 0 }, "somebody leads the bucket")
	cluster.StopNode(leader)
	natstest.Eventually(t, 2*patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := rpc.Call(ctx, c, api.AgentsRegister, &api.AgentSpec{ID: "later"})
		return err == nil || api.ReasonOf(err) == api.ReasonAlreadyRegistered
	}, "agents can be registered again")
	natstest.Eventually(t, 2*patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		after, err := rpc.Call(ctx, c, api.AgentsGet, &api.GetRequest{ID: "idle", MinRevision: before.Revision})
		if err == nil && after.Revision != before.Revision {
			t.Fatalf("after the leader's death: %s at %s, was at %s", after.Status, after.Revision, before.Revision)
		}
		return err == nil
	}, "agents can be read again")
}

package economics_test

import (
	"context"
	"testing"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Replicas stop and start while a crowd bids, pays and trades: what was granted is there once.
func TestReplicasComeAndGo(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	c := gather(t, r.srv.URL(), 4)
	end := c.trade()
	for i := range 4 {
		c.goOn(60)
		r.stops[i]()
		r.replica(economics.Config{})
	}
	end()
	c.settle()
}

// Of three servers that each have a copy of everything, the one that leads the log stops while a crowd bids, pays and trades.
func TestAServerStops(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	cluster := natstest.StartCluster(t, 3)
	for i := range 3 {
		replicaOn(t, cluster.URL(i))
	}
	c := gather(t, cluster.URLs(), 3)
	end := c.trade()
	c.goOn(60)
	leader := cluster.StreamLeader(api.Bucket(c.operator.Namespace, "log_economics"))
	if leader < 0 {
		t.Fatal("nobody leads the log")
	}
	cluster.StopNode(leader)
	end()
	c.settle()
}

// replicaOn is a replica that keeps three copies.
func replicaOn(t testing.TB, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	s, err := economics.Start(ctx, dial(t, url, ""), economics.Config{Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Logf("stop: %v", err)
		}
	})
}

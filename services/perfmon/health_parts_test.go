package perfmon_test

import (
	"context"
	"testing"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Coordination answers in two parts: both of a replica are one, and one without the other is none.
func TestReplicasInPartsAreCountedOnce(t *testing.T) {
	t.Parallel()
	conn, srv, _ := run(t, 1, quick)
	late := func() context.Context {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		t.Cleanup(cancel)
		return ctx
	}
	half := rpc.NewServer(dial(t, srv.URL(), ""), rpc.ServerConfig{Service: "coordination", Version: "0.0.0", Nouns: []string{"sessions", "protocols", "variables"}})
	rpc.Handle(half, api.SessionsGet, func(context.Context, *api.SessionGetRequest) (*api.Session, error) {
		return nil, api.Errorf(api.NotFound, "there are no sessions here")
	})
	if err := half.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = half.Stop(late()) })
	for want := 1; want <= 2; want++ {
		s, err := coordination.Start(t.Context(), dial(t, srv.URL(), ""), coordination.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Stop(late()) })
		natstest.Eventually(t, patience, func() bool {
			for _, one := range must(t, conn, api.HealthGet, api.HealthRequest{}).Services {
				if one.Name == "coordination" {
					return one.Ready == want
				}
			}
			return false
		}, "coordination has %d replicas", want)
	}
}

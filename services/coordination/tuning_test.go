package coordination_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestTheBoundOfWaitersIsChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 1, coordination.Config{Waiters: 5})
	s, err := registry.Start(t.Context(), dial(t, srv.URL(), ""), registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
	must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 1})
	first := seated(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: api.Duration(patience)})
	another := func() string {
		_, err := call(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: api.Duration(time.Millisecond)})
		return api.ReasonOf(err)
	}
	if got := another(); got == api.ReasonServerFull {
		t.Fatal("there is no seat")
	}
	config := client.New(c).Config
	natstest.Eventually(t, patience, func() bool { _, err := config.Set(t.Context(), "coordination.waiters", 1); return err == nil }, "the section is registered")
	natstest.Eventually(t, patience, func() bool { return another() == api.ReasonServerFull }, "the bound holds")
	if _, err := config.Set(t.Context(), "coordination.waiters", 3); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { return another() != api.ReasonServerFull }, "there is a seat again")
	must(t, c, api.LatchesCountDown, api.LatchCountDownRequest{Name: "l"})
	if _, err := heard(t, first); err != nil {
		t.Error(err)
	}
}

package setting_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A registry that has too much to do at the moment, as when many processes start at once, is asked again soon.
func TestAFullRegistryIsAskedAgain(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	startRegistryWith(t, srv.URL(), registry.Config{Limit: 1})
	conn := dial(t, srv.URL())
	natstest.Eventually(t, patience, func() bool {
		s, err := rpc.Call(t.Context(), conn, api.ConfigStatsGet, &api.Empty{})
		return err == nil && s.Sections == 2
	}, "the registry's own sections are registered")
	ctx, free := context.WithTimeout(t.Context(), 4*patience)
	waits := make(chan struct{})
	go func() { // takes the registry's one place
		defer close(waits)
		for ctx.Err() == nil {
			_, _ = rpc.Call(ctx, conn, api.ServicesWaitFor, &api.ServicesWaitForRequest{Name: "none", Timeout: api.Duration(time.Minute)})
		}
	}()
	t.Cleanup(func() { free(); <-waits })
	natstest.Eventually(t, patience, func() bool {
		_, err := rpc.Call(t.Context(), conn, api.ConfigStatsGet, &api.Empty{})
		return api.CodeOf(err) == api.Overloaded
	}, "the place is taken")
	asked, err := conn.NC.SubscribeSync(api.As("mabus", "*", api.ConfigRegister.Subject("mabus")))
	if err != nil {
		t.Fatal(err)
	}
	open(t, dial(t, srv.URL()), section(nil))
	for n := 0; n < 3; {
		m, err := asked.NextMsg(patience)
		if err != nil {
			t.Fatalf("it was asked %d times: %v", n, err)
		}
		if strings.Contains(string(m.Data), `"name":"sample"`) {
			n++
		}
	}
}

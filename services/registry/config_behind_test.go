package registry_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// What is protected is protected at a replica too that has not heard of it yet: it does not decide before it has.
func TestAReplicaThatIsBehindProtectsWhatIsProtected(t *testing.T) {
	t.Parallel()
	srv, cfg := natstest.Start(t), registry.Config{Operators: []string{"root"}}
	var deaf atomic.Bool // the first replica gets no news of the configuration
	deaf.Store(true)
	replica(t, natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
		if deaf.Load() && strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG.NEXT.KV_mabus_config.") {
			return natstest.Swallow
		}
		return natstest.Pass
	}), cfg)
	_, stop := replica(t, srv.URL(), cfg)
	c := dial(t, srv.URL(), "")
	fine(t, c, "svc", "registry.config.register", `{"name":"sample","schema":1,"json_schema":`+sampleSchema+`,"defaults":`+sampleDefaults+`}`)
	natstest.Eventually(t, patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := rpc.Call(ctx, c.WithPrincipal("root"), api.ConfigSet, &api.ConfigSetRequest{Values: []api.ConfigValue{{Path: "sample.owner", Value: []byte(`"ann"`)}}})
		return err == nil
	}, "the second replica sets what is protected")
	stop()
	reset := func(ctx context.Context) error {
		_, err := rpc.Call(ctx, c.WithPrincipal("bob"), api.ConfigReset, &api.ConfigResetRequest{Section: "sample"})
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := reset(ctx); api.CodeOf(err) != api.DeadlineExceeded && api.CodeOf(err) != api.PermissionDenied {
		t.Errorf("while it is behind: %v", err)
	}
	deaf.Store(false)
	natstest.Eventually(t, patience, func() bool { return api.CodeOf(reset(t.Context())) == api.PermissionDenied }, "it has heard of the section")
	natstest.Eventually(t, patience, func() bool { return config(t, c, "").Version > 0 }, "it has heard of the change")
	if v := config(t, c, ""); v.Version != 1 || string(v.Config) != `{"sample":{"owner":"ann"}}` {
		t.Errorf("%+v %s", v, v.Config)
	}
}

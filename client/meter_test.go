package client_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/sketch"
)

// figures adds up what callers measure.
type figures struct {
	mu     sync.Mutex
	series map[api.Series]*sketch.Sketch
}

func listenForFigures(t *testing.T, c *client.Client) *figures {
	t.Helper()
	f := &figures{series: map[api.Series]*sketch.Sketch{}}
	sub, err := c.Conn().NC.Subscribe(api.DeltasAdd.Subject("mabus"), func(msg *nats.Msg) {
		f.mu.Lock()
		defer f.mu.Unlock()
		var d api.DeltaAddRequest
		if err := codec.Decode(msg.Data, &d); err != nil {
			t.Errorf("%v", err)
		}
		for _, s := range d.Series {
			if f.series[s.Series] == nil {
				f.series[s.Series] = sketch.New()
			}
			if err := f.series[s.Series].MergeBinary(s.Sketch); err != nil {
				t.Errorf("%s: %v", s.Series, err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := c.Conn().NC.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *figures) count(s api.Series) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.series[s]; d != nil {
		return d.Count()
	}
	return 0
}

func TestACallerIsMeasuredOnRequest(t *testing.T) {
	c := inProcess(t, moody)
	heard := listenForFigures(t, c)
	begin(t, c, api.AgentSpec{ID: "m1", Module: "moody", Capabilities: []string{"mood"}})
	caller, err := client.Connect(t.Context(), client.Options{URL: c.Conn().NC.ConnectedUrl()})
	if err != nil {
		t.Fatal(err)
	}
	if err := caller.Measure(t.Context(), "no id"); api.CodeOf(err) != api.Invalid {
		t.Errorf("a name that is none: %v", err)
	}
	ctx := within(t, 20*time.Second)
	life, end := context.WithCancel(t.Context())
	if err := caller.Measure(life, "shop"); err != nil {
		t.Fatal(err)
	}
	if err := caller.Measure(life, "shop"); api.ReasonOf(err) != api.ReasonAlreadyRunning {
		t.Errorf("measured twice: %v", err)
	}
	for range 3 {
		if _, err := caller.CallCapability(ctx, "mood", "fine"); err != nil {
			t.Error(err)
		}
	}
	if _, err := caller.Call(ctx, "m1", "plain"); api.ReasonOf(err) != api.ReasonAgentError {
		t.Error(err)
	}
	if _, err := caller.Call(ctx, "m1", "own"); api.CodeOf(err) != api.RateLimited {
		t.Error(err)
	}
	if _, err := caller.Agents.Get(ctx, api.GetRequest{ID: "nobody"}); api.CodeOf(err) != api.NotFound {
		t.Error(err)
	}
	end()
	series := func(metric, typ string) api.Series {
		return api.Series{Metric: metric, Kind: api.SourceCaller, ID: "shop", Type: typ}
	}
	for s, want := range map[api.Series]uint64{
		series(api.MetricLatency, "mood"):         3,
		series(api.MetricLatency, api.TypeAgents): 2, series(api.MetricErrors, api.TypeAgents): 1, series(api.MetricRefusals, api.TypeAgents): 1,
		series(api.MetricLatency, "registry"): 1, series(api.MetricRefusals, "registry"): 1,
	} {
		natstest.Eventually(t, 10*time.Second, func() bool { return heard.count(s) == want }, "%s has %d samples", s, want)
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return caller.Conn().Meter() == nil }, "it ends with its context")
	if err := caller.Measure(t.Context(), "shop2"); err != nil {
		t.Error(err)
	}
	if _, err := caller.CallCapability(ctx, "mood", "fine"); err != nil {
		t.Error(err)
	}
	caller.Close() // the last figures go before the connection
	last := api.Series{Metric: api.MetricLatency, Kind: api.SourceCaller, ID: "shop2", Type: "mood"}
	natstest.Eventually(t, 10*time.Second, func() bool { return heard.count(last) == 1 }, "what the closed client has measured")
}

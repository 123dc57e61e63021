package loadbalancer_test

import (
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// ask sends a request as any NATS client would.
func (w *world) ask(t testing.TB, subject, body string) (string, *api.Error) {
	t.Helper()
	msg, err := w.Conn().NC.RequestWithContext(within(t, patience), "mabus."+subject, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if msg.Header.Get(api.HeaderErrorCode) == "" {
		return string(msg.Data), nil
	}
	e := new(api.Error)
	if err := codec.Read(msg.Data, e); err != nil {
		t.Fatal(err)
	}
	return "", e
}

func TestTheConfigurationIsObeyedByAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.outside(t, 3, "x")
	w.known(t, 3)
	c, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{})
	if err != nil || c.Version != 0 || c.Strategy != api.StrategyP2C || c.MaxActive != 10 || c.MaxMemoryBytes != 1<<30 || c.MaxCPU != 900_000 {
		t.Fatalf("%+v, %v", c, err)
	}
	// What the reference crashed on, and forgot all its agents, changes nothing.
	for _, body := range []string{`{"strategy":"best"}`, `{"strategy":""}`, `{}`, `{"config":{"strategy":"best"}}`, `{"strategy":5}`, `[]`, `{"strategy":"round_robin","config":{}}`} {
		if _, e := w.ask(t, "loadbalancer.config.set", body); e == nil || e.Code != api.Invalid {
			t.Errorf("%s: %v", body, e)
		}
	}
	all := func(want api.BalanceStrategy) bool {
		for range 12 {
			p, err := w.Balancer.Pick(t.Context(), api.PickRequest{Hold: 1})
			if err != nil || p.Strategy != want {
				return false
			}
		}
		return true
	}
	if !all(api.StrategyP2C) {
		t.Error("a bad configuration has changed something")
	}
	c, err = w.Balancer.SetConfig(t.Context(), api.BalanceSetRequest{Strategy: api.StrategyRoundRobin})
	if err != nil || c.Version != 1 || c.Strategy != api.StrategyRoundRobin || c.MaxActive != 10 {
		t.Fatalf("%+v, %v", c, err)
	}
	if got, err := w.Balancer.Config(t.Context(), api.BalanceGetRequest{MinRevision: c.Revision}); err != nil || got.Strategy != api.StrategyRoundRobin || got.Revision != c.Revision {
		t.Errorf("%+v, %v", got, err)
	}
	natstest.Eventually(t, patience, func() bool { return all(api.StrategyRoundRobin) }, "every replica obeys")
	old := uint64(0)
	_, err = w.Balancer.SetConfig(t.Context(), api.BalanceSetRequest{Strategy: api.StrategyHash, Version: &old})
	wantError(t, err, api.Conflict, api.ReasonConfigChanged)
	w.replica(t, loadbalancer.Config{}) // one that starts later knows it too
	w.known(t, 3)
	if !all(api.StrategyRoundRobin) {
		t.Error("a new replica does not obey")
	}
}

func TestJunkIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.outside(t, 1, "x")
	w.known(t, 1)
	for _, c := range []struct{ verb, body string }{
		{"agents.pick", `{"capabilities":["a b"]}`},
		{"agents.pick", `{"capabilities":"x"}`},
		{"agents.pick", `{"strategy":"random"}`},
		{"agents.pick", `{"hold":"-1s"}`},
		{"agents.pick", `{"hold":"2h"}`},
		{"agents.pick", `{"priority":5}`},
		{"agents.pick", `{"tenant":"a.b"}`},
		{"agents.pick", `nonsense`},
		{"agents.pick_many", `{"n":0}`},
		{"agents.pick_many", `{"n":1001}`},
		{"agents.pick_many", `{"n":-5}`},
		{"agents.report", `{}`},
		{"agents.report", `{"agent":"x000"}`},
		{"agents.report", `{"agent":"x000","metrics":{"cpu":1.5}}`},
		{"agents.report", `{"agent":"x000","metrics":{"cpu":"NaN"}}`},
		{"agents.report", `{"agent":"x000","metrics":{"cpu":-1}}`},
		{"agents.report", `{"agent":"x000","metrics":{"memory":-1}}`},
		{"agents.report", `{"agent":"x000","metrics":{"active":1e99}}`},
		{"agents.report", `{"assignment":"x","latency":"-1s"}`},
		{"agents.list", `{"limit":-1}`},
		{"agents.history", `{"limit":1001}`},
		{"plans.make", `{"band":2}`},
		{"plans.make", `{"by":"feeling"}`},
		{"plans.run", `{"plan":{"moves":[{"agents":[],"from":"a","to":"b"}]}}`},
		{"plans.run", `{"plan":{"moves":[{"agents":["a"],"from":"h","to":"h"}]}}`},
		{"plans.run", `{"plan":{},"band":0.5}`},
	} {
		if _, e := w.ask(t, "loadbalancer."+c.verb, c.body); e == nil || e.Code != api.Invalid {
			t.Errorf("%s %s: %v", c.verb, c.body, e)
		}
	}
	for subject, body := range map[string]string{
		"load.h1": `{"host":"h1"}`, "load.h2": `junk`, "load.request": ``, "loadbalancer-peers": `{"replica":"a b"}`,
		"loadbalancer-told": `{"replica":"r","agent":"x000","metrics":{"cpu":7}}`,
	} {
		if err := w.Conn().NC.Publish("mabus."+subject, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Conn().NC.Flush(); err != nil {
		t.Fatal(err)
	}
	got, e := w.ask(t, "loadbalancer.agents.get", `{"id":"x000"}`)
	if want := `{"id":"x000","capabilities":["x"],"outstanding":0,"others":0,"errors":0,"reported":false,"overloaded":false,"ejected":false,"share":`; e != nil || !strings.HasPrefix(got, want) {
		t.Errorf("%s, %v", got, e)
	}
}

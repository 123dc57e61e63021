package economics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
)

// digger answers with who has dug, and fails at stone.
var digger = agent.Module{Name: "digger", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
	return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		if string(m.Payload) == `"stone"` {
			return nil, errors.New("it is too hard")
		}
		return fmt.Appendf(nil, `{"by":%q}`, env.Spec.ID), nil
	}), nil
}}

// agents starts a registry and a host with agents that take tasks of their own.
func (r *rig) agents(ids ...string) {
	r.t.Helper()
	stop := func(what daemon.Running) {
		r.t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
			defer cancel()
			if err := what.Stop(ctx); err != nil {
				r.t.Errorf("stop: %v", err)
			}
		})
	}
	reg, err := registry.Start(r.t.Context(), dial(r.t, r.srv.URL(), ""), registry.Config{Sweep: time.Second})
	if err != nil {
		r.t.Fatal(err)
	}
	stop(reg)
	conn := dial(r.t, r.srv.URL(), "")
	store, err := lease.Open(r.t.Context(), conn.JS, conn.Namespace, 1, lease.Timing{})
	if err != nil {
		r.t.Fatal(err)
	}
	held, err := lease.Acquire(r.t.Context(), store, "host", lease.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
		defer cancel()
		_ = held.Release(ctx)
	})
	host, err := agenthost.Start(r.t.Context(), daemon.Env{
		Conn: conn, Lease: held, Log: zerolog.New(zerolog.NewTestWriter(r.t)).Level(zerolog.ErrorLevel), Metrics: prometheus.NewRegistry(), Version: "0.0.0",
	}, agenthost.Config{ID: "host", Modules: []agent.Module{digger}})
	if err != nil {
		r.t.Fatal(err)
	}
	stop(host)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for _, id := range ids {
		spec := api.AgentSpec{ID: id, Module: "digger", Capabilities: []string{"dig", api.OwnCapability(id)}}
		if _, err := client.New(conn).Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestTendersExecutedAsTasks(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.agents("a", "b")
	r.mint(10_000, "boss")
	boss := r.as("boss")
	for id, payload := range map[string]string{"soft": `"sand"`, "hard": `"stone"`, "checked": `"sand"`} {
		spec := digging(id)
		spec.Execution, spec.Expected, spec.Check, spec.Task.Payload = api.TenderAsTask, 2, id == "checked", json.RawMessage(payload)
		spec.Terms.Completion = api.Duration(patience)
		if id == "hard" { // its task fails for good when its time is up
			spec.Terms.Completion = api.Duration(time.Second)
		}
		must(t, boss, api.TendersAnnounce, spec)
		must(t, r.as("a"), api.TendersBid, api.TenderBidRequest{ID: id, Price: 500})
		must(t, r.as("b"), api.TendersBid, api.TenderBidRequest{ID: id, Price: 400})
	}
	must(t, boss, api.ContractsGet, api.ContractGetRequest{ID: "tender-checked", Since: api.ContractOpen, Wait: api.Duration(patience)})
	must(t, boss, api.ContractsAccept, api.ContractAcceptRequest{ID: "tender-checked"})
	for id, want := range map[string]api.TenderState{"soft": api.TenderDone, "hard": api.TenderFailed, "checked": api.TenderDone} {
		v := ended(t, boss, id)
		if v.State != want || v.Award.Winner != "b" || v.Award.Task == "" {
			t.Errorf("%s: %+v %+v", id, v, v.Award)
		}
		if want == api.TenderDone && string(v.Contract.Result) != `{"by":"b"}` {
			t.Errorf("the result of %s is %s", id, v.Contract.Result)
		}
	}
	r.comes("boss", 9000, 0)
	r.comes("b", 1000, 0)
	r.audit()
}

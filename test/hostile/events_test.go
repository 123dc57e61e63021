package hostile_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// do asks by a client's connection, and gives back the error alone.
func do[Req, Resp any](ctx context.Context, c *client.Client, m api.Method[Req, Resp], req Req) error {
	_, err := rpc.Call(ctx, c.Conn(), m, &req)
	return err
}

// events has an operator and an agent change something of each sort. Every event names who asked for the change that it tells of, and what
// only operators may do has an event whatever comes of it.
func (w *world) events(t *testing.T) {
	sub, err := w.op.Conn().NC.SubscribeSync(ns + ".event.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.op.Conn().NC.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	alice := w.client(t, api.KindAgent, "alice")
	ctx := w.within(t)
	tags := []string{"red"}
	threshold := api.Measure(1)
	// What is called <principal>... is changed by that principal.
	for what, err := range map[string]error{
		"register":       do(ctx, w.op, api.AgentsRegister, api.AgentSpec{ID: "op-agent"}),
		"update":         do(ctx, w.op, api.AgentsUpdate, api.AgentUpdateRequest{ID: "op-agent", Tags: &tags}),
		"self register":  do(ctx, alice, api.SelfRegister, api.AgentSpec{ID: "alice"}),
		"self move":      do(ctx, alice, api.SelfTransition, api.AgentTransitionRequest{ID: "alice", Status: api.AgentRunning}),
		"task":           do(ctx, alice, api.TasksSubmit, api.TaskSpec{ID: "alice-task", Capability: "nobody"}),
		"cancel":         do(ctx, alice, api.TasksCancel, api.TaskCancelRequest{ID: "alice-task"}),
		"event":          do(ctx, alice, api.EventsAppend, api.Event{ID: "e1", Type: "test.happened", Subject: "alice-event"}),
		"budget":         do(ctx, w.op, api.BudgetsSet, api.BudgetSetRequest{Scope: api.BudgetJob, ID: "op-job", Cap: 1_000_000}),
		"rule":           do(ctx, w.op, api.AlertRulesAdd, api.AlertRule{ID: "op-rule", Metric: "m", Threshold: &threshold, Comparison: api.AtLeast}),
		"deregister":     do(ctx, w.op, api.AgentsDeregister, api.DeregisterRequest{ID: "op-agent"}),
		"protocol":       do(ctx, w.op, api.ProtocolsRegister, api.Protocol{Name: "op-protocol", Type: api.SessionConsensus}),
		"protocol again": do(ctx, w.op, api.ProtocolsUnregister, api.NameRequest{Name: "op-protocol"}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	operated := map[string]bool{}
	told := map[string]bool{}
	for len(told) < 5 || !operated["perfmon.rules.add"] || !operated["registry.agents.deregister"] || !operated["agenthost.budgets.set"] || !operated["coordination.protocols.unregister"] {
		msg, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatalf("%v; events of %v, operated %v", err, told, operated)
		}
		var e api.Event
		if err := codec.Read(msg.Data, &e); err != nil {
			t.Fatal(err)
		}
		if by, ok := strings.CutPrefix(msg.Subject, ns+".event.as."); ok && e.Principal == "" { // an appended event has it in its subject alone
			e.Principal, _, _ = strings.Cut(by, ".")
		}
		if e.Type == api.EventOperated {
			var r api.Refusal
			if err := json.Unmarshal(e.Data, &r); err != nil || e.Principal != "op" && e.Principal != "h1" || r.Principal != e.Principal {
				t.Errorf("%s of %q: %v", r.What, e.Principal, err)
			}
			operated[r.What] = true
			continue
		}
		for _, who := range []string{"alice", "op"} {
			if e.Subject != who && !strings.HasPrefix(e.Subject, who+"-") {
				continue
			}
			if told[e.Subject] = true; e.Principal != who {
				t.Errorf("%s of %s is told in the name of %q", e.Type, e.Subject, e.Principal)
			}
		}
	}
}

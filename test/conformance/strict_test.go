package main_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// strict is cluster on a server that lets in only who has credentials. The host has those of a host, and Ann those of an agent.
func strict(t *testing.T) (*natstest.Strict, *client.Client) {
	t.Helper()
	srv := natstest.StartStrict(t)
	for name, kind := range map[string]api.Kind{"mabus": api.KindService, "h0": api.KindHost, "ann": api.KindAgent, "op": api.KindOperator} {
		srv.Creds(t, kind, name)
	}
	srv.Creds(t, api.KindAgent, "desk", "desk")
	serve := func(name string, s daemon.Service) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ready, done := make(chan struct{}, 1), make(chan error, 1)
		kind := map[string]api.Kind{"mabus": api.KindService, "h0": api.KindHost}[name]
		options := rpc.Options{URL: srv.URL(), Replicas: 1, Name: name, Principal: name, Credentials: srv.Creds(t, kind, name)}
		go func() {
			done <- daemon.Run(ctx, daemon.Config{
				NATS: options, Strict: true, Version: "0.0.0", Log: zerolog.Nop(), OnReady: func(*rpc.Conn) { ready <- struct{}{} },
			}, []daemon.Service{s})
		}()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		select {
		case <-ready:
		case err := <-done:
			done <- err
			t.Fatalf("%s did not start: %v", name, err)
		case <-within(t, eventually).Done():
			t.Fatalf("%s is not ready", name)
		}
	}
	serve("mabus", daemon.Service{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
		if err := agenthost.Prepare(ctx, env.Conn); err != nil {
			return nil, err
		}
		return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Strict: true, Log: env.Log, Metrics: env.Metrics})
	}})
	serve("h0", agenthost.New(agenthost.Config{ID: "h0"}))
	return srv, as(t, srv, api.KindAgent, "ann")
}

func as(t *testing.T, srv *natstest.Strict, kind api.Kind, name string) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL(), Principal: name, Credentials: srv.Creds(t, kind, name)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// An agent that speaks NATS itself does in strict mode what it does without.
func TestStrictExternalAgent(t *testing.T) {
	command := typescript(t, "external.js")
	srv, ann := strict(t)
	t.Setenv("NATS_CREDS", srv.Creds(t, api.KindAgent, "desk"))
	_ = external(t, command, srv.URL(), "desk")
	for name, check := range map[string]func(t *testing.T, c *client.Client){
		"streams": externalStreams, "credit": externalCredit, "questions": externalQuestions, "cancels": externalCancels,
	} {
		t.Run(name, func(t *testing.T) { check(t, ann) })
	}
	t.Run("calls", func(t *testing.T) {
		ctx := within(t, eventually)
		if a, err := ann.Agents.Get(ctx, api.GetRequest{ID: "desk"}); err != nil || a.Status != api.AgentRunning || a.Lease == "" {
			t.Fatalf("%+v, %v", a, err)
		}
		for what, ask := range map[string]func() (json.RawMessage, error){
			"by name": func() (json.RawMessage, error) { return ann.Call(ctx, "desk", map[string]string{"text": "hi"}) },
			"by capability": func() (json.RawMessage, error) {
				return ann.CallCapability(ctx, "desk", map[string]string{"text": "hi"})
			},
		} {
			if got, err := ask(); err != nil || string(got) != `{"text":"hi","principal":"ann","job":null}` {
				t.Errorf("%s: %s, %v", what, got, err)
			}
		}
		inner := map[string]any{"text": "inner"}
		got, err := ann.Call(ctx, "desk", map[string]any{"relay": map[string]any{"agent": "desk", "payload": inner}})
		if err != nil || string(got) != `{"text":"inner","principal":"desk","job":null}` {
			t.Errorf("nested: %s, %v", got, err)
		}
		if err := ann.Cast(ctx, "desk", map[string]string{"text": "cast"}); err != nil {
			t.Error(err)
		}
	})
}

// Workers in every language run on a host that has credentials of its own.
func TestStrictWorkers(t *testing.T) {
	t.Parallel()
	srv, ann := strict(t)
	op := as(t, srv, api.KindOperator, "op")
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			spec := api.AgentSpec{ID: language, Capabilities: []string{language}, Command: worker(t, language)}
			if language == "python" {
				spec.Env = map[string]string{"PYTHONPATH": root(t, "client/python")}
			}
			if _, err := op.Agents.Start(within(t, eventually), api.AgentStartRequest{Agent: &spec}); err != nil {
				t.Fatal(err)
			}
			ctx := within(t, eventually)
			if got, err := ann.Call(ctx, language, map[string]any{"do": "echo", "value": 1}); err != nil || string(got) != "1" {
				t.Errorf("%s, %v", got, err)
			}
			task, err := ann.Tasks.Submit(ctx, api.TaskSpec{Capability: language, Payload: json.RawMessage(`{"do":"steps","n":2}`)})
			if err != nil {
				t.Fatal(err)
			}
			if task, err = ann.Tasks.Get(ctx, api.TaskGetRequest{ID: task.ID, Wait: api.Duration(eventually)}); err != nil || task.Status != api.TaskSucceeded {
				t.Errorf("%+v, %v", task, err)
			}
			if language == "go" {
				return // there is nobody yet to be called
			}
			// It calls others in its own name.
			got, err := ann.Call(ctx, language, map[string]any{"do": "call", "agent": "go", "payload": map[string]any{"do": "about"}})
			var about struct {
				Principal string `json:"principal"`
			}
			if err != nil || json.Unmarshal(got, &about) != nil || about.Principal != language {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

package agreement_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

var echo = agent.Module{Name: "echo-back", New: func(context.Context, agent.Env) (agent.Handler, error) {
	return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) { return m.Payload, nil }), nil
}}

// use starts an agent, talks to it, and ends.
func use(ctx context.Context, t *testing.T, r *agreement.Runtime) {
	t.Helper()
	id, err := r.Start(ctx, "a", echo.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := r.Client.Call(ctx, id, 7); err != nil || string(answer) != "7" {
		t.Errorf("%s, %v", answer, err)
	}
	if _, err := r.Register(ctx, "b"); err != nil {
		t.Error(err)
	}
	if r.Name(id) != "a" || id == "a" {
		t.Errorf("%s is of %s", id, r.Name(id))
	}
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestAServerOfItsOwn: without a server one is started, and nothing is left of it.
func TestAServerOfItsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds Mabus")
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := agreement.Open(ctx, agreement.Config{Modules: []agent.Module{echo}})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "mabus-example-*")); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	use(ctx, t, r)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	if c, err := client.Connect(ctx, client.Options{URL: r.URL}); err == nil {
		c.Close()
		t.Error("the server goes on")
	}
}

// TestSomebodyElsesServer: two runs at once do not meet, and leave no agents there.
func TestSomebodyElsesServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	url := natstest.Start(t).URL()
	first, err := agreement.Open(ctx, agreement.Config{Server: url, Services: agreement.Services(), Modules: []agent.Module{echo}, Hosts: 2})
	if err != nil {
		t.Fatal(err)
	}
	second, err := agreement.Open(ctx, agreement.Config{Server: url, Modules: []agent.Module{echo}})
	if err != nil {
		t.Fatal(err)
	}
	hosts := map[string]bool{}
	for _, name := range []string{"a0", "a1"} {
		id, err := first.Start(ctx, name, echo.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := first.Client.Agents.Get(ctx, api.GetRequest{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		hosts[a.Host] = true
	}
	if len(hosts) != 2 {
		t.Errorf("the agents run on %v", hosts)
	}
	use(ctx, t, second)
	for a, err := range first.Client.Agents.All(ctx, api.AgentsListRequest{}) {
		if err != nil || !strings.HasPrefix(a.ID, "a0-") && !strings.HasPrefix(a.ID, "a1-") {
			t.Errorf("there is %s, %v", a.ID, err)
		}
	}
	if err := first.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestNoServer: an address where nothing answers is an error at once.
func TestNoServer(t *testing.T) {
	r, err := agreement.Open(t.Context(), agreement.Config{Server: "nats://127.0.0.1:1", Modules: []agent.Module{echo}})
	if r != nil || api.CodeOf(err) != api.Unavailable {
		t.Errorf("%v, %v", r, err)
	}
}

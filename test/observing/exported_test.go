package observing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

func services() []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, e.Conn, registry.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, e.Conn, coordination.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, e.Conn, economics.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "perfmon", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, e.Conn, perfmon.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "loadbalancer", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, e.Conn, loadbalancer.Config{Version: e.Version, Log: e.Log, Metrics: e.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module}}),
	}
}

// serve runs every service in one process, as `mabus up` does, and returns what it answers at /metrics, once there was something to do.
func serve(t *testing.T) string {
	t.Helper()
	ports := natstest.FreePorts(t, 1)
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	srv := natstest.StartWith(t, natsd.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: srv.URL()}, Version: "0.0.0", HTTP: addr, Log: zerolog.Nop(), OnReady: func(*rpc.Conn) { ready <- struct{}{} },
		}, services())
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the services ended with %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	work(t, srv.URL())
	var text string
	natstest.Eventually(t, patience, func() bool {
		text = get(t, "http://"+addr+"/metrics")
		return strings.Contains(text, `mabus_host_tasks_total{host="h1",outcome="succeeded"} 1`) && strings.Contains(text, "mabus_stream_bytes") &&
			strings.Contains(text, "mabus_service_instances") // services are registered once they answer
	}, "the metrics tell of the task, of the streams, and of who is registered")
	return text
}

// work has the services do something.
func work(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Connect(ctx, client.Options{URL: url, Principal: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = c.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: "e", Module: "echo", Capabilities: []string{"echo"}}}); err == nil {
		_, err = c.Call(ctx, "e", json.RawMessage(`1`))
	}
	if err == nil {
		_, err = c.Tasks.Submit(ctx, api.TaskSpec{Capability: "echo", Payload: json.RawMessage(`1`)})
	}
	if err == nil {
		_, err = c.Auctions.Create(ctx, api.AuctionSpec{Type: api.AuctionEnglish, Item: json.RawMessage(`1`)})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", resp.StatusCode, body, err)
	}
	return string(body)
}

// metric is a name in an expression that could be that of a metric of ours, of the Go runtime or of the process.
var metric = regexp.MustCompile(`\b(mabus[_:][a-zA-Z0-9_:]+|go_[a-z0-9_]+|process_[a-z0-9_]+)\b`)

// absent are the metrics that a process exports only when there is something to say.
var absent = []string{"mabus_store_max_bytes"} // an account without a bound

// exports returns the names of the series of a scrape: of a histogram those of its parts.
func exports(scrape string) []string {
	names := slices.Clone(absent)
	for line := range strings.Lines(scrape) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			name, _, _ = strings.Cut(name, "{")
			names = append(names, name)
		}
	}
	return names
}

func TestEveryMetricThatIsLookedAtIsExported(t *testing.T) {
	have := exports(serve(t))
	r, _ := readRules(t)
	asked := map[string][]string{}
	note := func(where, expr string) {
		for _, name := range metric.FindAllString(expr, -1) {
			asked[name] = append(asked[name], where)
		}
	}
	for _, g := range r.Groups {
		for _, rule := range g.Rules {
			if rule.Record != "" {
				have = append(have, rule.Record)
			}
			note(rule.Record+rule.Alert, rule.Expr)
		}
	}
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				note(fmt.Sprintf("%s: %s", file, p.Title), target.Expr)
			}
		}
		for _, v := range d.Templating.List {
			note(file, fmt.Sprint(v.Query))
		}
	}
	if len(asked) < 25 {
		t.Errorf("only %d metrics are looked at", len(asked))
	}
	for name, where := range asked {
		if !slices.Contains(have, name) {
			t.Errorf("no process exports %s, which %s asks for", name, strings.Join(where, " and "))
		}
	}
}

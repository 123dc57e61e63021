package tracing_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	oteltrace "go.opentelemetry.io/otel/trace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

const secret = "hunter2"

// root begins the trace of a test.
func root(ctx context.Context) (context.Context, oteltrace.Span, string) {
	ctx, s := otel.Tracer("test").Start(ctx, "root")
	return ctx, s, s.SpanContext().SpanID().String()
}

// oneTrace fails for a span that is in another trace, or tells the secret.
func oneTrace(t *testing.T, spans []span, id string) {
	t.Helper()
	for _, s := range spans {
		if s.trace != id {
			t.Errorf("%s is in trace %s, not %s", s.name, s.trace, id)
		}
		for k, v := range s.attributes {
			if strings.Contains(v, secret) {
				t.Errorf("%s tells a payload in %s: %s", s.name, k, v)
			}
		}
	}
}

// exported runs the services with their traces exported to a collector.
func exported(t *testing.T) (*sink, *client.Client) {
	t.Helper()
	to := newSink(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", to.url)
	return to, serve(t)
}

func TestFromACallerThroughAServiceToItsLog(t *testing.T) {
	to, c := exported(t)
	ctx, s, id := root(t.Context())
	within(t, func(context.Context) error {
		_, err := c.Auctions.Create(client.WithRequestID(ctx, "r-1"), api.AuctionSpec{ID: "a1", Type: api.AuctionEnglish, Item: json.RawMessage(`"` + secret + `"`)})
		return err
	})
	s.End()
	got := to.path(t, id, "mabus/economics.auctions.create", "mabus/economics.auctions.create", "mabus/append to log economics", "mabus/publish log economics")
	oneTrace(t, got, s.SpanContext().TraceID().String())
	call, serve, log := got[0], got[1], got[2]
	if call.kind != otlp.Span_SPAN_KIND_CLIENT || serve.kind != otlp.Span_SPAN_KIND_SERVER || log.kind != otlp.Span_SPAN_KIND_INTERNAL {
		t.Errorf("kinds %v, %v, %v", call.kind, serve.kind, log.kind)
	}
	for k, want := range map[string]string{
		trace.RPCMethod: "economics.auctions.create", trace.RPCSystem: "mabus", trace.Messaging: "nats", trace.Principal: "ann", trace.RequestID: "r-1", trace.Namespace: "mabus",
	} {
		if call.attributes[k] != want || serve.attributes[k] != want {
			t.Errorf("%s is %q and %q", k, call.attributes[k], serve.attributes[k])
		}
	}
	if log.attributes[trace.Command] != "auctions.create" || log.attributes[trace.Entry] == "" {
		t.Errorf("the log says %v", log.attributes)
	}
	if batch := got[3]; batch.kind != otlp.Span_SPAN_KIND_PRODUCER || batch.attributes[trace.BatchSize] == "" || batch.attributes[trace.Log] != "economics" {
		t.Errorf("the batch is %v", batch)
	}
}

func TestFromACallerToABucket(t *testing.T) {
	to, c := exported(t)
	ctx, s, id := root(t.Context())
	within(t, func(context.Context) error {
		_, err := c.Agents.Register(ctx, api.AgentSpec{ID: "a1", Module: "echo", Config: json.RawMessage(`{"key":"` + secret + `"}`)})
		return err
	})
	s.End()
	got := to.path(t, id, "mabus/registry.agents.register", "mabus/registry.agents.register", "mabus/put mabus_agents")
	oneTrace(t, got, s.SpanContext().TraceID().String())
	if put := got[2]; put.attributes[trace.Collection] != "mabus_agents" || put.attributes[trace.StoreAction] != "put" {
		t.Errorf("got %v", put.attributes)
	}
}

// A program that exports its own spans asks another agent: the trace goes through it, and comes back.
func TestFromACallerThroughAHostAndAProgramToAnotherAgent(t *testing.T) {
	to, c := exported(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, c, api.AgentSpec{ID: "echo", Module: "echo"})
	begin(t, c, api.AgentSpec{ID: "asks", Capabilities: []string{"ask"}, Command: []string{self}, Env: map[string]string{
		asWorker: "1", "OTEL_EXPORTER_OTLP_ENDPOINT": to.url, "OTEL_BSP_SCHEDULE_DELAY": "20",
	}})
	ctx, s, id := root(t.Context())
	within(t, func(context.Context) error {
		answer, err := c.Call(ctx, "asks", json.RawMessage(`"`+secret+`"`))
		if err == nil && string(answer) != `"`+secret+`"` {
			t.Errorf("got %s", answer)
		}
		return err
	})
	s.End()
	in := "mabus/process agent.{id}"
	out := "mabus/request agent.{id}"
	got := to.path(t, id, out, in, "worker/handle message", out, in)
	oneTrace(t, got, s.SpanContext().TraceID().String())
	waited := to.path(t, id, out, in, "mabus/mailbox")
	if waited[1].id != got[1].id {
		t.Error("the mailbox is another message's")
	}
	handled, nested := got[1].attributes, got[4].attributes
	if handled[trace.Agent] != "asks" || handled[trace.Runtime] != "exec" || handled[trace.Host] != "h1" || handled[trace.Principal] != "ann" {
		t.Errorf("the host says %v", handled)
	}
	if nested[trace.Agent] != "echo" || nested[trace.Runtime] != "native" || nested[trace.Principal] != "asks" {
		t.Errorf("of the agent that was asked it says %v", nested)
	}

	// A task is a trace of its own, linked to its submission.
	ctx, s, id = root(t.Context())
	var task *api.Task
	within(t, func(context.Context) (err error) {
		task, err = c.Tasks.Submit(ctx, api.TaskSpec{Capability: "ask", Payload: json.RawMessage(`"` + secret + `"`)})
		return err
	})
	s.End()
	submitted := to.path(t, id, "mabus/agenthost.tasks.submit", "mabus/agenthost.tasks.submit")[1]
	attempt := to.path(t, "", "mabus/process task", "worker/handle message", out, in)
	oneTrace(t, attempt, attempt[0].trace)
	if first := attempt[0]; !slices.Contains(first.links, submitted.id) || first.trace == submitted.trace ||
		first.attributes[trace.Task] != task.ID || first.attributes[trace.Attempt] != "1" || first.attributes[trace.Agent] != "asks" {
		t.Errorf("the attempt is %+v, submitted by %s", first, submitted.id)
	}
}

// The questions of a session and the answers to them are in the trace of its start.
func TestASession(t *testing.T) {
	to, c := exported(t)
	begin(t, c, api.AgentSpec{ID: "echo", Module: "echo"})
	ctx, s, id := root(t.Context())
	within(t, func(context.Context) error {
		_, err := c.Sessions.Start(ctx, api.SessionStartRequest{ID: "s1", Type: api.SessionConsensus, Members: []string{"echo"}, Question: json.RawMessage(`"` + secret + `"`)})
		return err
	})
	s.End()
	start := "mabus/coordination.sessions.start"
	answer := "mabus/coordination.sessions.answer"
	got := to.path(t, id, start, start, "mabus/ask session members", "mabus/process agent.{id}", answer, answer)
	oneTrace(t, got, s.SpanContext().TraceID().String())
	if asked := got[3].attributes; asked[trace.Session] != "s1" || asked[trace.Round] != "1" || asked[trace.Agent] != "echo" {
		t.Errorf("the host says %v", asked)
	}
}

// A caller that has a trace, but exports nothing, and services that do not either: what came goes on.
func TestWithoutAnExporterTheTraceGoesOn(t *testing.T) {
	c := serve(t)
	if trace.On() {
		t.Fatal("there is a tracer provider")
	}
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	begin(t, c, api.AgentSpec{ID: "w", Command: []string{"sh", "-c", `while read -r line; do case $line in *'"traceparent":"` + parent + `"'*) printf '{"type":"result","id":"1","payload":"yes"}\n';; *'"type":"message"'*) printf '{"type":"result","id":"1","payload":"no"}\n';; esac; done`}})
	within(t, func(ctx context.Context) error {
		answer, err := c.Call(trace.Remote(ctx, parent), "w", nil)
		if err == nil && string(answer) != `"yes"` {
			t.Errorf("got %s", answer)
		}
		return err
	})
}

// A collector that is away, or takes requests and never answers, neither slows requests nor fails them, and does not hold up the end.
func TestADeadCollector(t *testing.T) {
	for name, url := range map[string]string{"away": "http://127.0.0.1:1", "silent": silent(t)} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
			t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16") // soon full
			t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
			c := serve(t)
			begin(t, c, api.AgentSpec{ID: "echo", Module: "echo"})
			for range 500 {
				within(t, func(ctx context.Context) error {
					ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
					defer cancel()
					_, err := c.Call(ctx, "echo", nil)
					return err
				})
			}
			if !trace.On() {
				t.Error("no spans are made")
			}
		})
	}
	if trace.On() {
		t.Error("the services have ended, and their tracer provider has not")
	}
}

// An endpoint outside gets the traceparent of the request that is made to it, and no more of the trace.
func TestAnEndpoint(t *testing.T) {
	to, c := exported(t)
	got := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("traceparent")
		_, _ = w.Write([]byte("1"))
	}))
	defer srv.Close()
	begin(t, c, api.AgentSpec{ID: "web", HTTP: &api.HTTPSpec{URL: srv.URL + "/" + secret + "?key=" + secret, Format: api.HTTPJSON}})
	ctx, s, id := root(t.Context())
	within(t, func(context.Context) error {
		_, err := c.Call(ctx, "web", nil)
		return err
	})
	s.End()
	spans := to.path(t, id, "mabus/request agent.{id}", "mabus/process agent.{id}", "mabus/POST")
	oneTrace(t, spans, s.SpanContext().TraceID().String())
	if post := spans[2]; post.attributes[trace.HTTPStatus] != "200" || post.attributes[trace.ServerName] != "127.0.0.1" || post.id != (<-got)[36:52] {
		t.Errorf("got %+v", post)
	}
}

package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	nethttp "net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const keyEnv, key = "MABUS_TEST_KEY", "sk-secret-0123456789"

// journal is a log that a test can read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func start(t testing.TB, spec api.HTTPSpec) *http.Endpoint {
	t.Helper()
	return startLogged(t, spec, &journal{})
}

func startLogged(t testing.TB, spec api.HTTPSpec, j *journal) *http.Endpoint {
	t.Helper()
	e, err := http.Start(t.Context(), api.AgentSpec{ID: "a1", HTTP: &spec}, http.Options{Log: zerolog.New(j)})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { _ = e.Stop(context.WithoutCancel(t.Context())) })
	return e
}

// serve returns the URL of a handler.
func serve(t testing.TB, h nethttp.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// model returns a fake endpoint and the specification of an agent in front of it.
func model(t testing.TB, opt fake.Options) (*fake.Endpoint, api.HTTPSpec) {
	f := fake.New(opt)
	return f, api.HTTPSpec{URL: serve(t, f.ServeHTTP) + "/v1", Format: api.HTTPChat, Model: "m"}
}

// reader takes the parts of an answer.
type reader struct {
	agent.NoParts
	mu     sync.Mutex
	chunks []string
	on     func(ctx context.Context, n int) error // before the n-th chunk is taken, from 1
}

func (r *reader) Chunk(ctx context.Context, payload json.RawMessage) error {
	r.mu.Lock()
	r.chunks = append(r.chunks, string(payload))
	n := len(r.chunks)
	r.mu.Unlock()
	if r.on != nil {
		return r.on(ctx, n)
	}
	return ctx.Err()
}

func (r *reader) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.chunks)
}

func message(payload string) *agent.Message {
	return &agent.Message{Payload: json.RawMessage(payload), Parts: agent.NoParts{}}
}

func prompt(text string) *agent.Message {
	raw, _ := json.Marshal(map[string]string{"prompt": text})
	return message(string(raw))
}

func chatAnswer(t testing.TB, raw json.RawMessage) (a api.ChatAnswer) {
	t.Helper()
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return a
}

func wantError(t testing.TB, err error, code api.Code, reason string, maybe bool) *api.Error {
	t.Helper()
	e := api.AsError(err)
	if e == nil || e.Code != code || e.Details.Reason != reason || e.Details.MaybeExecuted != maybe {
		t.Fatalf("got %v (%+v), want %s (%s), maybe executed %v", err, e, code, reason, maybe)
	}
	return e
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("in vain waited until %s", what)
		}
	}
}

func status(e *http.Endpoint) *api.GuardStatus {
	var live api.AgentLive
	e.Measure(&live)
	return live.Guard
}

const retrying = 5 * time.Millisecond // between tests' attempts

func retry(attempts int) *api.RetrySpec {
	return &api.RetrySpec{Attempts: attempts, Backoff: api.Duration(retrying), MaxBackoff: api.Duration(2 * retrying)}
}

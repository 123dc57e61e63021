package rpc_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// sayRequest is the request of the test's own service.
type sayRequest struct {
	Text  string        `json:"text"`
	Times int           `json:"times,omitempty"`
	Parts []part        `json:"parts,omitempty"`
	After *api.Duration `json:"after,omitempty"`
}

type part struct {
	Name string `json:"name"`
}

func (r *sayRequest) Validate() error {
	if r.Times < 0 {
		return api.Errorf(api.Invalid, "times must be 0 or more").WithFields("times")
	}
	return nil
}

type sayResponse struct {
	Text string `json:"text"`
}

// said is what a handler saw of one request, as its answer.
type said struct {
	Principal   string `json:"principal,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	BodyHash    string `json:"body_hash,omitempty"`
	Traceparent string `json:"traceparent,omitempty"`
}

var (
	say    = api.Method[sayRequest, sayResponse]{Service: "test", Noun: "echo", Verb: "say", Write: true, Doc: "Says it again."}
	hear   = api.Method[sayRequest, sayResponse]{Service: "test", Noun: "echo", Verb: "hear", Doc: "Only listens."}
	who    = api.Method[sayRequest, said]{Service: "test", Noun: "echo", Verb: "who", Write: true, Doc: "Tells who asks."}
	whoToo = api.Method[sayRequest, said]{Service: "test", Noun: "echo", Verb: "who_too", Write: true, Doc: "Tells who asks, too."}
)

func echo(_ context.Context, r *sayRequest) (*sayResponse, error) {
	return &sayResponse{Text: r.Text}, nil
}

func tellCause(ctx context.Context, _ *sayRequest) (*said, error) {
	c := rpc.CauseFrom(ctx)
	return &said{c.Principal, c.RequestID, c.BodyHash, c.Traceparent}, nil
}

// fixture is a NATS server, one replica of the test's service, and a connection to ask it on.
type fixture struct {
	nats    *natstest.Server
	replica *rpc.Server
	conn    *rpc.Conn // the replica's
	ask     *rpc.Conn
	metrics *prometheus.Registry
	log     *syncBuffer
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs the service with the methods that add adds; echo as say when it is nil.
func start(t testing.TB, cfg rpc.ServerConfig, add func(*rpc.Server)) *fixture {
	t.Helper()
	return startOn(t, natstest.StartWith(t, natsd.Config{MaxPayload: 512 << 10}), cfg, add)
}

func startOn(t testing.TB, srv *natstest.Server, cfg rpc.ServerConfig, add func(*rpc.Server)) *fixture {
	t.Helper()
	f := &fixture{nats: srv, metrics: prometheus.NewRegistry(), log: &syncBuffer{}}
	f.conn, f.ask = f.dial(t, rpc.Options{}), f.dial(t, rpc.Options{})
	cfg.Service, cfg.Version, cfg.Metrics, cfg.Log = "test", "1.2.3", f.metrics, zerolog.New(f.log)
	f.replica = rpc.NewServer(f.conn, cfg)
	if add == nil {
		add = func(s *rpc.Server) { rpc.Handle(s, say, echo) }
	}
	add(f.replica)
	if err := f.replica.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.stop(t); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return f
}

func (f *fixture) stop(t testing.TB) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	return f.replica.Stop(ctx)
}

func (f *fixture) dial(t testing.TB, o rpc.Options) *rpc.Conn {
	t.Helper()
	o.URL, o.Wait = f.nats.URL(), true // a starved server may take longer than one try has
	c, err := rpc.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// raw asks as any NATS client does, with a body and headers given in pairs.
func (f *fixture) raw(t testing.TB, subject, body string, headers ...string) *nats.Msg {
	t.Helper()
	msg := nats.NewMsg(subject)
	msg.Data = []byte(body)
	for i := 0; i < len(headers); i += 2 {
		msg.Header.Set(headers[i], headers[i+1])
	}
	answer, err := f.ask.NC.RequestMsg(msg, 5*time.Second)
	if err != nil {
		t.Fatalf("ask %q on %s: %v", headers, subject, err)
	}
	return answer
}

// refusal is raw for what must be refused: it checks the form of the error and returns it.
func (f *fixture) refusal(t testing.TB, subject, body string, headers ...string) *api.Error {
	t.Helper()
	answer := f.raw(t, subject, body, headers...)
	e := new(api.Error)
	if err := codec.Decode(answer.Data, e); err != nil {
		t.Fatalf("the body of the refusal %q is no error: %v", answer.Data, err)
	}
	if got := answer.Header.Get("Nats-Service-Error-Code"); got == "" || got != string(e.Code) {
		t.Errorf("header Nats-Service-Error-Code %q, code %q in the body", got, e.Code)
	}
	if got := answer.Header.Get("Nats-Service-Error"); got == "" {
		t.Error("the header Nats-Service-Error is empty")
	}
	if e.Message == "" {
		t.Error("the refusal says nothing")
	}
	return e
}

func wantCode(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
}

package rpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestDiscoveryListsTheServiceWithItsSchemas(t *testing.T) {
	f := start(t, rpc.ServerConfig{Description: "a test"}, nil)
	var ping micro.Ping
	if err := json.Unmarshal(f.raw(t, "$SRV.PING.mabus-test", "").Data, &ping); err != nil {
		t.Fatal(err)
	}
	if ping.Name != "mabus-test" || ping.Version != "1.2.3" || ping.Metadata["namespace"] != "mabus" {
		t.Errorf("PING: %+v", ping)
	}
	var info micro.Info
	if err := json.Unmarshal(f.raw(t, "$SRV.INFO.mabus-test", "").Data, &info); err != nil {
		t.Fatal(err)
	}
	if len(info.Endpoints) != 1 || info.Endpoints[0].Subject != "mabus.test.echo.say" {
		t.Fatalf("INFO: %+v", info.Endpoints)
	}
	request := compile(t, []byte(info.Endpoints[0].Metadata["request_schema"]))
	compile(t, []byte(info.Endpoints[0].Metadata["response_schema"]))
	for body, ok := range map[string]bool{
		`{"text":"a","parts":[{"name":"b"}],"after":"1.5s"}`: true,
		`{"text":1}`:                  false,
		`{"text":"a","more":1}`:       false,
		`{"text":"a","after":"soon"}`: false,
		`{}`:                          false,
	} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		if err := request.Validate(value); (err == nil) != ok {
			t.Errorf("the schema on %s: %v", body, err)
		}
	}
}

func compile(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///schema", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///schema")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestEveryMethodHasSchemasThatCompile(t *testing.T) {
	for _, d := range api.Methods {
		for _, body := range []struct {
			name string
			make func() ([]byte, error)
		}{
			{"request", func() ([]byte, error) { return rpc.Schema(d.Request) }},
			{"response", func() ([]byte, error) { return rpc.Schema(d.Response) }},
		} {
			text, err := body.make()
			if err != nil {
				t.Fatalf("%s %s: %v", d.Name(), body.name, err)
			}
			compile(t, text)
		}
	}
}

func TestStopWaitsForTheRequestUnderWay(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	f := start(t, rpc.ServerConfig{}, handle(func(_ context.Context, r *sayRequest) (*sayResponse, error) {
		close(entered)
		<-release
		return &sayResponse{Text: r.Text}, nil
	}))
	var wg sync.WaitGroup
	var got, stopped error
	patient, cancel := context.WithTimeout(t.Context(), time.Minute) // it waits for all that is looked at below
	defer cancel()
	wg.Go(func() { _, got = rpc.Call(patient, f.ask, say, &sayRequest{}) })
	<-entered
	done := make(chan struct{})
	go func() { stopped = f.stop(t); close(done) }()
	for _, subject := range []string{"mabus.test.echo.say", "mabus.as.p.test.echo.say", "$SRV.PING.mabus-test"} {
		natstest.Eventually(t, 5*time.Second, func() bool {
			_, err := f.ask.NC.Request(subject, []byte("{}"), time.Second)
			return errors.Is(err, nats.ErrNoResponders)
		}, "nobody takes new requests on %s", subject)
	}
	select {
	case <-done:
		t.Fatal("Stop did not wait")
	default:
	}
	close(release)
	<-done
	wg.Wait()
	if err := errors.Join(stopped, got); err != nil {
		t.Error(err)
	}
}

func TestStopCancelsWhatDoesNotEnd(t *testing.T) {
	entered := make(chan struct{})
	f := start(t, rpc.ServerConfig{}, handle(func(ctx context.Context, _ *sayRequest) (*sayResponse, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	var wg sync.WaitGroup
	var got error
	wg.Go(func() { _, got = rpc.Call(t.Context(), f.ask, say, &sayRequest{}) })
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.replica.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop: %v", err)
	}
	wg.Wait()
	wantCode(t, got, api.Cancelled, "")
}

// No request is left without an answer by a replica that stops: it is carried out, refused, or another's.
func TestNoRequestIsLostWhenAReplicaStops(t *testing.T) {
	srv := natstest.Start(t)
	f := startOn(t, srv, rpc.ServerConfig{}, nil)
	other := startOn(t, srv, rpc.ServerConfig{}, nil)
	asker := other.dial(t, rpc.Options{Principal: "p"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	begun, stopped := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	for i := range 16 {
		conn := f.ask
		if i%2 == 0 {
			conn = asker
		}
		wg.Go(func() {
			for after := 0; after < 20; {
				_, err := rpc.Call(ctx, conn, say, &sayRequest{})
				if err != nil && api.ReasonOf(err) != api.ReasonDraining {
					t.Errorf("a request of a stopping replica: %v", err)
					return
				}
				once.Do(func() { close(begun) })
				select {
				case <-stopped:
					after++
				default:
				}
			}
		})
	}
	<-begun
	if err := f.stop(t); err != nil {
		t.Error(err)
	}
	close(stopped)
	wg.Wait()
}

func TestHandleAtListensOnItsSubject(t *testing.T) {
	subject := api.HostSubject("mabus", "h1", "echo.say")
	f := start(t, rpc.ServerConfig{}, func(s *rpc.Server) {
		rpc.Handle(s, say, echo)
		rpc.HandleAt(s, subject, say, func(context.Context, *sayRequest) (*sayResponse, error) {
			return &sayResponse{Text: "h1"}, nil
		})
	})
	resp, err := rpc.CallAt(t.Context(), f.ask, subject, say, &sayRequest{Text: "a"})
	if err != nil || resp.Text != "h1" {
		t.Errorf("on its own subject: %v, %v", resp, err)
	}
	if resp, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "a"}); err != nil || resp.Text != "a" {
		t.Errorf("on the method's subject: %v, %v", resp, err)
	}
	wantCode(t, f.refusal(t, subject, `{"x":1}`), api.Invalid, api.ReasonUnknownField)
}

func TestMetricsCountAnswersByCode(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	f.raw(t, "mabus.test.echo.say", "{}")
	f.raw(t, "mabus.as.p.test.echo.say", "{}")
	f.refusal(t, "mabus.test.echo.say", "[]")
	want := map[string]float64{"ok": 2, "invalid": 1}
	natstest.Eventually(t, 5*time.Second, func() bool {
		got := f.counts(t)
		return len(got) == len(want) && got["ok"] == 2 && got["invalid"] == 1
	}, "the counters are %v", want)
}

// counts returns mabus_requests_total of say, by code.
func (f *fixture) counts(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := f.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "mabus_requests_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["service"] == "test" && labels["method"] == "echo.say" {
				counts[labels["code"]] = m.GetCounter().GetValue()
			}
		}
	}
	return counts
}

func TestTwoNamespacesDoNotSeeEachOther(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	elsewhere := f.dial(t, rpc.Options{Namespace: "elsewhere"})
	_, err := rpc.Call(t.Context(), elsewhere, say, &sayRequest{})
	wantCode(t, err, api.Unavailable, api.ReasonNobodyListens)
}

func TestDialRefusesWhatCannotBe(t *testing.T) {
	for _, o := range []rpc.Options{{Namespace: "a.b"}, {Principal: "a b"}} {
		_, err := rpc.Dial(t.Context(), o)
		wantCode(t, err, api.Invalid, "")
	}
	gone := natstest.Start(t)
	gone.Stop()
	_, err := rpc.Dial(t.Context(), rpc.Options{URL: gone.URL()})
	wantCode(t, err, api.Unavailable, "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = rpc.Dial(ctx, rpc.Options{URL: gone.URL(), Wait: true})
	wantCode(t, err, api.Unavailable, "")
}

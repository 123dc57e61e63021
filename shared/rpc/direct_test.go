package rpc_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// startDirect runs a say that answers by itself, and refuses or fails where the text says so.
func startDirect(t *testing.T, cfg rpc.ServerConfig) (f *fixture, heard *atomic.Int64) {
	t.Helper()
	srv := natstest.Start(t)
	heard = new(atomic.Int64)
	reply := (&fixture{nats: srv}).dial(t, rpc.Options{})
	ctx := t.Context()
	return startOn(t, srv, cfg, func(s *rpc.Server) {
		rpc.HandleDirect(s, say, func(r rpc.Arrived) error {
			heard.Add(1)
			switch {
			case strings.Contains(string(r.Body), "refuse"):
				return api.Errorf(api.Conflict, "refused %s", r.Principal).WithReason(api.ReasonTaskExists)
			case strings.Contains(string(r.Body), "panic"):
				panic("boom")
			}
			return reply.Reply(ctx, r.Reply, []byte(`{"text":"`+r.Principal+`"}`))
		})
	}), heard
}

func TestADirectMethodAnswersByItself(t *testing.T) {
	f, heard := startDirect(t, rpc.ServerConfig{})
	if got := f.raw(t, "mabus.test.echo.say", `{}`); string(got.Data) != `{"text":""}` {
		t.Errorf("got %s", got.Data)
	}
	if got := f.raw(t, "mabus.as.ann.test.echo.say", `{}`); string(got.Data) != `{"text":"ann"}` {
		t.Errorf("got %s", got.Data)
	}
	wantCode(t, f.refusal(t, "mabus.as.ann.test.echo.say", `refuse`), api.Conflict, api.ReasonTaskExists)
	if e := f.refusal(t, "mabus.test.echo.say", `panic`); e.Code != api.Internal || e.Details.LogID == "" || strings.Contains(e.Message, "boom") {
		t.Errorf("a panic: %+v", e)
	}
	if e := f.refusal(t, "mabus.test.echo.say", ``, api.HeaderBlob, "a:b:1"); e.Code != api.Invalid || e.Details.Reason != api.ReasonPayloadTooLarge {
		t.Errorf("a body by reference: %+v", e)
	}
	before := heard.Load()
	for _, body := range []string{`{}`, `refuse`, `panic`} { // nobody waits
		if err := f.ask.NC.Publish("mabus.test.echo.say", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return heard.Load() == before+3 }, "all of them are heard")
}

func TestADirectMethodIsStrictAsWell(t *testing.T) {
	f, heard := startDirect(t, rpc.ServerConfig{Strict: true})
	wantCode(t, f.refusal(t, "mabus.test.echo.say", `{}`), api.Unauthenticated, api.ReasonPrincipalMissing)
	if got := f.raw(t, "mabus.as.ann.test.echo.say", `{}`); string(got.Data) != `{"text":"ann"}` || heard.Load() != 1 {
		t.Errorf("got %s after %d calls", got.Data, heard.Load())
	}
}

func TestRequestsThatComeTooFastAreCounted(t *testing.T) {
	srv := natstest.Start(t)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	f := startOn(t, srv, rpc.ServerConfig{}, func(s *rpc.Server) {
		rpc.HandleDirect(s, say, func(rpc.Arrived) error {
			select {
			case entered <- struct{}{}:
			default:
			}
			<-release
			return nil
		})
	})
	for _, subject := range []string{"mabus.test.echo.say", "mabus.as.ann.test.echo.say"} {
		before := f.replica.Dropped()
		for range 80_000 { // 65,536 may wait
			if err := f.ask.NC.Publish(subject, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.ask.NC.Flush(); err != nil {
			t.Fatal(err)
		}
		<-entered
		natstest.Eventually(t, 20*time.Second, func() bool { return f.replica.Dropped() > before }, "some are lost on %s", subject)
	}
	close(release)
}

package rpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func causes(s *rpc.Server) {
	rpc.Handle(s, who, tellCause)
	rpc.Handle(s, whoToo, tellCause)
	rpc.Handle(s, hear, echo)
}

func (f *fixture) said(t *testing.T, subject, body string, headers ...string) said {
	t.Helper()
	answer := f.raw(t, subject, body, headers...)
	var got said
	if err := codec.Decode(answer.Data, &got); err != nil {
		t.Fatalf("%s: %v", answer.Data, err)
	}
	return got
}

func TestTheAsFormNamesThePrincipal(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, causes)
	if got := f.said(t, "mabus.as.alice.test.echo.who", "{}"); got.Principal != "alice" {
		t.Errorf("got %+v", got)
	}
	if got := f.said(t, "mabus.test.echo.who", "{}"); got.Principal != "" {
		t.Errorf("without the form: %+v", got)
	}
	bob := f.dial(t, rpc.Options{Principal: "bob"})
	got, err := rpc.Call(t.Context(), bob, who, &sayRequest{})
	if err != nil || got.Principal != "bob" {
		t.Errorf("through the SDK: %+v, %v", got, err)
	}
	for _, principal := range []string{"al!ce", "älice", strings.Repeat("a", 65)} {
		wantCode(t, f.refusal(t, "mabus.as."+principal+".test.echo.who", "{}"), api.Invalid, "")
	}
	for _, name := range []string{"echo.what", "echo", "echo.who.more", "\xff\xfe.x"} {
		wantCode(t, f.refusal(t, "mabus.as.alice.test."+name, "{}"), api.Unimplemented, "")
	}
}

func TestStrictModeWantsAPrincipalForWrites(t *testing.T) {
	f := start(t, rpc.ServerConfig{Strict: true}, causes)
	wantCode(t, f.refusal(t, "mabus.test.echo.who", "{}"), api.Unauthenticated, api.ReasonPrincipalMissing)
	if got := f.said(t, "mabus.as.alice.test.echo.who", "{}"); got.Principal != "alice" {
		t.Errorf("got %+v", got)
	}
	if _, err := rpc.Call(t.Context(), f.ask, hear, &sayRequest{}); err != nil {
		t.Errorf("a read: %v", err)
	}
}

func TestRequestIDs(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, causes)
	const id = "Mabus-Request-Id"
	a := f.said(t, "mabus.test.echo.who", `{"text":"a"}`, id, "r-1")
	if a.RequestID != "r-1" || len(a.BodyHash) != 64 {
		t.Fatalf("got %+v", a)
	}
	if again := f.said(t, "mabus.test.echo.who", `{"text":"a"}`, id, "r-1"); again != a {
		t.Errorf("the same request: %+v, then %+v", a, again)
	}
	if as := f.said(t, "mabus.as.p.test.echo.who", `{"text":"a"}`, id, "r-1"); as.BodyHash != a.BodyHash {
		t.Error("the as form changes the hash")
	}
	if b := f.said(t, "mabus.test.echo.who", `{"text":"b"}`, id, "r-1"); b.BodyHash == a.BodyHash {
		t.Error("another body has the same hash")
	}
	if m := f.said(t, "mabus.test.echo.who_too", `{"text":"a"}`, id, "r-1"); m.BodyHash == a.BodyHash {
		t.Error("another method has the same hash")
	}
	if none := f.said(t, "mabus.test.echo.who", `{"text":"a"}`); none.RequestID != "" || none.BodyHash != "" {
		t.Errorf("without an id: %+v", none)
	}
	sdk, err := rpc.Call(rpc.WithRequestID(t.Context(), "r-2"), f.ask, who, &sayRequest{})
	if err != nil || sdk.RequestID != "r-2" {
		t.Errorf("through the SDK: %+v, %v", sdk, err)
	}
	ref, err := f.ask.Blobs.Put(t.Context(), []byte(`{"text":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if blob := f.said(t, "mabus.test.echo.who", "", id, "r-1", "Mabus-Blob", ref); blob.BodyHash != a.BodyHash {
		t.Error("the way in which the body travels changes its hash")
	}
	for _, bad := range []string{"a b", "a.b", strings.Repeat("a", 65), "\xff"} {
		wantCode(t, f.refusal(t, "mabus.test.echo.who", "{}", id, bad), api.Invalid, "")
	}
	if answer := f.raw(t, "mabus.test.echo.hear", `{"text":"x"}`, id, "a b"); string(answer.Data) != `{"text":"x"}` {
		t.Errorf("a read has no use for an id, got %s", answer.Data)
	}
}

func TestTheTracePassesToNestedCallsAndTheIDDoesNot(t *testing.T) {
	var f *fixture
	f = start(t, rpc.ServerConfig{}, func(s *rpc.Server) {
		rpc.Handle(s, whoToo, tellCause)
		rpc.Handle(s, who, func(ctx context.Context, r *sayRequest) (*said, error) {
			return rpc.Call(ctx, f.ask, whoToo, r)
		})
	})
	got := f.said(t, "mabus.test.echo.who", "{}", "traceparent", trace, "Mabus-Request-Id", "r-1")
	if got.Traceparent != trace || got.RequestID != "" {
		t.Errorf("the nested handler saw %+v", got)
	}
	for _, bad := range []string{"\xff\xfe", "hello", trace + strings.Repeat("-", 100), "00-xyz"} {
		if got := f.said(t, "mabus.test.echo.who_too", "{}", "traceparent", bad); got.Traceparent != "" {
			t.Errorf("traceparent %q is passed on as %q", bad, got.Traceparent)
		}
	}
}

func TestTheTimeoutHeader(t *testing.T) {
	deadline := make(chan time.Duration, 1)
	f := start(t, rpc.ServerConfig{}, handle(func(ctx context.Context, r *sayRequest) (*sayResponse, error) {
		d, ok := ctx.Deadline()
		if !ok {
			return nil, api.Errorf(api.FailedPrecondition, "no deadline")
		}
		deadline <- time.Until(d)
		if r.Text == "wait" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return &sayResponse{}, nil
	}))
	near := func(want time.Duration) {
		t.Helper()
		if got := <-deadline; got > want || got < want-2*time.Second {
			t.Errorf("the handler has %s, want %s", got, want)
		}
	}
	f.raw(t, "mabus.test.echo.say", "{}")
	near(5 * time.Second)
	f.raw(t, "mabus.test.echo.say", "{}", "Mabus-Timeout", "1m30s")
	near(90 * time.Second)
	wantCode(t, f.refusal(t, "mabus.test.echo.say", `{"text":"wait"}`, "Mabus-Timeout", "30ms"), api.DeadlineExceeded, api.ReasonTimeout)
	<-deadline
	for _, bad := range []string{"soon", "5", "0s", "-1s", "3600.1s", "1e9h", "\xff"} {
		wantCode(t, f.refusal(t, "mabus.test.echo.say", "{}", "Mabus-Timeout", bad), api.Invalid, "")
	}
	// A caller that waits for longer than a request may take asks for as long as it may.
	day, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	if _, err := rpc.Call(day, f.ask, say, &sayRequest{}); err != nil {
		t.Fatal(err)
	}
	near(time.Hour)
}

package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// handle makes a service whose say is h.
func handle(h rpc.Handler[sayRequest, sayResponse]) func(*rpc.Server) {
	return func(s *rpc.Server) { rpc.Handle(s, say, h) }
}

func TestErrorsOfAHandler(t *testing.T) {
	const secret = "password=hunter2"
	var typedNil *api.Error
	f := start(t, rpc.ServerConfig{}, handle(func(_ context.Context, r *sayRequest) (*sayResponse, error) {
		switch r.Text {
		case "api":
			return nil, fmt.Errorf("wrapped %s: %w", secret, api.Errorf(api.Conflict, "taken").WithReason(api.ReasonTaskExists).MaybeExecuted())
		case "other":
			return nil, errors.New(secret)
		case "panic":
			panic(secret)
		case "runtime error":
			return &sayResponse{Text: []string{}[len(r.Parts):][0]}, nil
		case "typed nil":
			return nil, typedNil
		case "nothing":
			return nil, nil
		case "unwritable":
			return &sayResponse{Text: "\xff" + secret}, nil
		case "unknown code":
			return nil, api.Errorf("te\xffapot", "line one\nline two \xff %s", strings.Repeat("x", 600<<10)).WithFields("\xff")
		case "deadline":
			return nil, fmt.Errorf("%s: %w", secret, context.DeadlineExceeded)
		case "cancelled":
			return nil, fmt.Errorf("%s: %w", secret, context.Canceled)
		case "store away":
			return nil, fmt.Errorf("%s: %w", secret, nats.ErrNoResponders)
		}
		return &sayResponse{Text: r.Text}, nil
	}))
	for text, want := range map[string]struct {
		code   api.Code
		reason string
		maybe  bool
		logged bool
	}{
		"api":           {api.Conflict, api.ReasonTaskExists, true, false},
		"other":         {api.Internal, "", false, true},
		"panic":         {api.Internal, "", false, true},
		"runtime error": {api.Internal, "", false, true},
		"typed nil":     {api.Internal, "", false, true},
		"nothing":       {api.Internal, "", false, true},
		"unwritable":    {api.Internal, "", false, true},
		"unknown code":  {api.Internal, "", false, false},
		"deadline":      {api.DeadlineExceeded, api.ReasonTimeout, true, false},
		"cancelled":     {api.Cancelled, "", true, false},
		"store away":    {api.Unavailable, api.ReasonDependencyDown, true, false},
	} {
		t.Run(text, func(t *testing.T) {
			e := f.refusal(t, "mabus.test.echo.say", `{"text":"`+text+`"}`)
			wantCode(t, e, want.code, want.reason)
			if e.Details.MaybeExecuted != want.maybe {
				t.Errorf("maybe_executed is %v", e.Details.MaybeExecuted)
			}
			if strings.Contains(fmt.Sprintf("%+v", e), "hunter2") {
				t.Errorf("the caller sees what is the log's: %+v", e)
			}
			if !want.logged {
				return
			}
			if e.Details.LogID == "" || !strings.Contains(e.Message, e.Details.LogID) {
				t.Errorf("the message %q names no log id %q", e.Message, e.Details.LogID)
			}
			if !strings.Contains(f.log.String(), e.Details.LogID) {
				t.Errorf("the log has no %s", e.Details.LogID)
			}
		})
	}
	if !strings.Contains(f.log.String(), secret) {
		t.Error("the log does not tell what happened")
	}
	if resp, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "alive"}); err != nil || resp.Text != "alive" {
		t.Errorf("after the errors: %v, %v", resp, err)
	}
}

func TestAPanicLeavesOtherRequestsAlone(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	f := start(t, rpc.ServerConfig{}, handle(func(_ context.Context, r *sayRequest) (*sayResponse, error) {
		if r.Text == "panic" {
			panic("boom")
		}
		entered <- struct{}{}
		<-release
		return &sayResponse{Text: r.Text}, nil
	}))
	var slow error
	var wg sync.WaitGroup
	wg.Go(func() { _, slow = rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "slow"}) })
	<-entered
	_, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "panic"})
	wantCode(t, err, api.Internal, "")
	close(release)
	if wg.Wait(); slow != nil {
		t.Errorf("the other request: %v", slow)
	}
}

func TestAFullServerRefusesAtOnce(t *testing.T) {
	const limit = 4
	entered, release := make(chan struct{}), make(chan struct{})
	f := start(t, rpc.ServerConfig{Limit: limit}, handle(func(_ context.Context, r *sayRequest) (*sayResponse, error) {
		entered <- struct{}{}
		<-release
		return &sayResponse{Text: r.Text}, nil
	}))
	var wg sync.WaitGroup
	errs := make([]error, limit)
	for i := range limit {
		wg.Go(func() { _, errs[i] = rpc.Call(t.Context(), f.ask, say, &sayRequest{}) })
		<-entered
	}
	// The others are still in their handlers, so an answer now cannot have waited for one of them.
	for _, subject := range []string{"mabus.test.echo.say", "mabus.as.p1.test.echo.say"} {
		wantCode(t, f.refusal(t, subject, `{}`), api.Overloaded, api.ReasonServerFull)
	}
	close(release)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("those that got in: %v", err)
	}
	go func() { <-entered }()
	natstest.Eventually(t, 5*time.Second, func() bool {
		_, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "room again"})
		return err == nil
	}, "there is room again")
}

func TestNobodyListens(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	begin := time.Now()
	_, err := rpc.Call(t.Context(), f.ask, hear, &sayRequest{})
	wantCode(t, err, api.Unavailable, api.ReasonNobodyListens)
	if e := api.AsError(err); e != nil && e.Details.MaybeExecuted {
		t.Error("nobody can have executed it")
	}
	if took := time.Since(begin); took < 300*time.Millisecond || took > 3*time.Second {
		t.Errorf("gave up after %s, want about 400ms", took)
	}
	if _, err := f.ask.Request(t.Context(), "mabus.test.echo.hear", []byte("{}"), false); api.CodeOf(err) != api.Unavailable {
		t.Errorf("an impatient request: %v", err)
	}
}

func TestAServiceThatStartsInTheMeantimeIsReached(t *testing.T) {
	srv := natstest.Start(t)
	asking := &fixture{nats: srv}
	conn, serving := asking.dial(t, rpc.Options{}), asking.dial(t, rpc.Options{})
	for range 20 {
		s := rpc.NewServer(serving, rpc.ServerConfig{Service: "test", Version: "1.2.3"})
		rpc.Handle(s, say, echo)
		var wg sync.WaitGroup
		var got error
		// The first try is seen on the wire before the service starts.
		begin, before := time.Now(), conn.NC.Stats().OutMsgs
		wg.Go(func() { _, got = rpc.Call(t.Context(), conn, say, &sayRequest{Text: "early"}) })
		natstest.Eventually(t, 5*time.Second, func() bool { return conn.NC.Stats().OutMsgs > before }, "the request is sent")
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		wg.Wait()
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got == nil {
			return
		}
		if took < 200*time.Millisecond { // else the machine took longer to start it than a caller is patient
			t.Fatalf("the service started while the caller was patient: %v", got)
		}
	}
	t.Fatal("no service started while the caller was patient")
}

func TestTheCallersContext(t *testing.T) {
	entered, over := make(chan struct{}), make(chan struct{})
	f := start(t, rpc.ServerConfig{}, handle(func(ctx context.Context, _ *sayRequest) (*sayResponse, error) {
		entered <- struct{}{}
		select {
		case <-ctx.Done():
			return nil, ctx.Err() // its time may be over a moment before the caller's
		case <-over: // nobody tells it that the caller has given up
			return nil, context.Canceled
		}
	}))
	defer close(over)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { _, err = rpc.Call(ctx, f.ask, say, &sayRequest{}) })
	<-entered
	cancel()
	wg.Wait()
	wantCode(t, err, api.Cancelled, "")
	if _, err = rpc.Call(ctx, f.ask, say, &sayRequest{}); api.CodeOf(err) != api.Cancelled {
		t.Errorf("with a context that is cancelled already: %v", err)
	}
	late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelLate()
	_, err = rpc.Call(late, f.ask, say, &sayRequest{})
	wantCode(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	if api.AsError(err).Details.MaybeExecuted {
		t.Error("the deadline had passed before it was sent")
	}
	short, cancelShort := context.WithTimeout(t.Context(), time.Second) // in which it is sent for certain
	defer cancelShort()
	wg.Go(func() { _, err = rpc.Call(short, f.ask, say, &sayRequest{}) })
	<-entered
	wg.Wait()
	wantCode(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	if !api.AsError(err).Details.MaybeExecuted {
		t.Error("the handler had the request")
	}
}

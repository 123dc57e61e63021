package http_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/llm/fake"
	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
)

// asking starts a call and returns what will come of it.
func asking(ctx context.Context, e *http.Endpoint, m *agent.Message) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := e.Handle(ctx, m)
		done <- err
	}()
	return done
}

func TestCancel(t *testing.T) {
	gone := make(chan struct{})
	began := make(chan struct{}, 1)
	url := serve(t, func(_ nethttp.ResponseWriter, r *nethttp.Request) {
		_, _ = r.Body.Read(make([]byte, 9))
		began <- struct{}{}
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := message(`1`)
	done := asking(ctx, start(t, api.HTTPSpec{URL: url, PriceCall: 5}), m)
	<-began
	at := time.Now()
	cancel()
	wantError(t, <-done, api.Cancelled, "", true)
	if took := time.Since(at); took > 10*time.Second || m.Used().Cost != 5 {
		t.Errorf("took %v, used %+v", took, m.Used())
	}
	<-gone
}

func TestCancelInTheMiddleOfAStream(t *testing.T) {
	gone := make(chan struct{})
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"more \"}}]}\n\n")
		}
		_ = nethttp.NewResponseController(w).Flush()
		<-r.Context().Done() // an answer that is complete may be read to its end before the cancel is seen
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := prompt(story)
	m.Parts = &reader{on: func(_ context.Context, n int) error {
		if n == 3 {
			cancel()
		}
		return nil
	}}
	_, err := start(t, api.HTTPSpec{URL: url, Format: api.HTTPChat, Model: "m"}).Handle(ctx, m)
	wantError(t, err, api.Cancelled, "", true)
	<-gone // the endpoint sees that
}

func TestReaderThatFails(t *testing.T) {
	f, spec := model(t, fake.Options{})
	spec.Guard.Retry = retry(3)
	broken := errors.New("the reader is gone")
	m := prompt(story)
	m.Parts = &reader{on: func(context.Context, int) error { return broken }}
	if _, err := start(t, spec).Handle(t.Context(), m); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if s := f.Stats(); s.Requests != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestReaderThatIsSlow(t *testing.T) {
	_, spec := model(t, fake.Options{})
	spec.Guard.Timeout = api.Duration(2 * time.Second) // in which the endpoint has answered, and the reader has not
	m := prompt(story)
	m.Parts = &reader{on: func(ctx context.Context, _ int) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	_, err := start(t, spec).Handle(t.Context(), m)
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout, true)
}

func TestStop(t *testing.T) {
	f, spec := model(t, fake.Options{})
	e := start(t, spec)
	if _, err := e.Handle(t.Context(), prompt(story)); err != nil {
		t.Fatal(err)
	}
	f.Next(fake.Hang)
	done := asking(t.Context(), e, prompt(story))
	eventually(t, "it is asked", func() bool { return f.Stats().Active == 1 })
	select {
	case <-e.Done():
		t.Fatal("done before it was stopped")
	default:
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	wantError(t, <-done, api.Unavailable, api.ReasonDraining, true)
	<-e.Done()
	if err := e.Stop(t.Context()); err != nil || e.Err() != nil || e.PID() != 0 || e.LogTail() != nil {
		t.Errorf("stopped again: %v, %v", err, e.Err())
	}
	_, err := e.Handle(t.Context(), prompt(story))
	wantError(t, err, api.Unavailable, api.ReasonDraining, false)
}

// A reader that does not heed its context holds the call, but not the host.
func TestStopThatMustNotWait(t *testing.T) {
	_, spec := model(t, fake.Options{})
	e := start(t, spec)
	held, release := make(chan struct{}), make(chan struct{})
	m := prompt(story)
	m.Parts = &reader{on: func(ctx context.Context, _ int) error {
		close(held)
		<-release
		<-ctx.Done()
		return ctx.Err()
	}}
	done := asking(t.Context(), e, m)
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-e.Done()
	close(release)
	wantError(t, <-done, api.Unavailable, api.ReasonDraining, true)
}

package client_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestIsolatedWork(t *testing.T) {
	c := inProcess(t)
	ctx := within(t, 30*time.Second)
	for _, host := range []string{"", "h1"} {
		got, err := c.Work.Isolate(ctx, api.IsolateRequest{Command: []string{"cat"}, Input: json.RawMessage(`{"a":1}`), Host: host})
		if err != nil || string(got.Output) != `{"a":1}` || got.Host != "h1" {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	got, err := c.Work.Isolate(ctx, api.IsolateRequest{Command: []string{"sh", "-c", "echo no >&2; exit 3"}})
	if err != nil || got.ExitCode != 3 || got.Stderr != "no\n" {
		t.Fatalf("got %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		err    error
		code   api.Code
		reason string
	}{
		"no such host":    {isolate(ctx, c.Work.Isolate, api.IsolateRequest{Command: []string{"true"}, Host: "h9"}), api.NotFound, api.ReasonHostNotFound},
		"no such program": {isolate(ctx, c.Work.Isolate, api.IsolateRequest{Command: []string{"mabus-no-such-program"}}), api.FailedPrecondition, api.ReasonStartFailed},
		"no command":      {isolate(ctx, c.Work.Isolate, api.IsolateRequest{Host: "h1"}), api.Invalid, api.ReasonMissingFields},
		"out of time":     {isolate(within(t, 300*time.Millisecond), c.Work.Isolate, api.IsolateRequest{Command: []string{"sleep", "1000"}}), api.DeadlineExceeded, api.ReasonTimeout},
	} {
		if api.CodeOf(c.err) != c.code || api.ReasonOf(c.err) != c.reason {
			t.Errorf("%s: got %v, want %s (%s)", name, c.err, c.code, c.reason)
		}
	}
}

func isolate(ctx context.Context, f func(context.Context, api.IsolateRequest) (*api.IsolateResponse, error), req api.IsolateRequest) error {
	_, err := f(ctx, req)
	return err
}

// A caller that gives up ends the command on the host, long before its time is over.
func TestIsolatedWorkIsCancelled(t *testing.T) {
	c := inProcess(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(within(t, time.Minute))
	done := make(chan error, 1)
	go func() {
		done <- isolate(ctx, c.Work.Isolate, api.IsolateRequest{Command: []string{"sh", "-c", "touch here; while :; do date > beat; sleep 0.01; done"}, Dir: dir})
	}()
	natstest.Eventually(t, 20*time.Second, func() bool { _, err := os.Stat(filepath.Join(dir, "here")); return err == nil }, "it runs")
	cancel()
	if err := <-done; api.CodeOf(err) != api.Cancelled {
		t.Fatal(err)
	}
	natstest.Eventually(t, 20*time.Second, func() bool {
		_ = os.Remove(filepath.Join(dir, "beat"))
		quiet := time.NewTimer(200 * time.Millisecond)
		<-quiet.C
		_, err := os.Stat(filepath.Join(dir, "beat"))
		return os.IsNotExist(err)
	}, "it has ended")
}

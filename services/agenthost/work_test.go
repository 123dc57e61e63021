package agenthost_test

import (
	"context"
	"encoding/json"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/agenthost/isolate"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestWorkGoesToTheNamedHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.standard(t, "h1")
	w.standard(t, "h2")
	for range 4 { // whichever replica takes the request
		for _, host := range []string{"h1", "h2"} {
			got, err := rpc.Call(within(t, patience), w.Conn(), api.WorkIsolate, &api.IsolateRequest{Command: []string{"echo", "1"}, Host: host})
			if err != nil || got.Host != host || string(got.Output) != "1" {
				t.Fatalf("%+v, %v", got, err)
			}
		}
	}
	got, err := rpc.Call(within(t, patience), w.Conn(), api.WorkIsolate, &api.IsolateRequest{Command: []string{"echo", "1"}})
	if err != nil || got.Host == "" {
		t.Fatal(got, err)
	}
	_, err = rpc.Call(within(t, patience), w.Conn(), api.WorkIsolate, &api.IsolateRequest{Command: []string{"echo"}, Host: "nobody"})
	wantError(t, err, api.NotFound, api.ReasonHostNotFound)
}

func TestMemoryHogLeavesTheHostAlone(t *testing.T) {
	t.Parallel()
	if _, err := osexec.LookPath("python3"); err != nil || runtime.GOOS != "linux" {
		t.Skip("needs Linux and python3")
	}
	w := newWorld(t)
	w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "e1", Module: "echo"})
	_, err := w.Work.Isolate(within(t, patience), api.IsolateRequest{
		Command:   []string{"python3", "-c", "import time\nk = []\nwhile True:\n  k.append(b'x' * (1 << 20)); time.sleep(0.002)"},
		Resources: api.Resources{Memory: 64 << 20},
	})
	wantError(t, err, api.FailedPrecondition, api.ReasonOutOfMemory)
	w.ask(t, "e1", json.RawMessage(`1`), `1`)
}

func TestWorkIsBounded(t *testing.T) {
	w := newWorld(t)
	w.standard(t, "h1")
	ctx, cancel := context.WithCancel(within(t, patience))
	dir, n := t.TempDir(), isolate.PerCPU*runtime.GOMAXPROCS(0)
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
			_, err := w.Work.Isolate(ctx, api.IsolateRequest{Command: []string{"sh", "-c", "touch $$; sleep 1000"}, Dir: dir})
			if api.CodeOf(err) != api.Cancelled {
				t.Error(err)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { all, _ := filepath.Glob(filepath.Join(dir, "*")); return len(all) == n }, "all run")
	_, err := w.Work.Isolate(within(t, patience), api.IsolateRequest{Command: []string{"true"}})
	wantError(t, err, api.Overloaded, api.ReasonServerFull)
	w.standard(t, "h2")
	natstest.Eventually(t, patience, func() bool {
		list, err := w.Hosts.List(within(t, patience), api.HostsListRequest{Status: api.HostLive})
		return err == nil && len(list.Hosts) == 2
	}, "the registry lists both hosts")
	got, err := w.Work.Isolate(within(t, patience), api.IsolateRequest{Command: []string{"true"}})
	if err != nil || got.Host != "h2" {
		t.Errorf("the host with room is not found: %+v, %v", got, err)
	}
	cancel()
	running.Wait()
}

// A host that is gone is noticed long before the time of the request is over.
func TestWorkOfALostHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, done := w.dial(t, ""), make(chan error, 1)
	has := make(chan *nats.Msg, 1)
	for _, verb := range []string{"work.isolate", "ping"} { // a host that answers pings, and never ends its work
		_, err := conn.NC.Subscribe(api.HostSubject(conn.Namespace, "h1", verb), func(m *nats.Msg) {
			if verb == "ping" {
				_ = m.Respond([]byte("{}"))
			} else {
				has <- m
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := w.Work.Isolate(within(t, time.Minute), api.IsolateRequest{Command: []string{"true"}, Host: "h1"})
		done <- err
	}()
	<-has
	conn.Close()
	err := <-done
	wantError(t, err, api.Unavailable, api.ReasonHostLost)
	if !api.AsError(err).Details.MaybeExecuted {
		t.Error("it says that nothing was executed")
	}
}

// In a strict namespace the host that passes a command on does so in the name of who asked.
func TestWorkIsPassedOnInAStrictNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.strict = true
	w.standard(t, "h1")
	w.standard(t, "h2")
	for range 4 {
		for _, host := range []string{"h1", "h2"} {
			req := &api.IsolateRequest{Command: []string{"echo", "1"}, Host: host}
			if _, err := rpc.Call(within(t, patience), w.Conn().WithPrincipal("ann"), api.WorkIsolate, req); err != nil {
				t.Fatal(err)
			}
			_, err := rpc.Call(within(t, patience), w.Conn(), api.WorkIsolate, req)
			wantError(t, err, api.Unauthenticated, api.ReasonPrincipalMissing)
		}
	}
}

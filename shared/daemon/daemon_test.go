package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// journal is what services did, in order.
type journal struct {
	mu     sync.Mutex
	lines  []string
	leases []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) leaseIDs() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.leases)
}

// service is a service that only keeps the journal.
type service struct {
	name  string
	j     *journal
	ready func() bool
}

func (s *service) Ready() bool { return s.ready == nil || s.ready() }

func (s *service) Stop(context.Context) error {
	s.j.add("stop " + s.name)
	return nil
}

func (s *service) row() daemon.Service {
	return daemon.Service{Name: s.name, Start: func(_ context.Context, env daemon.Env) (daemon.Running, error) {
		s.j.add("start " + s.name)
		s.j.mu.Lock()
		s.j.leases = append(s.j.leases, env.Lease.ID())
		s.j.mu.Unlock()
		return s, nil
	}}
}

// run runs the daemon until the test ends or end is called, which returns what Run returned.
func run(t *testing.T, cfg daemon.Config, services ...daemon.Service) (ready <-chan *rpc.Conn, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	up := make(chan *rpc.Conn, 16)
	cfg.OnReady = func(c *rpc.Conn) { up <- c }
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = daemon.Run(ctx, cfg, services)
	}()
	end = func() error {
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("the daemon did not end")
		}
		return err
	}
	t.Cleanup(func() { _ = end() })
	return up, end
}

func wait(t *testing.T, ready <-chan *rpc.Conn) *rpc.Conn {
	t.Helper()
	select {
	case c := <-ready:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("not ready in time")
	}
	return nil
}

func TestServicesStartInOrderAndStopInReverse(t *testing.T) {
	j := &journal{}
	srv := natstest.Start(t)
	ready, end := run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}}, (&service{name: "a", j: j}).row(), (&service{name: "b", j: j}).row())
	wait(t, ready)
	if err := end(); err != nil {
		t.Errorf("an orderly end gave %v", err)
	}
	if got, want := j.all(), []string{"start a", "start b", "stop b", "stop a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The lease is given back: whatever lived by it is dead at once, not after 15 s.
	store := openLeases(t, srv)
	w := lease.NewWatcher(store, lease.WatcherOptions{Passive: true})
	w.Start()
	defer w.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // nobody is left who would declare it dead
	defer cancel()
	if err := w.Wait(ctx, j.leaseIDs()[0], lease.Dead); err != nil {
		t.Error(err)
	}
}

func openLeases(t *testing.T, srv *natstest.Server) *lease.Store {
	t.Helper()
	nc := srv.Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	store, err := lease.Open(t.Context(), js, "mabus", 1, lease.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestAServiceThatDoesNotStartStopsTheOthers(t *testing.T) {
	j := &journal{}
	srv := natstest.Start(t)
	why := errors.New("no luck")
	bad := daemon.Service{Name: "bad", Start: func(context.Context, daemon.Env) (daemon.Running, error) { return nil, why }}
	err := daemon.Run(t.Context(), daemon.Config{NATS: rpc.Options{URL: srv.URL()}},
		[]daemon.Service{(&service{name: "a", j: j}).row(), bad, (&service{name: "c", j: j}).row()})
	if !errors.Is(err, why) || !strings.Contains(fmt.Sprint(err), "bad") {
		t.Errorf("got %v", err)
	}
	if got, want := j.all(), []string{"start a", "stop a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestLostLease: services end with their lease and begin again under another.
func TestLostLease(t *testing.T) {
	j := &journal{}
	srv := natstest.Start(t)
	ready, end := run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}}, (&service{name: "a", j: j}).row())
	wait(t, ready)
	bucket := openLeases(t, srv).Bucket()
	id := j.leaseIDs()[0]
	natstest.Eventually(t, 10*time.Second, func() bool {
		e, err := bucket.Get(t.Context(), id)
		if err != nil {
			return false
		}
		_, err = bucket.Write(t.Context(), kv.Write{Key: id, Value: []byte(`{"state":"dead"}`), Expect: e.Revision})
		return err == nil
	}, "the lease is declared dead")
	wait(t, ready)
	if got, want := j.all(), []string{"start a", "stop a", "start a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if ids := j.leaseIDs(); len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("leases %v", ids)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestProbes: healthy from the beginning, ready only while NATS and every service are.
func TestProbes(t *testing.T) {
	srv := natstest.Start(t)
	srv.Stop()
	addr := fmt.Sprint("127.0.0.1:", natstest.FreePorts(t, 1)[0])
	transport := &http.Transport{DisableKeepAlives: true}
	get := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	becomes := func(path string, code int, text string) {
		t.Helper()
		var got int
		var body string
		natstest.Eventually(t, 15*time.Second, func() bool {
			got, body = get(path)
			return got == code && strings.Contains(body, text)
		}, "%s answers %d %q", path, code, text)
	}
	var mu sync.Mutex
	answers := false
	j := &journal{}
	s := &service{name: "a", j: j, ready: func() bool { mu.Lock(); defer mu.Unlock(); return answers }}
	_, end := run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}, HTTP: addr, Log: zerolog.Nop()}, s.row())
	becomes("/healthz", 200, "ok")
	becomes("/readyz", 503, "not connected to NATS")
	becomes("/metrics", 503, "starting")
	srv.Restart(t)
	becomes("/readyz", 503, "a is not ready")
	becomes("/metrics", 200, `mabus_ready{service="a"} 0`)
	mu.Lock()
	answers = true
	mu.Unlock()
	becomes("/readyz", 200, "ok")
	for _, line := range []string{"go_goroutines", `mabus_ready{service="a"} 1`, "mabus_lease_held 1", "mabus_nats_connected 1", `mabus_spans_total{outcome="failed"} 0`} {
		becomes("/metrics", 200, line)
	}
	srv.Stop()
	becomes("/readyz", 503, "not connected to NATS")
	becomes("/metrics", 200, "mabus_nats_connected 0")
	becomes("/healthz", 200, "ok")
	srv.Restart(t)
	becomes("/readyz", 200, "ok")
	becomes("/metrics", 200, "mabus_nats_reconnects_total 1")
	if err := end(); err != nil {
		t.Error(err)
	}
	if code, _ := get("/healthz"); code != 0 {
		t.Error("probes answer after the end")
	}
}

func TestAnEndWhileWaitingForNATSIsOrderly(t *testing.T) {
	srv := natstest.Start(t)
	srv.Stop()
	_, end := run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}}, (&service{name: "a", j: &journal{}}).row())
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestAnEndWhileWaitingForTheStoreIsOrderly(t *testing.T) {
	asked := make(chan struct{}, 1)
	url := natstest.Refuse(t, natstest.Start(t).URL(), func(subject string) natstest.Refusal {
		if !strings.HasPrefix(subject, "$JS.API.") {
			return natstest.Pass
		}
		select {
		case asked <- struct{}{}:
		default:
		}
		return natstest.Swallow
	})
	_, end := run(t, daemon.Config{NATS: rpc.Options{URL: url}}, (&service{name: "a", j: &journal{}}).row())
	<-asked
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := daemon.Run(t.Context(), daemon.Config{HTTP: l.Addr().String()}, nil); err == nil || !strings.Contains(err.Error(), "listen for probes") {
		t.Errorf("got %v", err)
	}
}

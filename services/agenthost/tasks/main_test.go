package tasks_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// The test binary can be run again as a host, see process_test.go. A put into an object store now and then leaves one
// goroutine of nats.go 1.55 behind.
func TestMain(m *testing.M) {
	if os.Getenv(envHost) != "" {
		hostMain()
	}
	_ = flag.Set("test.parallel", "8") // these tests wait more than they work
	natstest.VerifyTestMain(m)
}

// agents is a host's agents made of one function, with slots that are counted and may serve several capabilities.
type agents struct {
	handle agent.HandlerFunc
	caps   []string

	mu     sync.Mutex
	free   int
	size   int
	puller *tasks.Puller
	closed bool
}

type slot struct {
	a    *agents
	once *atomic.Bool
}

func (a *agents) Reserve(capability string, n int) []tasks.Slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || !slices.Contains(a.caps, capability) {
		return nil
	}
	n = min(n, a.free)
	a.free -= n
	slots := make([]tasks.Slot, n)
	for i := range slots {
		slots[i] = slot{a, new(atomic.Bool)}
	}
	return slots
}

func (s slot) Agent() string { return "a1" }

func (s slot) Run(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	return s.a.handle(ctx, m)
}

func (s slot) Release() {
	if s.once.Swap(true) {
		panic("a slot was given back twice")
	}
	s.a.mu.Lock()
	s.a.free++
	s.a.mu.Unlock()
	s.a.puller.Wake(s.a.caps)
}

func (a *agents) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.free == a.size
}

// world is a NATS server with a store on it.
type world struct {
	nats  *natstest.Server
	conn  *rpc.Conn
	store *tasks.Store
	small tasks.Small
}

func newWorld(t testing.TB, small tasks.Small) *world {
	t.Helper()
	if small.AckWait == 0 {
		small.AckWait = 5 * time.Second // long enough for a busy machine; short where a test waits for it
	}
	w := &world{nats: natstest.Start(t), small: small}
	w.conn, w.store = w.open(t)
	return w
}

// open makes a store on a connection of its own.
func (w *world) open(t testing.TB) (*rpc.Conn, *tasks.Store) {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: w.nats.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	store, err := tasks.OpenSmall(t.Context(), conn, w.small)
	if err != nil {
		t.Fatal(err)
	}
	return conn, store
}

// host is one puller with its agents.
type host struct {
	*tasks.Puller
	agents *agents
	stop   func(patience time.Duration)
}

// host runs a host with a connection of its own, which ends with the test; all its slots must then be back.
func (w *world) host(t testing.TB, id string, slots int, handle agent.HandlerFunc, caps ...string) *host {
	t.Helper()
	_, store := w.open(t)
	return startHost(t, store, id, slots, handle, caps...)
}

func startHost(t testing.TB, store *tasks.Store, id string, slots int, handle agent.HandlerFunc, caps ...string) *host {
	t.Helper()
	if len(caps) == 0 {
		caps = []string{"work"}
	}
	a := &agents{handle: handle, caps: caps, free: slots, size: slots}
	a.mu.Lock()
	h := &host{agents: a, Puller: tasks.NewPuller(store, id, zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel), a)}
	a.puller = h.Puller
	a.mu.Unlock()
	set := map[string]struct{}{}
	for _, c := range caps {
		set[c] = struct{}{}
	}
	h.Serve(set)
	var once sync.Once
	h.stop = func(patience time.Duration) {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
			defer cancel()
			h.Stop(ctx)
			if !a.idle() {
				t.Errorf("host %s has %d of %d slots after its end", id, a.free, a.size)
			}
		})
	}
	t.Cleanup(func() { h.stop(time.Second) })
	return h
}

func echo(_ context.Context, m *agent.Message) (json.RawMessage, error) { return m.Payload, nil }

func (w *world) submit(t testing.TB, spec api.TaskSpec) *api.Task {
	t.Helper()
	if spec.Capability == "" {
		spec.Capability = "work"
	}
	task, err := w.store.Submit(t.Context(), api.Cause{Principal: "p"}, spec)
	if err != nil {
		t.Fatalf("submit %s: %v", spec.ID, err)
	}
	return task
}

func (w *world) get(t testing.TB, id string) *api.Task {
	t.Helper()
	task, err := w.store.Get(t.Context(), &api.TaskGetRequest{ID: id})
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	return task
}

// ended waits for the outcome of a task.
func (w *world) ended(t testing.TB, id string) *api.Task {
	t.Helper()
	task, err := w.store.Get(t.Context(), &api.TaskGetRequest{ID: id, Wait: api.Duration(30 * time.Second)})
	if err != nil {
		t.Fatalf("get %s: %v", id, err)
	}
	if !task.Status.Ended() {
		t.Fatalf("task %s has no outcome: %+v", id, task)
	}
	return task
}

// counts are the numbers of messages in the two streams.
func (w *world) counts(t testing.TB) (waiting, outcomes uint64) {
	t.Helper()
	return streamState(t, w.conn, "mabus_tasks").Msgs, streamState(t, w.conn, "mabus_results").Msgs
}

func streamState(t testing.TB, conn *rpc.Conn, name string) jetstream.StreamState {
	t.Helper()
	var s jetstream.Stream
	natstest.Eventually(t, 20*time.Second, func() bool { // a cluster may be without a leader for a moment
		var err error
		s, err = conn.JS.Stream(t.Context(), name)
		return err == nil
	}, "stream %s is read", name)
	return s.CachedInfo().State
}

// settled waits until nothing is left to do, with so many outcomes, for as long as outcomes come. An outcome is never replaced,
// so as many messages have been stored as there are.
func (w *world) settled(t testing.TB, outcomes int) {
	t.Helper()
	for n := uint64(0); n < uint64(outcomes); {
		before := n
		natstest.Eventually(t, 20*time.Second, func() bool { _, n = w.counts(t); return n > before }, "more outcomes than %d of %d", before, outcomes)
	}
	natstest.Eventually(t, 20*time.Second, func() bool { return w.left(t) == "" }, "all tasks have outcomes and none is left but %s",
		lazy(func() string { return w.left(t) }))
	if state := streamState(t, w.conn, "mabus_results"); state.Msgs != uint64(outcomes) || state.LastSeq != uint64(outcomes) {
		t.Errorf("%d outcomes stand and %d were written, want %d", state.Msgs, state.LastSeq, outcomes)
	}
}

// left is the subjects of the tasks that stand in the queue.
func (w *world) left(t testing.TB) string {
	t.Helper()
	var info *jetstream.StreamInfo
	natstest.Eventually(t, 20*time.Second, func() bool { // likewise
		s, err := w.conn.JS.Stream(t.Context(), "mabus_tasks")
		if err == nil {
			info, err = s.Info(t.Context(), jetstream.WithSubjectFilter("mabus.task.>"))
		}
		return err == nil
	}, "the queue is read")
	return strings.Join(slices.Sorted(maps.Keys(info.State.Subjects)), " ")
}

// lazy is a text that is made when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }

func wantCode(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
}

func ids(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return out
}

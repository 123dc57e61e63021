package kv_test

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

// index keeps what OnChange tells, as a caller's index would.
type index struct {
	mu   sync.Mutex
	n    map[string]int
	revs []uint64
}

func (x *index) change(c kv.Change[counter]) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.n == nil {
		x.n = map[string]int{}
	}
	if c.New == nil {
		delete(x.n, c.Key)
	} else {
		x.n[c.Key] = c.New.N
	}
	x.revs = append(x.revs, c.Revision)
}

func (x *index) copy() map[string]int {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := map[string]int{}
	for k, n := range x.n {
		c[k] = n
	}
	return c
}

func held(m *kv.Mirror[counter]) map[string]int {
	c := map[string]int{}
	m.Range(func(k string, v *counter, _ uint64) bool { c[k] = v.N; return true })
	return c
}

func follow(t testing.TB, b *kv.Bucket, opts kv.MirrorOptions[counter]) *kv.Mirror[counter] {
	t.Helper()
	if opts.Probe == 0 {
		opts.Probe = 50 * time.Millisecond
	}
	m := kv.NewMirror(b, opts)
	m.Start()
	t.Cleanup(m.Stop)
	select {
	case <-m.Ready():
	case <-time.After(20 * time.Second):
		t.Fatal("the mirror never got ready")
	}
	return m
}

func TestMirrorFollows(t *testing.T) { bothWays(t, mirrorFollows) }

func mirrorFollows(t *testing.T, gather func() time.Duration) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	table := kv.NewTable[counter](b, "svc", nil)
	ctx := within(t, 20*time.Second)
	update := func(key string, rule kv.Rule[counter]) uint64 {
		return must[kv.Result[counter]](t)(table.Update(ctx, api.Cause{}, key, rule)).Revision
	}
	remove := func(*counter, time.Time) (*counter, string, error) { return nil, "gone", nil }
	for i := range 20 {
		update(strconv.Itoa(i%10), add(1))
	}
	update("3", remove)
	var x index
	m := follow(t, b, kv.MirrorOptions[counter]{OnChange: x.change, Gather: gather})
	if d := cmp.Diff(held(m), x.copy()); d != "" || m.Len() != 9 {
		t.Fatalf("after the load: %d records, index differs: %s", m.Len(), d)
	}
	var rev uint64
	for i := range 20 {
		rev = update(strconv.Itoa(i%12), add(1))
	}
	rev = max(rev, update("5", remove))
	if err := m.WaitFor(ctx, rev); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := m.Get("5"); ok {
		t.Fatal("5 is still there")
	}
	v, got, ok := m.Get("3")
	if r := must[kv.Result[counter]](t)(table.Get(ctx, "3")); !ok || got != r.Revision || v.N != r.Value.N {
		t.Fatalf("got %+v at %d, want %+v", v, got, r)
	}
	if d := cmp.Diff(held(m), x.copy()); d != "" {
		t.Fatal(d)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return m.Synced() && m.Age() < time.Second })
	if err := m.WaitFor(within(t, 50*time.Millisecond), rev+1); api.CodeOf(err) != api.DeadlineExceeded {
		t.Fatalf("a revision to come: got %v", err)
	}
}

func TestWaitForARevisionThatWasSwept(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	ctx := within(t, 20*time.Second)
	must[uint64](t)(b.Write(ctx, kv.Write{Key: "a", Value: []byte(`{"n":1}`)}))
	rev := must[uint64](t)(b.Write(ctx, kv.Write{Key: "b", Delete: true}))
	must[int](t)(b.Sweep(ctx, 0, 10))
	m := follow(t, b, kv.MirrorOptions[counter]{})
	if err := m.WaitFor(ctx, rev); err != nil {
		t.Fatal(err)
	}
}

func TestMirrorSurvivesARestart(t *testing.T) { bothWays(t, mirrorSurvivesARestart) }

func mirrorSurvivesARestart(t *testing.T, gather func() time.Duration) {
	s := natstest.Start(t)
	nc, writer := s.Connect(t), s.Connect(t)
	b := open(t, nc, kv.Config{})
	var x index
	m := follow(t, b, kv.MirrorOptions[counter]{OnChange: x.change, Gather: gather})
	table := kv.NewTable[counter](open(t, writer, kv.Config{}), "svc", nil)
	ctx := within(t, 40*time.Second)
	for i := range 10 {
		must[kv.Result[counter]](t)(table.Update(ctx, api.Cause{}, strconv.Itoa(i), add(1)))
	}
	epoch := m.Epoch()
	s.Stop()
	natstest.Eventually(t, 5*time.Second, func() bool { return !m.Synced() && m.Epoch() > epoch })
	if v, _, ok := m.Get("9"); m.Len() > 0 && ok && v.N != 1 {
		t.Fatal("the copy is not readable during the outage")
	}
	s.Restart(t)
	var rev uint64
	for i := range 5 {
		rev = must[kv.Result[counter]](t)(table.Update(ctx, api.Cause{}, strconv.Itoa(i), add(1))).Revision
	}
	if err := m.WaitFor(ctx, rev); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for i := range 10 {
		want[strconv.Itoa(i)] = 1
		if i < 5 {
			want[strconv.Itoa(i)] = 2
		}
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return m.Synced() && cmp.Equal(want, held(m)) && cmp.Equal(want, x.copy()) })
}

func TestMirrorSeesABucketMadeAnew(t *testing.T) { bothWays(t, mirrorSeesABucketMadeAnew) }

func mirrorSeesABucketMadeAnew(t *testing.T, gather func() time.Duration) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	ctx := within(t, 20*time.Second)
	for i := range 5 {
		must[uint64](t)(b.Write(ctx, kv.Write{Key: strconv.Itoa(i), Value: []byte(`{"n":1}`)}))
	}
	var x index
	m := follow(t, b, kv.MirrorOptions[counter]{OnChange: x.change, Gather: gather})
	if err := stream(t, nc).DeleteKeyValue(ctx, b.Name()); err != nil {
		t.Fatal(err)
	}
	again := open(t, nc, kv.Config{})
	must[uint64](t)(again.Write(ctx, kv.Write{Key: "1", Value: []byte(`{"n":7}`)}))
	want := map[string]int{"1": 7}
	natstest.Eventually(t, 10*time.Second, func() bool { return cmp.Equal(want, held(m)) && cmp.Equal(want, x.copy()) })
	if b.Token(1) != again.Token(1) {
		t.Fatal("the mirror's bucket still gives tokens of the old incarnation")
	}
}

func TestMirrorSkipsJunk(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	ctx := within(t, 20*time.Second)
	std := must[jetstream.KeyValue](t)(stream(t, nc).KeyValue(ctx, b.Name()))
	junk := []string{"", "{", "null", "[]", `{"n":"x"}`, "\x00\xff", `{"n":1e400}`}
	for i, v := range junk[:3] {
		must[uint64](t)(std.Put(ctx, fmt.Sprint("junk", i), []byte(v)))
	}
	m := follow(t, b, kv.MirrorOptions[counter]{})
	var rev uint64
	for i, v := range junk {
		rev = must[uint64](t)(std.Put(ctx, fmt.Sprint("more", i), []byte(v)))
	}
	rev = max(rev, must[uint64](t)(std.Put(ctx, "good", []byte(`{"n":4,"unknown":true}`))))
	if err := m.WaitFor(ctx, rev); err != nil {
		t.Fatal(err)
	}
	if v, _, ok := m.Get("good"); !ok || v.N != 4 {
		t.Fatalf("got %+v", v)
	}
	if m.Junk() == 0 {
		t.Fatal("no junk was counted")
	}
	table := kv.NewTable[counter](b, "svc", nil)
	if _, err := table.Update(ctx, api.Cause{}, "more1", add(1)); err == nil {
		t.Fatal("a record that cannot be read was overwritten")
	}
}

func FuzzMirrorValue(f *testing.F) {
	nc := natstest.Start(f).Connect(f)
	b := open(f, nc, kv.Config{History: 1})
	m := follow(f, b, kv.MirrorOptions[counter]{})
	std := must[jetstream.KeyValue](f)(stream(f, nc).KeyValue(within(f, time.Minute), b.Name()))
	f.Add([]byte(`{"n":1}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, value []byte) {
		ctx := within(t, 10*time.Second)
		rev, err := std.Put(ctx, "k", value)
		if err != nil {
			t.Skip("the server takes no such value")
		}
		if err := m.WaitFor(ctx, rev); err != nil {
			t.Fatalf("%q stopped the mirror: %v", value, err)
		}
	})
}

func TestMirrorOfAClusterSurvivesALeader(t *testing.T) { bothWays(t, mirrorOfAClusterSurvivesALeader) }

func mirrorOfAClusterSurvivesALeader(t *testing.T, gather func() time.Duration) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	c := natstest.StartCluster(t, 3)
	b := open(t, c.Connect(t), kv.Config{Replicas: 3})
	m := follow(t, b, kv.MirrorOptions[counter]{Gather: gather})
	table := kv.NewTable[counter](open(t, c.Connect(t), kv.Config{Replicas: 3}), "svc", nil)
	ctx := within(t, 60*time.Second)
	must[kv.Result[counter]](t)(table.Update(ctx, api.Cause{}, "k", add(1)))
	leader := -1
	natstest.Eventually(t, 30*time.Second, func() bool { leader = c.StreamLeader("KV_" + b.Name()); return leader >= 0 }, "there is a leader")
	c.StopNode(leader)
	r := must[kv.Result[counter]](t)(table.Update(ctx, api.Cause{}, "k", add(1)))
	if err := m.WaitFor(ctx, r.Revision); err != nil {
		t.Fatal(err)
	}
	if v, _, _ := m.Get("k"); v.N != 2 {
		t.Fatalf("got %+v, want 2", v)
	}
}

// agentLike is about what a registry keeps of an agent.
type agentLike struct {
	ID           string    `json:"id"`
	Capabilities []string  `json:"capabilities"`
	Status       string    `json:"status"`
	Host         string    `json:"host"`
	At           time.Time `json:"at"`
}

const manyRecords = 100_000

func fill(b *testing.B) *kv.Bucket {
	nc := natstest.Start(b).Connect(b)
	bucket := open(b, nc, kv.Config{History: 1})
	js := must[jetstream.JetStream](b)(jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1000)))
	for i := range manyRecords {
		m := nats.NewMsg("$KV." + bucket.Name() + ".agent-" + strconv.Itoa(i))
		m.Data = fmt.Appendf(nil, `{"id":"agent-%d","capabilities":["chat","sum-%d"],"status":"running","host":"host-%d","at":"2026-01-02T03:04:05Z"}`, i, i%100, i%50)
		must[jetstream.PubAckFuture](b)(js.PublishMsgAsync(m))
	}
	<-js.PublishAsyncComplete()
	return bucket
}

func mirrorOf(b *testing.B, bucket *kv.Bucket) *kv.Mirror[agentLike] {
	m := kv.NewMirror(bucket, kv.MirrorOptions[agentLike]{})
	m.Start()
	b.Cleanup(m.Stop)
	<-m.Ready()
	if m.Len() != manyRecords {
		b.Fatalf("have %d records", m.Len())
	}
	return m
}

func BenchmarkMirrorGet(b *testing.B) {
	m := mirrorOf(b, fill(b))
	hot := make([]string, 1000)
	for i := range hot {
		hot[i] = "agent-" + strconv.Itoa(i*97)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, _, ok := m.Get(hot[i%len(hot)]); !ok {
			b.Fatal("missing")
		}
	}
}

// BenchmarkBytesPerEntry fills a server and reports what a mirror of it adds to the heap.
func BenchmarkBytesPerEntry(b *testing.B) {
	bucket := fill(b)
	heap := func() float64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&s)
		return float64(s.HeapAlloc)
	}
	before := heap()
	m := mirrorOf(b, bucket)
	b.ReportMetric((heap()-before)/manyRecords, "B/entry")
	runtime.KeepAlive(m)
}

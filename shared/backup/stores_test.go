package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// stores makes some of the stores of a namespace by hand, as the services have them.
func stores(t testing.TB, conn *rpc.Conn, replicas int) {
	t.Helper()
	for name, history := range map[string]uint8{"leases": 1, "agents": 16, "locks": 2} {
		if _, err := conn.JS.CreateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "mabus_" + name, History: history, Replicas: replicas, MaxBytes: 1 << 28}); err != nil {
			t.Fatal(err)
		}
	}
	for _, cfg := range []jetstream.StreamConfig{
		{Name: "mabus_tasks", Subjects: []string{"mabus.task.*.*.*"}, Retention: jetstream.WorkQueuePolicy, MaxMsgsPerSubject: 1, AllowMsgSchedules: true},
		{Name: "mabus_results", Subjects: []string{"mabus.result.*.*"}, MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true},
		{Name: "mabus_events", Subjects: []string{"mabus.event.>"}},
	} {
		cfg.Replicas = replicas
		if _, err := conn.JS.CreateStream(within(t), cfg); err != nil {
			t.Fatal(err)
		}
	}
	obj, err := conn.JS.CreateObjectStore(within(t), jetstream.ObjectStoreConfig{Bucket: "mabus_blobs", Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := obj.PutBytes(within(t), "large", bytes.Repeat([]byte("0123456789"), 1<<17)); err != nil {
		t.Fatal(err)
	}
}

func bucket(t testing.TB, conn *rpc.Conn, name string) jetstream.KeyValue {
	t.Helper()
	kv, err := conn.JS.KeyValue(within(t), "mabus_"+name)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// Keys are overwritten all the time, with a history of one: a server's own snapshot loses those that were written while it was made.
func TestBackupOfABusyNamespace(t *testing.T) {
	t.Run("with a pause", func(t *testing.T) {
		defer backup.ChaseFor(200 * time.Millisecond)()
		busy(t)
	})
	t.Run("without any", func(t *testing.T) {
		defer backup.ChaseFor(-1)()
		busy(t)
	})
}

func busy(t *testing.T) {
	from, to := natstest.Start(t), natstest.Start(t)
	conn := dial(t, from.URL())
	stores(t, conn, 1)
	kv := bucket(t, conn, "leases")
	const writers, keys = 4, 50
	acknowledged := make([][keys]int, writers)
	value := bytes.Repeat([]byte("x"), 2000)
	round := func(ctx context.Context, w, n int) bool {
		for k := range keys {
			key := fmt.Sprintf("w%d-%d", w, k)
			if ctx.Err() != nil { // between two puts: of one that is given up nobody knows whether it is stored, and in the back-up
				return false
			}
			if _, err := kv.Put(t.Context(), key, append(strconv.AppendInt(nil, int64(n), 10), value...)); err != nil {
				return false
			}
			acknowledged[w][k] = n
		}
		return true
	}
	var before [writers][keys]int
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	begun := make(chan struct{}, writers)
	for w := range writers {
		if !round(t.Context(), w, 1) {
			t.Fatal("the store takes no writes")
		}
		before[w] = acknowledged[w]
		wg.Go(func() {
			for n := 2; round(ctx, w, n); n++ {
				if n == 3 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range writers {
		<-begun
	}
	dir, m := saved(t, conn)
	stop()
	wg.Wait()
	if m.Namespace != "mabus" || len(m.Parts) != 7 {
		t.Fatalf("the manifest is of %s, with %d parts", m.Namespace, len(m.Parts))
	}
	target := dial(t, to.URL())
	restored(t, target, dir, backup.RestoreOptions{})
	have := bucket(t, target, "leases")
	for w := range writers {
		for k := range keys {
			e, err := have.Get(within(t), fmt.Sprintf("w%d-%d", w, k))
			if err != nil {
				t.Fatalf("w%d-%d: %v", w, k, err)
			}
			n, _ := strconv.Atoi(string(bytes.TrimRight(e.Value(), "x")))
			if n < before[w][k] || n > acknowledged[w][k] {
				t.Errorf("w%d-%d is %d, was %d before and %d after", w, k, n, before[w][k], acknowledged[w][k])
			}
		}
	}
	obj, err := target.JS.ObjectStore(within(t), "mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := obj.GetBytes(within(t), "large"); err != nil || len(data) != 10<<17 {
		t.Errorf("the object has %d bytes: %v", len(data), err)
	}
}

// What a stream is stays so: sequences, times, headers, what was removed, consumers and what they have yet to do.
func TestRestoredStreamsAreTheSame(t *testing.T) {
	t.Parallel()
	from, to := natstest.Start(t), natstest.Start(t)
	conn := dial(t, from.URL())
	stores(t, conn, 1)
	var stamps []jetstream.RawStreamMsg
	events, err := conn.JS.Stream(within(t), "mabus_events")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		msg := nats.NewMsg(fmt.Sprintf("mabus.event.registry.agents.a%d", i%7))
		msg.Header["Mabus-B"], msg.Header["Mabus-A"] = []string{"2", "3"}, []string{"1"}
		msg.Data = fmt.Appendf(nil, "%d", i)
		if _, err := conn.JS.PublishMsg(within(t), msg); err != nil {
			t.Fatal(err)
		}
	}
	for _, seq := range []uint64{1, 2, 50, 51, 200} {
		if err := events.DeleteMsg(within(t), seq); err != nil {
			t.Fatal(err)
		}
	}
	for seq := uint64(3); seq < 200; seq++ {
		if m, err := events.GetMsg(within(t), seq); err == nil {
			stamps = append(stamps, *m)
		}
	}
	outbox, err := conn.JS.CreateConsumer(within(t), "mabus_events", jetstream.ConsumerConfig{Durable: "outbox", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := outbox.Fetch(20)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 20; n++ {
		msg := <-batch.Messages()
		if n == 11 {
			continue // which waits for its acknowledgement
		}
		if err := msg.DoubleAck(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	locks := bucket(t, conn, "locks")
	rev, err := locks.Put(within(t), "l", []byte("held"))
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := saved(t, conn)
	target := dial(t, to.URL())
	restored(t, target, dir, backup.RestoreOptions{})
	got, err := target.JS.Stream(within(t), "mabus_events")
	if err != nil {
		t.Fatal(err)
	}
	st := got.CachedInfo()
	if st.State.FirstSeq != 3 || st.State.LastSeq != 200 || st.State.Msgs != 195 || len(st.Config.Metadata) > 3 {
		t.Errorf("the stream is %+v, %v", st.State, st.Config.Metadata)
	}
	for _, want := range stamps {
		m, err := got.GetMsg(within(t), want.Sequence)
		if err != nil || !m.Time.Equal(want.Time) || !bytes.Equal(m.Data, want.Data) || m.Subject != want.Subject || fmt.Sprint(m.Header) != fmt.Sprint(want.Header) {
			t.Fatalf("message %d is %+v (%v), was %+v", want.Sequence, m, err, want)
		}
	}
	again, err := target.JS.Consumer(within(t), "mabus_events", "outbox")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := again.Next()
	if err != nil {
		t.Fatal(err)
	}
	if meta, err := msg.Metadata(); err != nil || meta.Sequence.Stream != 13 {
		t.Errorf("the consumer goes on at %+v: %v", meta, err)
	}
	next, err := bucket(t, target, "locks").Put(within(t), "l", []byte("again"))
	if err != nil || next != rev+backup.TokenGap+1 {
		t.Errorf("the next token is %d after %d: %v", next, rev, err)
	}
	if e, err := bucket(t, target, "locks").Get(within(t), "l"); err != nil || string(e.Value()) != "again" {
		t.Errorf("the lock is %v: %v", e, err)
	}
}

// Streams that drop their oldest messages go on doing so while they are read; a restore drops the same, and nothing else.
func TestStreamsAtTheirBounds(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]jetstream.StreamConfig{
		"messages": {MaxMsgs: 50}, "bytes": {MaxBytes: 50 * 1100}, "of a subject": {MaxMsgsPerSubject: 10}, "room": {},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, natstest.Start(t).URL())
			cfg.Name, cfg.Subjects = "mabus_events", []string{"mabus.event.>"}
			if _, err := conn.JS.CreateStream(within(t), cfg); err != nil {
				t.Fatal(err)
			}
			n := 0
			write := func(count int) {
				for range count {
					n++
					if _, err := conn.JS.Publish(within(t), fmt.Sprintf("mabus.event.a.b.%d", n%5), bytes.Repeat([]byte("x"), 1000)); err != nil {
						t.Fatal(err)
					}
				}
			}
			write(60)
			dir := filepath.Join(t.TempDir(), "backup")
			if _, err := backup.Make(within(t), conn, dir, backup.Options{Progress: func(p backup.Progress) {
				if p.Step == "read" {
					write(25)
				}
			}}); err != nil {
				t.Fatal(err)
			}
			target := dial(t, natstest.Start(t).URL())
			restored(t, target, dir, backup.RestoreOptions{})
			was, err := conn.JS.Stream(within(t), "mabus_events")
			if err != nil {
				t.Fatal(err)
			}
			is, err := target.JS.Stream(within(t), "mabus_events")
			if err != nil {
				t.Fatal(err)
			}
			if a, b := was.CachedInfo().State, is.CachedInfo().State; a.Msgs != b.Msgs || a.FirstSeq != b.FirstSeq || a.LastSeq != b.LastSeq {
				t.Errorf("it was %+v and is %+v", a, b)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	at := map[string]int{}
	order := backup.Order(api.Stores)
	for i, s := range order {
		at[string(s.Kind)+" "+s.Name] = i
	}
	if len(at) != len(api.Stores) {
		t.Fatalf("%d stores of %d", len(at), len(api.Stores))
	}
	if order[0].Name != "requests" {
		t.Errorf("%s comes before the kept answers", order[0].Name)
	}
	for _, pair := range [][2]string{
		{"bucket primitives", "bucket locks"},
		{"bucket state", "bucket agents"},
		{"bucket budgets", "stream log_economics"},
		{"bucket snapshots", "objects snapshots"},
		{"objects snapshots", "stream log_economics"},
		{"objects snapshots", "stream log_coordination"},
		{"stream log_economics", "stream economics_archive"},
		{"stream log_coordination", "stream archive"},
		{"stream economics_archive", "bucket economics_keys"},
		{"stream log_economics", "stream tasks"},
		{"stream task_state", "stream tasks"},
		{"stream tasks", "stream results"},
		{"stream results", "objects blobs"},
	} {
		a, ok1 := at[pair[0]]
		b, ok2 := at[pair[1]]
		if !ok1 || !ok2 || a >= b {
			t.Errorf("%s is cut at %d, %s at %d", pair[0], a, pair[1], b)
		}
	}
}

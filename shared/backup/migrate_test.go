package backup_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// writable tells whether a bucket takes writes.
func writable(t testing.TB, conn *rpc.Conn) bool {
	t.Helper()
	_, err := bucket(t, conn, "agents").Put(within(t), "probe", []byte("x"))
	return err == nil
}

// A fence refuses every write to every store, keeps who would set them up anew from doing so, and leaves no trace when it is gone.
func TestFence(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	config := func(name string) jetstream.StreamConfig {
		s, err := conn.JS.Stream(within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config
	}
	before := config("mabus_tasks")
	if _, err := conn.JS.Publish(within(t), "mabus.task.a.high.1", nil); err != nil {
		t.Fatal(err)
	}
	cons, err := conn.JS.CreateConsumer(within(t), "mabus_tasks", jetstream.ConsumerConfig{Durable: "a", FilterSubject: "mabus.task.a.*.*", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // which is a fence that was begun twice
		if err := backup.Fence(within(t), conn); err != nil {
			t.Fatal(err)
		}
		if writable(t, conn) {
			t.Error("a bucket takes a write behind the fence")
		}
		for _, subject := range []string{"mabus.task.a.high.2", "mabus.result.j.1", "mabus.event.x"} {
			if ack, err := conn.JS.Publish(within(t), subject, []byte("x")); err == nil {
				t.Errorf("%s was stored in %s", subject, ack.Stream)
			}
		}
		if _, err := conn.JS.UpdateStream(within(t), before); err == nil {
			t.Error("a process that starts undoes the fence")
		}
	}
	if err := backup.Unfence(within(t), conn); err != nil {
		t.Fatal(err)
	}
	after := config("mabus_tasks")
	delete(after.Metadata, "mabus-fenced")
	if strings.Join(after.Subjects, " ") != strings.Join(before.Subjects, " ") || len(after.Metadata) != len(before.Metadata) {
		t.Errorf("it was %+v and is %+v", before, after)
	}
	if !writable(t, conn) {
		t.Error("a bucket takes no write when the fence is gone")
	}
	if msg, err := cons.Next(); err != nil || msg.Subject() != "mabus.task.a.high.1" {
		t.Errorf("the consumer has %v: %v", msg, err)
	}
	for name := range conn.JS.StreamNames(within(t)).Name() {
		if strings.HasPrefix(name, "FENCE") {
			t.Errorf("%s is left", name)
		}
	}
}

// A migration that fails, at whatever step, leaves a namespace that takes writes, and the next one does it.
func TestMigrationThatFails(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	target := dial(t, natstest.Start(t).URL())
	for n := 1; ; n += 6 {
		ctx, die := context.WithCancel(t.Context())
		steps := 0
		_, err := backup.Migrate(ctx, conn, target, filepath.Join(t.TempDir(), "move"), backup.MigrateOptions{Options: backup.Options{Progress: func(backup.Progress) {
			if steps++; steps == n {
				die()
			}
		}}})
		die()
		if err == nil {
			if n < 20 {
				t.Errorf("only %d steps", n)
			}
			break
		}
		if !writable(t, conn) {
			t.Fatalf("nothing can be written after a migration that failed at step %d: %v", n, err)
		}
	}
	if writable(t, conn) {
		t.Error("the old server takes writes")
	}
	if e, err := bucket(t, target, "agents").Get(within(t), "probe"); err != nil || string(e.Value()) != "x" {
		t.Errorf("the last write was %v: %v", e, err)
	}
	_, err := backup.Migrate(within(t), conn, target, filepath.Join(t.TempDir(), "move"), backup.MigrateOptions{})
	refused(t, err, api.Conflict, backup.ReasonStoresExist)
}

// One that was killed behind its fence can be undone, and begun anew.
func TestMigrationThatWasKilled(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	if err := backup.Fence(within(t), conn); err != nil {
		t.Fatal(err)
	}
	dir, m := saved(t, conn) // a back-up of what is fenced is one of what it was
	target := dial(t, natstest.Start(t).URL())
	restored(t, target, dir, backup.RestoreOptions{})
	if !writable(t, target) || m.Namespace != "mabus" {
		t.Error("what was restored is fenced")
	}
	if _, err := target.JS.PublishMsg(within(t), nats.NewMsg("mabus.event.x")); err != nil {
		t.Error(err)
	}
	next := dial(t, natstest.Start(t).URL())
	if _, err := backup.Migrate(within(t), conn, next, filepath.Join(t.TempDir(), "move"), backup.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	if !writable(t, next) {
		t.Error("what was moved takes no writes")
	}
}

// Streams get as many copies on a cluster as they are to have, all of them whole.
func TestRestoreIntoACluster(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	rev, err := bucket(t, conn, "locks").Put(within(t), "l", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.JS.CreateConsumer(within(t), "mabus_tasks", jetstream.ConsumerConfig{Durable: "a", Replicas: 1, AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	dir, _ := saved(t, conn)
	cluster := natstest.StartCluster(t, 3)
	restored(t, dial(t, cluster.URLs()), dir, backup.RestoreOptions{Replicas: 3})
	leader := -1
	natstest.Eventually(t, patience, func() bool {
		leader = cluster.StreamLeader("KV_mabus_locks")
		return leader >= 0
	}, "the bucket has a leader")
	cluster.StopNode(leader)
	target := dial(t, cluster.URL((leader+1)%3))
	natstest.Eventually(t, patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience/10)
		defer cancel()
		kv, err := target.JS.KeyValue(ctx, "mabus_locks")
		if err != nil {
			return false
		}
		next, err := kv.Put(ctx, "m", []byte("y"))
		return err == nil && next > rev+backup.TokenGap
	}, "another copy goes on")
}

// A cluster that has no leader yet lets what it is asked fall, or says so: it is asked again.
func TestANewServerMayLackALeader(t *testing.T) {
	t.Parallel()
	cluster := natstest.StartCluster(t, 3)
	left := (cluster.MetaLeader() + 1) % 3
	others := []int{(left + 1) % 3, (left + 2) % 3}
	conn := dial(t, cluster.URL(left))
	asked := make(chan struct{}, 1)
	if _, err := conn.NC.Subscribe("$JS.API.INFO", func(*nats.Msg) {
		select {
		case asked <- struct{}{}:
		default:
		}
	}); err != nil {
		t.Fatal(err)
	}
	for _, i := range others {
		cluster.StopNode(i)
	}
	ctx, able := within(t), make(chan error, 1)
	go func() { able <- backup.Able(ctx, conn) }()
	select {
	case <-asked:
	case err := <-able:
		t.Fatalf("it has not asked: %v", err)
	}
	for _, i := range others {
		cluster.StartNode(t, i)
	}
	if err := <-able; err != nil {
		t.Error(err)
	}
}

// Whoever is told to stop asks the server for nothing more: what it would change then, nobody waits for.
func TestNothingIsAskedAfterTheEnd(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	asked, err := conn.NC.SubscribeSync("$JS.API.>")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := backup.Able(ctx, conn); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if err := conn.NC.Publish("$JS.API.LAST", nil); err != nil {
		t.Fatal(err)
	}
	if msg, err := asked.NextMsg(patience); err != nil || msg.Subject != "$JS.API.LAST" {
		t.Errorf("it has asked for %+v: %v", msg, err)
	}
}

package backup_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/natstest"
)

// What was scheduled becomes due while a back-up lies there, and is published as soon as the stream is restored, maybe before the comparison.
func TestSchedulesThatAreDue(t *testing.T) {
	t.Parallel()
	from, to := natstest.Start(t), natstest.Start(t)
	conn := dial(t, from.URL())
	stores(t, conn, 1)
	const n = 200
	due := time.Now().Add(2 * time.Second)
	for i := range n {
		msg := nats.NewMsg(fmt.Sprintf("mabus.task.later.low.s%d", i))
		msg.Header.Set("Nats-Schedule", "@at "+due.UTC().Format(time.RFC3339))
		msg.Header.Set("Nats-Schedule-Target", fmt.Sprintf("mabus.task.now.low.t%d", i))
		if _, err := conn.JS.PublishMsg(within(t), msg); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40_000 { // so that the restore takes its time
		if _, err := conn.JS.PublishAsync("mabus.event.a.b", fmt.Append(make([]byte, 2048), i), jetstream.WithStallWait(patience)); err != nil {
			t.Fatal(err)
		}
	}
	<-conn.JS.PublishAsyncComplete()
	dir, _ := saved(t, conn)
	natstest.Eventually(t, patience, func() bool { return time.Now().After(due.Add(time.Second)) }, "the time has come")
	target := dial(t, to.URL())
	restored(t, target, dir, backup.RestoreOptions{})
	natstest.Eventually(t, patience, func() bool {
		s, err := target.JS.Stream(within(t), "mabus_tasks")
		return err == nil && s.CachedInfo().State.Msgs == n && s.CachedInfo().State.LastSeq >= 2*n
	}, "all of it is published once")
}

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
	for i := range 40_000 { // so that the restore takes its time
		if _, err := conn.JS.PublishAsync("mabus.event.a.b", fmt.Append(make([]byte, 2048), i), jetstream.WithStallWait(patience)); err != nil {
			t.Fatal(err)
		}
	}
	<-conn.JS.PublishAsyncComplete()
	tasks, err := conn.JS.Stream(within(t), "mabus_tasks")
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	saved(t, conn)
	ahead := 2*time.Since(begun) + 2*time.Second // a back-up takes half of it, on this machine
	const n = 200
	var due time.Time
	dir, last := "", uint64(0)
	for ; !time.Now().Before(due); ahead *= 2 { // until the back-up is there before anything is due
		if err := tasks.Purge(within(t)); err != nil {
			t.Fatal(err)
		}
		due = time.Now().Add(ahead).Truncate(time.Second)
		for i := range n {
			msg := nats.NewMsg(fmt.Sprintf("mabus.task.later.low.s%d", i))
			msg.Header.Set("Nats-Schedule", "@at "+due.UTC().Format(time.RFC3339))
			msg.Header.Set("Nats-Schedule-Target", fmt.Sprintf("mabus.task.now.low.t%d", i))
			ack, err := conn.JS.PublishMsg(within(t), msg)
			if err != nil {
				t.Fatal(err)
			}
			last = ack.Sequence
		}
		dir, _ = saved(t, conn)
	}
	natstest.Eventually(t, patience, func() bool { return time.Now().After(due.Add(time.Second)) }, "the time has come")
	target := dial(t, to.URL())
	restored(t, target, dir, backup.RestoreOptions{})
	natstest.Eventually(t, patience, func() bool {
		s, err := target.JS.Stream(within(t), "mabus_tasks")
		return err == nil && s.CachedInfo().State.Msgs == n && s.CachedInfo().State.LastSeq >= last+n
	}, "all of it is published once")
}

// What becomes due while a restored stream is compared takes the place of what it stands for, which is in the back-up too if it had become due
// once before.
func TestWhatComesDueAgainWhileItIsCompared(t *testing.T) {
	t.Parallel()
	conn := dial(t, natstest.Start(t).URL())
	stores(t, conn, 1)
	const n = 2000
	due := time.Now().Add(15 * time.Second)
	for i := range n {
		target := fmt.Sprintf("mabus.task.now.low.t%d", i)
		if _, err := conn.JS.Publish(within(t), target, nil); err != nil {
			t.Fatal(err)
		}
		msg := nats.NewMsg(fmt.Sprintf("mabus.task.later.low.s%d", i))
		msg.Header.Set("Nats-Schedule", "@at "+due.UTC().Format(time.RFC3339))
		msg.Header.Set("Nats-Schedule-Target", target)
		if _, err := conn.JS.PublishMsg(within(t), msg); err != nil {
			t.Fatal(err)
		}
	}
	dir, _ := saved(t, conn)
	t.Logf("saved %s before it is due", time.Until(due))
	natstest.Eventually(t, patience, func() bool { return time.Now().After(due.Add(time.Second)) }, "the time has come")
	for range 3 {
		restored(t, dial(t, natstest.Start(t).URL()), dir, backup.RestoreOptions{})
	}
}

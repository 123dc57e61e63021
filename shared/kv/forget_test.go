package kv_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The revisions of a deleted key go, and not before the outbox has told of them; the deletion stays, and so does a key that is there.
func TestForget(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	ctx := within(t, 10*time.Second)
	write := func(w kv.Write) uint64 { t.Helper(); return must[uint64](t)(b.Write(ctx, w)) }
	rev := write(kv.Write{Key: "gone", Value: []byte("1")})
	rev = write(kv.Write{Key: "gone", Value: []byte("2"), Expect: rev})
	deleted := write(kv.Write{Key: "gone", Delete: true, Expect: rev})
	kept := write(kv.Write{Key: "kept", Value: []byte("1")})
	js := stream(t, nc)
	left := func() uint64 {
		t.Helper()
		return must[jetstream.Stream](t)(js.Stream(ctx, "KV_"+b.Name())).CachedInfo().State.Msgs
	}
	if _, err := js.CreateOrUpdateConsumer(ctx, "KV_"+b.Name(), jetstream.ConsumerConfig{Durable: "events", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 10*time.Second, func() bool { // a slow machine may not even have looked within the time
		err := b.Forget(within(t, 200*time.Millisecond), "gone")
		if err == nil || left() != 4 {
			t.Fatalf("before the events are out: %v, and %d messages", err, left())
		}
		return api.ReasonOf(err) == api.ReasonEventsBehind
	}, "it says that the events are not out")
	if err := js.DeleteConsumer(ctx, "KV_"+b.Name(), "events"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"gone", "gone", "kept", "never"} {
		if err := b.Forget(ctx, key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if e := must[kv.Entry](t)(b.Get(ctx, "gone")); !e.Deleted || e.Revision != deleted || left() != 2 {
		t.Errorf("%+v, and %d messages", e, left())
	}
	if e := must[kv.Entry](t)(b.Get(ctx, "kept")); e.Revision != kept || !e.Exists() {
		t.Errorf("%+v", e)
	}
}

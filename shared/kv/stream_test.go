package kv_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Every process opens its streams when it starts, while others make consumers of them: only one that wants something else updates.
func TestAStreamThatIsAsSaidIsNotUpdated(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js, ctx := stream(t, nc), within(t, 30*time.Second)
	updates, err := nc.SubscribeSync("$JS.API.STREAM.UPDATE.*")
	if err != nil {
		t.Fatal(err)
	}
	bare := jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare.>"}}
	short := jetstream.StreamConfig{Name: "short", Subjects: []string{"short.>"}, AllowMsgSchedules: true, MaxAge: time.Second, Metadata: map[string]string{"of": "mine"}}
	full := jetstream.StreamConfig{
		Name: "full", Subjects: []string{"full.>", "more.>"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: 1,
		MaxMsgs: 10, MaxBytes: 1 << 20, MaxMsgsPerSubject: 1, MaxMsgSize: 100, MaxConsumers: 5, MaxAge: time.Hour, Duplicates: time.Second,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, AllowDirect: true, Compression: jetstream.S2Compression,
	}
	open := func(bare jetstream.StreamConfig, history int) {
		t.Helper()
		for _, cfg := range []jetstream.StreamConfig{bare, short, full} {
			if _, err := kv.EnsureStream(ctx, js, cfg); err != nil {
				t.Fatal(err)
			}
		}
		if err := kv.EnsureEvents(ctx, js, namespace, 1); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"one", "ages"} {
			cfg := kv.Config{Namespace: namespace, Name: name, History: history}
			if name == "ages" {
				cfg.TTL = time.Hour
			}
			must[*kv.Bucket](t)(kv.Open(ctx, js, cfg))
		}
	}
	for range 3 {
		open(bare, 4)
	}
	bare.MaxMsgs = 7
	for range 2 {
		open(bare, 5)
	}
	if _, err := kv.Ensure(ctx, js, jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare"}}); err != nil { // the last
		t.Fatal(err)
	}
	var names []string
	for range 4 {
		m, err := updates.NextMsgWithContext(ctx)
		if err != nil {
			t.Fatalf("%q were updated: %v", names, err)
		}
		names = append(names, strings.TrimPrefix(m.Subject, "$JS.API.STREAM.UPDATE."))
	}
	want := []string{"bare", "KV_" + api.Bucket(namespace, "one"), "KV_" + api.Bucket(namespace, "ages"), "bare"}
	if !slices.Equal(names, want) {
		t.Errorf("%q were updated, want %q", names, want)
	}
}

// A server that has reserved its disk for the streams it has refuses to make any, and one that is there with it.
func TestAStreamOnADiskThatIsReserved(t *testing.T) {
	js := stream(t, natstest.StartWith(t, natsd.Config{MaxStore: 10 << 20}).Connect(t))
	for range 2 {
		must[*kv.Bucket](t)(kv.Open(within(t, 10*time.Second), js, kv.Config{Namespace: namespace, Name: "one", MaxBytes: 8 << 20}))
	}
	if _, err := kv.Ensure(t.Context(), js, jetstream.StreamConfig{Name: "more", Subjects: []string{"more"}, MaxBytes: 8 << 20}); err == nil {
		t.Error("the disk is not reserved")
	}
}

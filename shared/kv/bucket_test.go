package kv_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestBucketWritesByCompareAndSet(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	ctx := within(t, 10*time.Second)

	e := must[kv.Entry](t)(b.Get(ctx, "k"))
	if e.Revision != 0 || e.Exists() {
		t.Fatalf("absent key: got %+v", e)
	}
	one := must[uint64](t)(b.Write(ctx, kv.Write{Key: "k", Value: []byte("1"), Header: nats.Header{"X-Test": {"a"}}}))
	if _, err := b.Write(ctx, kv.Write{Key: "k", Value: []byte("2")}); !errors.Is(err, kv.ErrLost) {
		t.Fatalf("second create: got %v, want ErrLost", err)
	}
	e = must[kv.Entry](t)(b.Get(ctx, "k"))
	if string(e.Value) != "1" || e.Revision != one || e.Header.Get("X-Test") != "a" || e.Time.IsZero() || !e.Exists() {
		t.Fatalf("got %+v", e)
	}
	two := must[uint64](t)(b.Write(ctx, kv.Write{Key: "k", Delete: true, Expect: one}))
	e = must[kv.Entry](t)(b.Get(ctx, "k"))
	if !e.Deleted || e.Exists() || e.Revision != two {
		t.Fatalf("after delete: got %+v", e)
	}
	if _, err := b.Write(ctx, kv.Write{Key: "k", Value: []byte("3")}); !errors.Is(err, kv.ErrLost) {
		t.Fatalf("create over a deletion without its revision: got %v, want ErrLost", err)
	}
	must[uint64](t)(b.Write(ctx, kv.Write{Key: "k", Value: []byte("3"), Expect: two}))

	std := must[jetstream.KeyValue](t)(stream(t, nc).KeyValue(ctx, api.Bucket(namespace, "counters")))
	if got := must[jetstream.KeyValueEntry](t)(std.Get(ctx, "k")); string(got.Value()) != "3" {
		t.Fatalf("the nats client reads %q", got.Value())
	}
}

func TestBucketRefuses(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{MaxBytes: 4096, MaxValueSize: 1024, History: 1})
	ctx := within(t, 10*time.Second)
	for _, key := range []string{"", ".", "a.", "a..b", "a b", "*", "a.>", "ä"} {
		if _, err := b.Write(ctx, kv.Write{Key: key}); api.CodeOf(err) != api.Invalid {
			t.Errorf("write %q: got %v", key, err)
		}
		if _, err := b.Get(ctx, key); api.CodeOf(err) != api.Invalid {
			t.Errorf("get %q: got %v", key, err)
		}
	}
	if _, err := b.Write(ctx, kv.Write{Key: "big", Value: make([]byte, 2000)}); api.ReasonOf(err) != api.ReasonPayloadTooLarge {
		t.Errorf("too large: got %v", err)
	}
	var err error
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		if _, err = b.Write(ctx, kv.Write{Key: key, Value: make([]byte, 700)}); err != nil {
			break
		}
	}
	if api.CodeOf(err) != api.Overloaded {
		t.Errorf("full bucket: got %v", err)
	}
}

func TestWriteWithoutStoreIsUnavailable(t *testing.T) {
	s := natstest.Start(t)
	nc := s.Connect(t)
	b := open(t, nc, kv.Config{})
	s.Stop()
	_, err := b.Write(within(t, 300*time.Millisecond), kv.Write{Key: "k", Value: []byte("1")})
	if e := api.AsError(err); e == nil || e.Code != api.Unavailable || !e.Details.MaybeExecuted {
		t.Fatalf("got %v, want unavailable and maybe executed", err)
	}
	if _, err := b.Get(within(t, 300*time.Millisecond), "k"); api.CodeOf(err) != api.Unavailable {
		t.Fatalf("got %v, want unavailable", err)
	}
}

func TestSweepForgetsOldDeletions(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	b := open(t, nc, kv.Config{})
	ctx := within(t, 10*time.Second)
	for _, key := range []string{"gone", "kept"} {
		rev := must[uint64](t)(b.Write(ctx, kv.Write{Key: key, Value: []byte("{}")}))
		if key == "gone" {
			must[uint64](t)(b.Write(ctx, kv.Write{Key: key, Delete: true, Expect: rev}))
		}
	}
	if n := must[int](t)(b.Sweep(ctx, time.Hour, 10)); n != 0 {
		t.Fatalf("swept %d young deletions", n)
	}
	if n := must[int](t)(b.Sweep(ctx, 0, 10)); n != 1 {
		t.Fatalf("swept %d, want 1", n)
	}
	if e := must[kv.Entry](t)(b.Get(ctx, "gone")); e.Revision != 0 {
		t.Fatalf("got %+v, want no trace", e)
	}
	if e := must[kv.Entry](t)(b.Get(ctx, "kept")); !e.Exists() {
		t.Fatal("the living key is gone")
	}
}

// Replicas sweep at once. What another has swept does not come any more, and is not waited for.
func TestSweepDoesNotWaitForWhatOthersSwept(t *testing.T) {
	s := natstest.Start(t)
	other := open(t, s.Connect(t), kv.Config{})
	ctx := within(t, 10*time.Second)
	for _, key := range []string{"a", "b", "c"} {
		must[uint64](t)(other.Write(ctx, kv.Write{Key: key, Delete: true}))
	}
	var once sync.Once
	b := open(t, natstest.Connect(t, natstest.Refuse(t, s.URL(), func(subject string) natstest.Refusal {
		if strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG.NEXT.") {
			once.Do(func() {
				if n, err := other.Sweep(ctx, 0, 2); err != nil || n != 2 {
					t.Errorf("the other swept %d, %v", n, err)
				}
			})
		}
		return natstest.Pass
	})), kv.Config{})
	if n, err := b.Sweep(ctx, 0, 10); err != nil || n != 1 {
		t.Fatalf("swept %d, %v, want the one that is left", n, err)
	}
}

// Who asks for the store's time waits no longer than it may for another who asks, and who may wait longer.
func TestTheTimeIsNotWaitedForBeyondTheContext(t *testing.T) {
	s := natstest.Start(t)
	var deaf atomic.Bool
	asked := make(chan struct{}, 1)
	b := open(t, natstest.Connect(t, natstest.Refuse(t, s.URL(), func(subject string) natstest.Refusal {
		if !deaf.Load() || !strings.HasPrefix(subject, "$JS.API.STREAM.INFO.") {
			return natstest.Pass
		}
		select {
		case asked <- struct{}{}:
		default:
		}
		return natstest.Swallow
	})), kv.Config{})
	deaf.Store(true)
	long, end := context.WithTimeout(t.Context(), 5*time.Second)
	defer end()
	patient, hasty := make(chan error, 1), make(chan error, 1)
	go func() { _, err := b.Now(long); patient <- err }()
	<-asked
	given, up := context.WithCancel(t.Context())
	up()
	go func() { _, err := b.Now(given); hasty <- err }()
	select {
	case err := <-hasty:
		if api.CodeOf(err) != api.Unavailable {
			t.Errorf("given up: got %v", err)
		}
	case <-patient:
		t.Error("who has given up waits for who has not")
		return
	}
	end()
	if err := <-patient; api.CodeOf(err) != api.Unavailable {
		t.Errorf("the store does not answer: got %v", err)
	}
	deaf.Store(false)
	if _, err := b.Now(within(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
}

func TestTokens(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	a, b := open(t, nc, kv.Config{Name: "a"}), open(t, nc, kv.Config{Name: "b"})
	tok := a.Token(7)
	if rev := must[uint64](t)(a.ParseToken(tok)); rev != 7 {
		t.Fatalf("got %d", rev)
	}
	if _, err := b.ParseToken(tok); api.ReasonOf(err) != api.ReasonForeignRevision {
		t.Fatalf("other bucket: got %v", err)
	}
	ctx := within(t, 10*time.Second)
	if err := stream(t, nc).DeleteKeyValue(ctx, a.Name()); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, nc, kv.Config{Name: "a"}).ParseToken(tok); api.ReasonOf(err) != api.ReasonForeignRevision {
		t.Fatalf("other incarnation: got %v", err)
	}
	for _, junk := range []string{"", "x", "AQ", tok + "A", tok[1:], "!!!!", string(make([]byte, 1000))} {
		if _, err := a.ParseToken(junk); api.CodeOf(err) != api.Invalid && api.CodeOf(err) != api.FailedPrecondition {
			t.Errorf("%q: got %v", junk, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	nc := natstest.Start(f).Connect(f)
	b := open(f, nc, kv.Config{})
	f.Add(b.Token(1))
	f.Add(b.Token(1 << 63))
	f.Add("AQEB")
	f.Fuzz(func(t *testing.T, token string) {
		rev, err := b.ParseToken(token)
		if err == nil && b.Token(rev) != token {
			t.Fatalf("%q reads as %d, which is written %q", token, rev, b.Token(rev))
		}
		if err != nil && api.AsError(err) == nil {
			t.Fatalf("%q: %v is no api error", token, err)
		}
	})
}

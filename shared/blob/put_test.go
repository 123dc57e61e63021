package blob_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/blob"
	"github.com/mabus-project/mabus/shared/natstest"
)

// What is put is an object of the client library's form, whatever its size, and of one that was renewed nothing is left of before.
func TestTheFormOfABody(t *testing.T) {
	s, js := open(t)
	obj, err := js.CreateOrUpdateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: "mabus_blobs", TTL: blob.MaxAge, MaxBytes: blob.MaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 128<<10 - 1, 128 << 10, 128<<10 + 1, 5 << 20} {
		data := bytes.Repeat([]byte{7}, size)
		ref := put(t, s, data)
		if err := s.Renew(t.Context(), ref, 0); err != nil {
			t.Fatal(err)
		}
		list, err := obj.List(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		chunks := uint32((size + 128<<10 - 1) / (128 << 10))
		if o := list[0]; o.Size != uint64(size) || o.Chunks != chunks || o.Bucket != "mabus_blobs" || o.Opts.ChunkSize != 128<<10 {
			t.Errorf("%d bytes: %+v", size, o)
		}
		if got, err := obj.GetBytes(t.Context(), list[0].Name); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d, %v", size, len(got), err)
		}
		stream, err := js.Stream(t.Context(), "OBJ_mabus_blobs")
		if err != nil || stream.CachedInfo().State.Msgs != uint64(chunks)+1 {
			t.Errorf("%d bytes are in %+v, %v", size, stream.CachedInfo().State, err)
		}
		if err := s.Delete(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
}

// Of a body that is put in part nothing is left.
func TestAPutThatIsGivenUp(t *testing.T) {
	s, js := open(t)
	put(t, s, []byte("first"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if ref, err := s.Put(ctx, make([]byte, 20<<20)); err == nil {
		t.Fatalf("%s was put", ref)
	}
	natstest.Eventually(t, patience, func() bool {
		stream, err := js.Stream(t.Context(), "OBJ_mabus_blobs")
		return err == nil && stream.CachedInfo().State.Msgs == 2
	}, "only the first body is there")
}

// The server's answer to the last step of a renewal is lost: the body is there all the same, and can be renewed again.
func TestARenewalWhoseAnswerIsLost(t *testing.T) {
	srv := natstest.Start(t)
	var lost atomic.Bool
	url := natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
		if lost.Load() && strings.HasPrefix(subject, "$O.mabus_blobs.M.") {
			return natstest.Unheard
		}
		return natstest.Pass
	})
	js, err := jetstream.New(natstest.Connect(t, url))
	if err != nil {
		t.Fatal(err)
	}
	s := blob.New(js, "mabus", 1)
	data := bytes.Repeat([]byte("x"), 300<<10)
	ref := put(t, s, data)
	lost.Store(true)
	if err := s.Renew(t.Context(), ref, 0); err == nil {
		t.Error("it is renewed, and nobody was told")
	}
	lost.Store(false)
	for _, step := range []string{"after it", "renewed again"} {
		if got, err := s.Get(t.Context(), ref); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%s: %d bytes, %v", step, len(got), err)
		}
		if err := s.Renew(t.Context(), ref, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Any number of bodies leaves as many goroutines and subscriptions as one.
func TestPutsLeaveNothingRunning(t *testing.T) {
	nc := natstest.Start(t).Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s := blob.New(js, "mabus", 1)
	put(t, s, []byte("x"))
	goroutines, subscriptions := runtime.NumGoroutine(), nc.NumSubscriptions()
	for range 3000 {
		put(t, s, []byte("x"))
	}
	if n := nc.NumSubscriptions(); n != subscriptions {
		t.Errorf("%d subscriptions, and were %d", n, subscriptions)
	}
	natstest.Eventually(t, patience, func() bool { return runtime.NumGoroutine() <= goroutines }, "there are no more goroutines than at first")
}

// An object of anybody's is put in the same way, with nothing left of what had its name, whoever put that and however it was removed.
func TestObjectsOfOthers(t *testing.T) {
	_, js := open(t)
	obj, err := js.CreateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: "others"})
	if err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 300<<10)
	if _, err := obj.PutBytes(t.Context(), "o", large); err != nil {
		t.Fatal(err)
	}
	for i, data := range [][]byte{large, []byte("small"), large[:200<<10]} {
		if i == 2 {
			if err := obj.Delete(t.Context(), "o"); err != nil {
				t.Fatal(err)
			}
		}
		if err := blob.PutObject(t.Context(), js, obj, "others", "o", data); err != nil {
			t.Fatal(err)
		}
		if got, err := obj.GetBytes(t.Context(), "o"); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d: %d bytes, %v", i, len(got), err)
		}
		stream, err := js.Stream(t.Context(), "OBJ_others")
		if err != nil {
			t.Fatal(err)
		}
		if chunks := uint64(len(data)+128<<10-1) / (128 << 10); stream.CachedInfo().State.Msgs != chunks+1 {
			t.Errorf("%d: %d messages, want %d", i, stream.CachedInfo().State.Msgs, chunks+1)
		}
	}
}

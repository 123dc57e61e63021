package kv_test

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

// bothWays runs a test with mirrors that are prompt, and with some that let changes gather.
func bothWays(t *testing.T, test func(t *testing.T, gather func() time.Duration)) {
	t.Run("prompt", func(t *testing.T) { test(t, nil) })
	t.Run("gathering", func(t *testing.T) { test(t, func() time.Duration { return 20 * time.Millisecond }) })
}

func put(t testing.TB, b *kv.Bucket, key string, n int, expect uint64) uint64 {
	t.Helper()
	return must[uint64](t)(b.Write(within(t, 20*time.Second), kv.Write{Key: key, Value: []byte(`{"n":` + strconv.Itoa(n) + `}`), Expect: expect}))
}

// A mirror that pauses takes in what has gathered when it is hurried, when somebody waits for it, and at its end.
func TestMirrorGathers(t *testing.T) {
	b := open(t, natstest.Start(t).Connect(t), kv.Config{History: 2})
	var asked atomic.Int32
	pause := atomic.Int64{}
	pause.Store(int64(time.Hour))
	m := follow(t, b, kv.MirrorOptions[counter]{Gather: func() time.Duration { asked.Add(1); return time.Duration(pause.Load()) }})
	read := func() int {
		v, _, ok := m.Get("k")
		if !ok {
			return 0
		}
		return v.N
	}
	rev := put(t, b, "k", 1, 0)
	natstest.Eventually(t, 10*time.Second, func() bool { return read() == 1 }, "the first change comes at once")
	was := asked.Load()
	natstest.Eventually(t, 10*time.Second, func() bool { return asked.Load() > 0 }, "it asks for how long to pause")
	for n := 2; n <= 40; n++ {
		rev = put(t, b, "k", n, rev)
	}
	if got := read(); got > 2 || asked.Load() > was+2 {
		t.Fatalf("it has %d, and began %d pauses, while changes were to gather", got, asked.Load()-was)
	}
	m.Hurry()
	natstest.Eventually(t, 10*time.Second, func() bool { return read() == 40 }, "what has gathered is taken in")
	for n := 41; n <= 60; n++ {
		rev = put(t, b, "k", n, rev)
	}
	if err := m.WaitFor(within(t, 10*time.Second), rev); err != nil || read() != 60 {
		t.Fatalf("it has %d, %v", read(), err)
	}
	pause.Store(0)
	m.Hurry()
	for n := 61; n <= 100; n++ {
		rev = put(t, b, "k", n, rev)
		natstest.Eventually(t, 10*time.Second, func() bool { return read() == n }, "without a pause each change comes at once")
	}
	pause.Store(int64(time.Hour))
	put(t, b, "k", 101, rev)
	m.Stop() // in whatever it is
	m.Start()
	natstest.Eventually(t, 10*time.Second, func() bool { return read() == 101 }, "begun again, it knows all")
}

// Whatever is written while mirrors pause or do not, in the end they have what the bucket has, and say so.
func TestGatheringMirrorMissesNothing(t *testing.T) {
	srv := natstest.Start(t)
	b := open(t, srv.Connect(t), kv.Config{History: 2})
	var pause atomic.Int64
	var x index
	nc := srv.Connect(t)
	m := follow(t, open(t, nc, kv.Config{History: 2}), kv.MirrorOptions[counter]{OnChange: x.change, Gather: func() time.Duration { return time.Duration(pause.Load()) }})
	want, revs, last := map[string]int{}, map[string]uint64{}, uint64(0)
	for i := range 3000 {
		key := strconv.Itoa(rand.IntN(8))
		if i%100 == 0 {
			key = "new" + strconv.Itoa(i) // more than one request asks for
		}
		if rand.IntN(10) == 0 && revs[key] > 0 {
			last = must[uint64](t)(b.Write(t.Context(), kv.Write{Key: key, Delete: true, Expect: revs[key]}))
			delete(want, key)
		} else {
			last = put(t, b, key, i, revs[key])
			want[key] = i
		}
		revs[key] = last
		switch rand.IntN(60) {
		case 0:
			pause.Store(int64(rand.N(5 * time.Millisecond)))
		case 1:
			pause.Store(0)
		case 2:
			m.Hurry()
		case 3:
			if err := m.WaitFor(within(t, 10*time.Second), last); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := m.WaitFor(within(t, 10*time.Second), last); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, held(m)); d != "" {
		t.Fatal(d)
	}
	if d := cmp.Diff(held(m), x.copy()); d != "" {
		t.Fatal(d)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return m.Age() < time.Second })
}

// A consumer that is taken away under a mirror is noticed, in a pause or not.
func TestMirrorLosesItsConsumer(t *testing.T) {
	bothWays(t, func(t *testing.T, gather func() time.Duration) {
		nc := natstest.Start(t).Connect(t)
		b := open(t, nc, kv.Config{})
		m := follow(t, b, kv.MirrorOptions[counter]{Gather: gather})
		rev := put(t, b, "k", 1, 0)
		js := stream(t, nc)
		s := must[jetstream.Stream](t)(js.Stream(t.Context(), "KV_"+b.Name()))
		for name := range s.ConsumerNames(t.Context()).Name() {
			if err := js.DeleteConsumer(t.Context(), "KV_"+b.Name(), name); err != nil {
				t.Fatal(err)
			}
		}
		rev = put(t, b, "k", 2, rev)
		if err := m.WaitFor(within(t, 20*time.Second), rev); err != nil {
			t.Fatal(err)
		}
		natstest.Eventually(t, 10*time.Second, m.Synced)
	})
}

// A busy bucket, of which the mirror never has the very last, does not make it look old.
func TestBusyMirrorIsNotOld(t *testing.T) {
	srv := natstest.Start(t)
	b := open(t, srv.Connect(t), kv.Config{})
	m := follow(t, b, kv.MirrorOptions[counter]{Gather: func() time.Duration { return 5 * time.Millisecond }})
	began := time.Now()
	for rev, n := uint64(0), 0; time.Since(began) < 500*time.Millisecond || m.Age() > 400*time.Millisecond; n++ {
		rev = put(t, b, "k", n, rev)
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the mirror says it is %s old", m.Age())
		}
	}
}

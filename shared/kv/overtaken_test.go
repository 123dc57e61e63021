package kv_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A record that is written anew while the mirror loads has its old message gone and its new one yet to come: that is no deletion.
func TestARecordThatIsOvertakenByALoadIsNotGone(t *testing.T) {
	s := natstest.Start(t)
	nc, writer := s.Connect(t), s.Connect(t)
	const keys = 200
	b, w := open(t, nc, kv.Config{History: 1}), open(t, writer, kv.Config{History: 1})
	ctx, stop := context.WithCancel(within(t, 60*time.Second))
	defer stop()
	var revisions [keys]uint64 // each written by one goroutine
	write := func(i int) {
		rev, err := w.Write(ctx, kv.Write{Key: strconv.Itoa(i), Value: []byte(`{"n":1}`), Expect: revisions[i]})
		if revisions[i] = rev; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
	for i := range keys {
		write(i)
	}
	var gone, loads atomic.Int64
	m := follow(t, b, kv.MirrorOptions[counter]{OnChange: func(c kv.Change[counter]) {
		if c.New == nil {
			gone.Add(1)
		}
	}})
	var writers sync.WaitGroup
	for part := range 4 {
		writers.Go(func() {
			for i := part; ctx.Err() == nil; i = (i + 4) % keys {
				write(i)
			}
		})
	}
	for range 40 {
		if err := nc.ForceReconnect(); err != nil {
			t.Fatal(err)
		}
		natstest.Eventually(t, 10*time.Second, func() bool { return nc.IsConnected() && m.Synced() && m.Len() == keys }, "the mirror is loaded anew")
		loads.Add(1)
	}
	stop()
	writers.Wait()
	if n := gone.Load(); n > 0 {
		t.Errorf("%d deletions were told in %d loads, and nothing was deleted", n, loads.Load())
	}
}

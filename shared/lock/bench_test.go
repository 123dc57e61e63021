package lock_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

// BenchmarkLock takes and releases locks that nobody else wants; a raw round is two writes by compare-and-set.
func BenchmarkLock(b *testing.B) {
	nc := natstest.StartProcess(b).Connect(b)
	r := open(b, nc, 1, lease.Timing{})
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			var next atomic.Int64
			b.SetParallelism((callers + 3) / 4)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				name := fmt.Sprintf("own-%d", next.Add(1))
				if callers == 1 && name != "own-1" {
					return
				}
				for pb.Next() {
					h, err := r.Lock(b.Context(), r.own, lock.Request{Name: name})
					if err == nil {
						err = h.Release(b.Context())
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	kvs, err := stream(b, nc).CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: "raw", History: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("raw", func(b *testing.B) {
		rev, err := kvs.Put(b.Context(), "k", make([]byte, 150))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			for range 2 {
				if rev, err = kvs.Update(b.Context(), "k", make([]byte, 150), rev); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

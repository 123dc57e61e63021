package budgets_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// BenchmarkReserveWithoutCaps is what a call costs where nobody has set a cap; BenchmarkReserve is a call that is reserved and
// settled in one hot budget. Both with one caller and with 64.
func BenchmarkReserveWithoutCaps(b *testing.B) { bench(b, false, 0) }

func BenchmarkReserve(b *testing.B) { bench(b, true, 0) }

// BenchmarkReserveAmongMany is BenchmarkReserve in a budget that 1,000 other calls have reservations in.
func BenchmarkReserveAmongMany(b *testing.B) { bench(b, true, 1000) }

func bench(b *testing.B, capped bool, others int) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := open(b, natstest.Start(b).URL(), 1)
			ctx := b.Context()
			if capped {
				set(b, s, job, 1<<60)
			}
			for n := range others {
				if _, err := s.Reserve(ctx, call(fmt.Sprintf("task-of-a-usual-length.other.%d", n), 1)); err != nil {
					b.Fatal(err)
				}
			}
			var n atomic.Int64
			b.SetParallelism(max(1, callers/4))
			one := func() {
				r, err := s.Reserve(ctx, call(fmt.Sprintf("c%d", n.Add(1)), 1))
				if err == nil {
					err = r.Settle(ctx, api.Usage{Cost: 1})
				}
				if err != nil {
					b.Error(err)
				}
			}
			b.ResetTimer()
			if callers == 1 {
				for b.Loop() {
					one()
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
}

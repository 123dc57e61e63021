package run_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/pbft"
	"github.com/mabus-project/mabus/shared/pbft/run"
)

// BenchmarkRound measures the time from the start of all members to the decision of the last, each over its own connection to
// one server in the same process.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{4, 7, 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newSession(b, n)
			options := make([]run.Options, n)
			for i := range options {
				options[i] = s.options(s.srv.Connect(b), i)
				options[i].Timeout = 5 * time.Second
			}
			var took []time.Duration
			for b.Loop() {
				took = append(took, round(b, len(took), options))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
		})
	}
}

func round(b *testing.B, number int, options []run.Options) time.Duration {
	ctx, cancel := context.WithCancel(b.Context())
	decided := make(chan struct{}, len(options))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	began := time.Now()
	for _, o := range options {
		o.Session = fmt.Sprint("r", number)
		o.Linger = time.Minute
		o.OnDecided = func(*pbft.Certificate) { decided <- struct{}{} }
		wg.Go(func() {
			if _, err := run.Run(ctx, o); err != nil {
				b.Error(err)
			}
		})
	}
	for range options {
		<-decided
	}
	return time.Since(began)
}

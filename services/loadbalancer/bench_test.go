package loadbalancer_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// A message by capability: through the router, and by the queue group without it.
func BenchmarkMessage(b *testing.B) {
	for _, c := range []struct{ name, subject string }{
		{"routed", api.BalancedSubject("mabus", "x")},
		{"queue group", api.CapabilitySubject("mabus", "x")},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, 1)
			w.tell(b, 4, api.AgentSpec{Concurrency: 100})
			w.configure(b, func(c *api.BalanceConfig) { c.MaxActive = 0 })
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := w.Conn().Request(b.Context(), c.subject, []byte(`{}`), false); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

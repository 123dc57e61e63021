package exec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
)

// BenchmarkEcho sends messages through a worker in Go, one or many at once.
func BenchmarkEcho(b *testing.B) {
	for _, concurrency := range []int{1, 64} {
		for _, size := range []int{16, 4096} {
			b.Run(fmt.Sprintf("concurrency=%d/bytes=%d", concurrency, size), func(b *testing.B) {
				spec := self(b, "echo")
				spec.Concurrency = concurrency
				p := start(b, spec, exec.Options{})
				m := &agent.Message{Payload: []byte(`"` + strings.Repeat("x", size) + `"`)}
				b.SetParallelism(concurrency)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := p.Handle(b.Context(), m); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}

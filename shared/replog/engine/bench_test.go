package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// null is a machine that does next to nothing.
type null struct{ n int }

func nothing() engine.Machine[*null] {
	ok := []byte(`{"ok":true}`)
	var event any = struct{}{}
	events := []any{event}
	return engine.Machine[*null]{
		Name: "counter", New: func() *null { return new(null) },
		Encode: func(*null) ([]byte, error) { return nil, nil }, Decode: func([]byte) (*null, error) { return new(null), nil },
		Rules: map[int]engine.Rules[*null]{1: {
			Decide: func(*null, engine.Command) engine.Decision { return engine.Decision{Events: events, Answer: ok} },
			Evolve: func(s *null, _ any) { s.n++ },
		}},
	}
}

// BenchmarkApply applies batches of 64 commands of 128 bytes; one operation is one command.
func BenchmarkApply(b *testing.B) {
	const size = 64
	body := make([]byte, 128)
	for _, with := range []string{"no id", "id"} {
		b.Run(with, func(b *testing.B) {
			e := engine.New(nothing())
			batch := engine.Batch{Machine: "counter", Log: "L", Version: 1, Writer: "a", Commands: make([]engine.Command, size)}
			var data []byte
			b.ReportAllocs()
			for n := 0; n < b.N; n += size {
				for i := range batch.Commands {
					c := engine.Command{Kind: "add", Principal: "ann", Key: "entity", Body: body}
					if with == "id" {
						c.ID, c.Hash = fmt.Sprintf("request-%016d", n+i), "0123456789abcdef0123456789abcdef"
					}
					batch.Commands[i] = c
				}
				batch.Number++
				batch.Applied, batch.AppliedTime, batch.Claim = e.Seq(), e.Time(), e.Hash()
				data = batch.Append(data[:0])
				a, err := e.Apply(engine.Entry{Seq: e.Seq() + 1, Time: begin.Add(time.Duration(n) * 10 * time.Millisecond), Data: data})
				if err != nil || a.Skipped != "" || a.Replies[size-1].Err != nil {
					b.Fatal(err, a)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
		})
	}
}

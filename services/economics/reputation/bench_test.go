package reputation_test

import (
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

// A settlement's record about an agent that has a full history, in a domain.
func BenchmarkRecord(b *testing.B) {
	w := newWorld()
	i := 0
	for b.Loop() {
		r := deal(fmt.Sprint("b", i%50), "a", api.One, 10_000_000, 300_000)
		r.Domain = "sums"
		w.must(b, r)
		i++
	}
}

func BenchmarkRank(b *testing.B) {
	w := newWorld()
	for i := range 100_000 {
		w.must(b, plain(fmt.Sprint("a", i), api.Decimal(i%1000)*1000))
	}
	b.Run("candidates", func(b *testing.B) {
		for b.Loop() {
			w.Candidates("", 1)
		}
	})
	all := w.Candidates("", 1)
	b.Run("rank", func(b *testing.B) {
		for b.Loop() {
			reputation.Rank(all, 10, w.now)
		}
	})
}

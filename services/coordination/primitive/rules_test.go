package primitive_test

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/primitive"
	"github.com/mabus-project/mabus/shared/api"
)

func TestCounterIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c *api.Counter
		exact := new(big.Int)
		for range 30 {
			by := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64})).Draw(t, "by")
			sum := new(big.Int).Add(exact, big.NewInt(by))
			before := c
			next, err := primitive.AddCounter(c, "x", by)
			if sum.IsInt64() != (err == nil) {
				t.Fatalf("%s + %d: %v", exact, by, err)
			}
			if err != nil {
				if api.CodeOf(err) != api.FailedPrecondition || next != before {
					t.Fatalf("refused with %v, and left %+v", err, next)
				}
				continue
			}
			if exact = sum; next.Value != exact.Int64() || next.Name != "x" || before != nil && by != 0 && next == before {
				t.Fatalf("got %+v, want %s", next, exact)
			}
			c = next
		}
	})
}

func TestSequenceRangesFollowOneAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s *api.SequenceRange
		want := uint64(1)
		if rapid.Bool().Draw(t, "near the end") {
			s = &api.SequenceRange{Name: "x", First: 1, Last: math.MaxUint64 - 100}
			want = s.Last + 1
		}
		for range 30 {
			n := rapid.IntRange(1, 50).Draw(t, "n")
			next, err := primitive.NextRange(s, "x", n)
			if left := math.MaxUint64 - (want - 1); uint64(n) > left {
				if api.CodeOf(err) != api.FailedPrecondition || next != s {
					t.Fatalf("%d of %d left: %v", n, left, err)
				}
				continue
			}
			if err != nil || next.First != want || next.Last != want+uint64(n)-1 {
				t.Fatalf("got %+v, %v, want %d from %d", next, err, n, want)
			}
			want = next.Last + 1
			if want == 0 {
				return
			}
			s = next
		}
	})
	for _, n := range []int{0, -1, math.MinInt} {
		if _, err := primitive.NextRange(nil, "x", n); err == nil {
			t.Errorf("took %d numbers", n)
		}
	}
}

func TestLatchGoesDownToZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(rapid.Int64Range(1, 20), rapid.Just(int64(math.MaxInt64))).Draw(t, "count")
		l, err := primitive.CreateLatch(nil, "x", count)
		if err != nil || l.Count != count {
			t.Fatalf("got %+v, %v", l, err)
		}
		left := new(big.Int).SetInt64(count)
		for range 20 {
			by := rapid.OneOf(rapid.Int64Range(0, 5), rapid.Just(int64(math.MaxInt64))).Draw(t, "by")
			next, err := primitive.CountDown(l, "x", by)
			if err != nil {
				t.Fatal(err)
			}
			if left.Sub(left, big.NewInt(by)); left.Sign() < 0 {
				left.SetInt64(0)
			}
			if next.Count != left.Int64() || (next == l) != (next.Count == l.Count) {
				t.Fatalf("got %+v, want %s", next, left)
			}
			l = next
			if again, err := primitive.CreateLatch(l, "x", count); err != nil || again != l {
				t.Fatalf("made again: %+v, %v", again, err)
			}
			if _, err := primitive.CreateLatch(l, "x", count-1); api.ReasonOf(err) != api.ReasonAlreadyRegistered {
				t.Fatalf("made again with another count: %v", err)
			}
		}
	})
	if _, err := primitive.CountDown(nil, "x", 1); api.ReasonOf(err) != api.ReasonLatchNotFound {
		t.Errorf("counted down nothing: %v", err)
	}
}

// Whatever several holders do in whatever order: once a cell has seen a token, nobody with a lower one changes it.
func TestCellIsFenced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c *api.Cell
		var top, version uint64
		value := ""
		for range 40 {
			token := rapid.Uint64Range(1, 6).Draw(t, "token")
			what := rapid.IntRange(0, 2).Draw(t, "what")
			var next *api.Cell
			var err error
			switch what {
			case 0:
				next, err = primitive.OpenCell(c, "x", token)
			case 1:
				next, err = primitive.PutCell(c, "x", token, json.RawMessage(`"v"`))
			case 2:
				next, err = primitive.EmptyCell(c, "x", token)
			}
			if token < top {
				if api.CodeOf(err) != api.Fenced || api.ReasonOf(err) != api.ReasonStaleToken || next != c {
					t.Fatalf("token %d after %d: %v", token, top, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			switch what {
			case 1:
				version++
				value = `"v"`
			case 2:
				value = ""
			}
			top = token
			if next.Token != top || next.Version != version || string(next.Value) != value || next.Name != "x" {
				t.Fatalf("got %+v, want token %d, version %d, value %s", next, top, version, value)
			}
			c = next
		}
	})
}

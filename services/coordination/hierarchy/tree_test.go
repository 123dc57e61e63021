package hierarchy_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/hierarchy"
	"github.com/mabus-project/mabus/shared/api"
)

// Keep 31: 15 members, size 3, 3 levels: five of 3, then 3 and 2, then one of 2. Keep 32: 13 members, size 4, tolerance 0.25: 4, 3, 3, 3.
func TestSizes(t *testing.T) {
	for _, row := range []struct {
		n, size, levels int
		tolerance       api.Decimal
		want            string
	}{
		{15, 3, 3, 300_000, "[[3 3 3 3 3] [3 2] [2]]"},
		{13, 4, 2, 250_000, "[[4 3 3 3] [4]]"},
		{13, 4, 2, 750_000, "[[4 4 4 1] [4]]"},
		{6, 6, 4, 0, "[[6]]"},
		{6, 5, 4, 300_000, "[[3 3] [2]]"},
		{6, 5, 1, 300_000, "[[6]]"},
		{100, 5, 4, 300_000, "[[5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5] [5 5 5 5] [4]]"},
		{20, 2, 2, 0, "[[2 2 2 2 2 2 2 2 2 2] [10]]"}, // Fix: the depth is never more than max_levels
	} {
		if got := fmt.Sprint(hierarchy.Sizes(row.n, row.size, row.levels, row.tolerance)); got != row.want {
			t.Errorf("%d members, size %d, %d levels: got %s, want %s", row.n, row.size, row.levels, got, row.want)
		}
	}
}

func TestAnyTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, size, levels := rapid.IntRange(1, 1000).Draw(t, "n"), rapid.IntRange(2, 50).Draw(t, "size"), rapid.IntRange(1, 10).Draw(t, "levels")
		tolerance := api.Decimal(rapid.Int64Range(0, int64(api.One)).Draw(t, "tolerance"))
		tree := hierarchy.Sizes(n, size, levels, tolerance)
		below := n
		for i, level := range tree {
			sum, least, most := 0, level[0], level[0]
			for _, s := range level {
				sum, least, most = sum+s, min(least, s), max(most, s)
			}
			if sum != below {
				t.Fatalf("level %d has %d places for %d", i, sum, below)
			}
			if i < len(tree)-1 && (most > size || api.Decimal(most-least)*api.One > (tolerance+1)*api.Decimal(most) && most-least > 1) {
				t.Fatalf("level %d has clusters of %d to %d", i, least, most)
			}
			below = len(level)
		}
		if below != 1 || len(tree) > levels {
			t.Fatalf("%d clusters at the top of %d levels", below, len(tree))
		}
	})
}

func TestOptimize(t *testing.T) {
	for _, row := range []struct{ n, size, levels int }{
		{6, 6, 2},    // 1/(0.3+1) and 1: 0.884615
		{15, 6, 2},   // 1/(0.6+1) and 1: 0.8125
		{64, 8, 2},   // 8^2 is enough, 7^2 is not
		{100, 5, 3},  // 1/(0.9+1) and 1: 0.763, below the target
		{1000, 5, 3}, // below it too
	} {
		if size, levels := hierarchy.Optimize(row.n, 800_000); size != row.size || levels != row.levels {
			t.Errorf("%d members: size %d, %d levels", row.n, size, levels)
		}
	}
	if got := hierarchy.Efficiency(15, 6); got != 812_500 {
		t.Errorf("got %s", got)
	}
	if size, levels := hierarchy.Optimize(1000, 0); size != 6 || levels != 4 {
		t.Errorf("without a target: size %d, %d levels", size, levels)
	}
}

package gosource

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestComponentsByReachability: two nodes share a component exactly if each reaches the other, and a component comes after
// all that it leads to; a longest chain has no shortcut that makes it longer.
func TestComponentsByReachability(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 9).Draw(t, "nodes")
		edges := make([][]int, n)
		reach := make([][]bool, n)
		for i := range n {
			reach[i] = make([]bool, n)
			reach[i][i] = true
			for to := range n {
				if rapid.IntRange(0, 4).Draw(t, "edge") == 4 && to != i {
					edges[i] = append(edges[i], to)
					reach[i][to] = true
				}
			}
		}
		for k := range n {
			for i := range n {
				for j := range n {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		components := stronglyConnected(edges)
		of := map[int]int{}
		for c, members := range components {
			for _, m := range members {
				if _, again := of[m]; again {
					t.Fatalf("%d is in two components of %v", m, components)
				}
				of[m] = c
			}
		}
		if len(of) != n {
			t.Fatalf("%v misses nodes", components)
		}
		for i := range n {
			for j := range n {
				if (of[i] == of[j]) != (reach[i][j] && reach[j][i]) {
					t.Fatalf("%d and %d in %v", i, j, components)
				}
				if reach[i][j] && of[j] > of[i] {
					t.Fatalf("%d leads to %d, which comes later in %v", i, j, components)
				}
			}
		}
		chain := longestChain(edges, components)
		for i := 1; i < len(chain); i++ {
			if !reach[chain[i-1]][chain[i]] || of[chain[i-1]] == of[chain[i]] {
				t.Fatalf("%v is no chain", chain)
			}
		}
		if want := longest(len(components), func(a, b int) bool {
			return a != b && reach[components[a][0]][components[b][0]]
		}); len(chain) != want {
			t.Fatalf("%v has %d of %d components", chain, len(chain), want)
		}
	})
}

// longest is the length of the longest path, by trying all.
func longest(n int, edge func(a, b int) bool) int {
	var from func(a int) int
	from = func(a int) int {
		best := 0
		for b := range n {
			if edge(a, b) {
				best = max(best, from(b))
			}
		}
		return best + 1
	}
	best := 0
	for a := range n {
		best = max(best, from(a))
	}
	return best
}

func TestADeepGraphIsNoProblem(t *testing.T) {
	edges := make([][]int, 200_000)
	for i := range len(edges) - 1 {
		edges[i] = []int{i + 1}
	}
	if chain := longestChain(edges, stronglyConnected(edges)); len(chain) != len(edges) || !slices.IsSorted(chain) {
		t.Errorf("a chain of %d", len(chain))
	}
}

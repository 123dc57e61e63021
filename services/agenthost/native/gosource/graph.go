package gosource

import "slices"

// stronglyConnected returns the strongly connected components of the graph whose node i leads to edges[i], each component
// after all that it leads to (R. Tarjan, "Depth-First Search and Linear Graph Algorithms", SIAM J. Comput. 1(2), 1972).
// It keeps its own stack, so that a deep graph costs memory and not the goroutine's stack.
func stronglyConnected(edges [][]int) [][]int {
	const unvisited = -1
	var (
		order   = make([]int, len(edges)) // when the node was first met
		low     = make([]int, len(edges)) // the earliest node of the open ones that it reaches
		open    = make([]bool, len(edges))
		pending []int // open nodes, in order
		found   [][]int
		next    int
	)
	for i := range order {
		order[i] = unvisited
	}
	type call struct{ node, edge int }
	for start := range edges {
		if order[start] != unvisited {
			continue
		}
		calls := []call{{start, 0}}
		for len(calls) > 0 {
			c := &calls[len(calls)-1]
			v := c.node
			if c.edge == 0 {
				order[v], low[v] = next, next
				next++
				pending, open[v] = append(pending, v), true
			}
			if c.edge < len(edges[v]) {
				to := edges[v][c.edge]
				c.edge++
				if order[to] == unvisited {
					calls = append(calls, call{to, 0})
				} else if open[to] {
					low[v] = min(low[v], order[to])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				parent := calls[len(calls)-1].node
				low[parent] = min(low[parent], low[v])
			}
			if low[v] == order[v] {
				at := len(pending) - 1
				for pending[at] != v {
					at--
				}
				component := slices.Clone(pending[at:])
				pending = pending[:at]
				for _, n := range component {
					open[n] = false
				}
				slices.Sort(component)
				found = append(found, component)
			}
		}
	}
	return found
}

func cycles(components [][]int) (count, largest int) {
	for _, c := range components {
		if len(c) > 1 {
			count++
			largest = max(largest, len(c))
		}
	}
	return count, largest
}

// longestChain returns one longest path through the graph of components, as the first node of each; components come as
// stronglyConnected returns them.
func longestChain(edges, components [][]int) []int {
	of := make([]int, len(edges))
	for c, members := range components {
		for _, n := range members {
			of[n] = c
		}
	}
	length, then := make([]int, len(components)), make([]int, len(components))
	best := -1
	for c, members := range components {
		length[c], then[c] = 1, -1
		for _, n := range members {
			for _, to := range edges[n] {
				if d := of[to]; d != c && length[d]+1 > length[c] {
					length[c], then[c] = length[d]+1, d
				}
			}
		}
		if best < 0 || length[c] > length[best] {
			best = c
		}
	}
	var chain []int
	for c := best; c >= 0; c = then[c] {
		chain = append(chain, components[c][0])
	}
	return chain
}

package screen

import (
	"math/big"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Rings looks for agents that deal with one another in a circle. If who sells and who buys had nothing to do with each other, the number
// of trades of i with j would be about Poisson with the mean m = (sales of i) * (purchases of j) / (all trades), and by Chernoff's
// bound at least c with a probability of at most e^-m (e m / c)^c. The pairs beyond the threshold are the edges of a graph; a loyal
// customer is one edge, a ring is a strongly connected part of it: everybody in it gives to it and gets from it. Its score is the
// least of what each member's best edges into the ring and out of it have.
func Rings(trades []api.ScreenTrade, threshold api.Decimal) (flags []api.ScreenFlag, compared int) {
	names, counts, order := tally(trades)
	sales, purchases, all := make([]int64, len(names)), make([]int64, len(names)), int64(0)
	for _, e := range order {
		c := counts[e]
		sales[e[0]] += c
		purchases[e[1]] += c
		all += c
	}
	compared = len(names) * (len(names) - 1)
	bits := map[[2]int]api.Decimal{}
	edges := make([][]int, len(names))
	for _, e := range order {
		b := corrected(tradeBits(counts[e], sales[e[0]], purchases[e[1]], all), big.NewInt(int64(compared)))
		if b >= threshold {
			bits[e] = b
			edges[e[0]] = append(edges[e[0]], e[1])
		}
	}
	rings := components(edges)
	in := make([]int, len(names)) // which ring an agent is in
	for i, ring := range rings {
		for _, a := range ring {
			in[a] = i
		}
	}
	gives, gets, total := make([]api.Decimal, len(names)), make([]api.Decimal, len(names)), make([]int64, len(rings))
	for _, e := range order {
		if in[e[0]] == in[e[1]] {
			total[in[e[0]]] += counts[e]
			gives[e[0]], gets[e[1]] = max(gives[e[0]], bits[e]), max(gets[e[1]], bits[e])
		}
	}
	for i, ring := range rings {
		if len(ring) < 2 {
			continue
		}
		f := api.ScreenFlag{Test: api.ScreenRing, Score: gives[ring[0]], Rounds: total[i]}
		for _, a := range ring {
			f.Agents = append(f.Agents, names[a])
			f.Score = min(f.Score, gives[a], gets[a])
		}
		flags = append(flags, f)
	}
	return flags, compared
}

// tally adds up the trades: the names in order, the count of each pair, and the pairs in order.
func tally(trades []api.ScreenTrade) (names []string, counts map[[2]int]int64, order [][2]int) {
	place := map[string]int{}
	for _, t := range trades {
		place[t.From], place[t.To] = 0, 0
	}
	for n := range place {
		names = append(names, n)
	}
	slices.Sort(names)
	for i, n := range names {
		place[n] = i
	}
	counts = map[[2]int]int64{}
	for _, t := range trades {
		e := [2]int{place[t.From], place[t.To]}
		if counts[e] == 0 {
			order = append(order, e)
		}
		counts[e] += t.Count
	}
	slices.SortFunc(order, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	return names, counts, order
}

// tradeBits returns c log2(c/m) - (c - m) log2(e) for c beyond the mean m, else 0.
func tradeBits(c, sales, purchases, all int64) api.Decimal {
	product := new(big.Int).Mul(big.NewInt(sales), big.NewInt(purchases))
	counted := new(big.Int).Mul(big.NewInt(c), big.NewInt(all))
	if counted.Cmp(product) <= 0 {
		return 0
	}
	log := new(big.Int).Mul(big.NewInt(c), big.NewInt(int64(ratioBits(counted, product))))
	beyond := counted.Sub(counted, product) // (c - m) * all
	beyond.Mul(beyond, big.NewInt(int64(log2e)+1)).Quo(beyond, big.NewInt(all))
	bits := log.Sub(log, beyond)
	if bits.Sign() <= 0 {
		return 0
	}
	if !bits.IsInt64() || bits.Int64() > int64(api.DecimalLimit) {
		return api.DecimalLimit
	}
	return api.Decimal(bits.Int64())
}

// components returns the strongly connected parts of a graph (Tarjan, 1972), each sorted, in the order of their least members. The stack
// is its own, since a graph may be deep.
func components(edges [][]int) [][]int {
	n := len(edges)
	index, low, on := make([]int, n), make([]int, n), make([]bool, n)
	var stack, path []int
	var parts [][]int
	next := make([]int, n)
	count := 0
	for root := range n {
		if index[root] > 0 {
			continue
		}
		path = append(path, root)
		for len(path) > 0 {
			v := path[len(path)-1]
			if index[v] == 0 {
				count++
				index[v], low[v], on[v] = count, count, true
				stack = append(stack, v)
			}
			if next[v] < len(edges[v]) {
				w := edges[v][next[v]]
				next[v]++
				switch {
				case index[w] == 0:
					path = append(path, w)
				case on[w]:
					low[v] = min(low[v], index[w])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				parent := path[len(path)-1]
				low[parent] = min(low[parent], low[v])
			}
			if low[v] == index[v] {
				at := slices.Index(stack, v)
				part := slices.Sorted(slices.Values(stack[at:]))
				for _, w := range part {
					on[w] = false
				}
				stack = stack[:at]
				parts = append(parts, part)
			}
		}
	}
	slices.SortFunc(parts, slices.Compare)
	return parts
}

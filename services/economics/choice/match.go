package choice

import "math"

// match gives each row a column of its own so that the sum of the costs is least (the Hungarian method by shortest augmenting paths; Kuhn
// 1955, Jonker and Volgenant 1987). There are at least as many columns as rows, and costs are below 2^53 in either direction. Of equal
// columns the first is taken.
func match(rows, columns int, cost func(row, column int) int64) (of []int) {
	const far = math.MaxInt64
	// Rows and columns are counted from 1; 0 is none.
	u, v := make([]int64, rows+1), make([]int64, columns+1)
	taken, way := make([]int, columns+1), make([]int, columns+1)
	least, done := make([]int64, columns+1), make([]bool, columns+1)
	for row := 1; row <= rows; row++ {
		for j := range least {
			least[j], done[j] = far, false
		}
		taken[0] = row
		at := 0
		for taken[at] != 0 {
			done[at] = true
			i, step, next := taken[at], int64(far), 0
			for j := 1; j <= columns; j++ {
				if done[j] {
					continue
				}
				if c := cost(i-1, j-1) - u[i] - v[j]; c < least[j] {
					least[j], way[j] = c, at
				}
				if least[j] < step {
					step, next = least[j], j
				}
			}
			for j := range done {
				if done[j] {
					u[taken[j]] += step
					v[j] -= step
				} else if j > 0 {
					least[j] -= step
				}
			}
			at = next
		}
		for at != 0 {
			taken[at] = taken[way[at]]
			at = way[at]
		}
	}
	of = make([]int, rows)
	for j := 1; j <= columns; j++ {
		if taken[j] > 0 {
			of[taken[j]-1] = j - 1
		}
	}
	return of
}

package hierarchy

import "github.com/mabus-project/mabus/shared/api"

// Sizes are those of the clusters on each level of a tree for n members.
func Sizes(n, size, levels int, tolerance api.Decimal) [][]int {
	var sizes [][]int
	for _, level := range grow(form{size, levels, tolerance}, n) {
		var row []int
		for _, c := range level {
			row = append(row, len(c.parts))
		}
		sizes = append(sizes, row)
	}
	return sizes
}

package hierarchy

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Optimize chooses the size of clusters and the number of levels for n members as the reference system does, from sizes 3 to 8: the
// first with the greatest Efficiency, or 5 and 3 when that is below the target. The levels, 2 to 5, do not count there, so they are as
// many as keep every cluster within its size.
func Optimize(n int, target api.Decimal) (size, levels int) {
	best := api.Decimal(-1)
	for c := 3; c <= 8; c++ {
		if e := Efficiency(n, c); e > best {
			best, size = e, c
		}
	}
	if best < target {
		return 5, 3
	}
	return size, min(max(depth(n, size), 2), 5)
}

// Efficiency is the reference system's estimate of a hierarchy of n members in clusters of c: mean(1/(0.3 ceil(log_c n) + 1),
// min(1, c/6)).
func Efficiency(n, c int) api.Decimal {
	flat := fixed.MulDiv(10, api.One, api.Decimal(3*depth(n, c)+10))
	broad := min(api.One, fixed.MulDiv(api.Decimal(c), api.One, 6))
	return fixed.MulDiv(flat+broad, 1, 2)
}

// depth is ceil(log_c n): the least number of levels of clusters of c over n members.
func depth(n, c int) int {
	d := 0
	for reach := 1; reach < n; reach *= max(2, c) {
		d++
	}
	return d
}

package screen

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// farthest bounds a ratio, in millionths, so that differences of two cannot overflow.
const farthest = int64(api.DecimalLimit)

// ratio returns a/b in millionths, at most farthest in either direction.
func ratio(a, b int64) int64 {
	return max(-farthest, min(farthest, int64(fixed.Div(api.Decimal(a), api.Decimal(b)))))
}

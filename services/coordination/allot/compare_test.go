package allot_test

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// less tells whether a/b is less than c/d, of which b and d are more than 0.
func less(a, b, c, d api.Decimal) bool {
	return new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(d))).Cmp(new(big.Int).Mul(big.NewInt(int64(c)), big.NewInt(int64(b)))) < 0
}

package screen

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
)

// RunsBits is runsBits.
var RunsBits = runsBits

// RatioBits is ratioBits of two numbers.
func RatioBits(a, b int64) api.Decimal { return ratioBits(big.NewInt(a), big.NewInt(b)) }

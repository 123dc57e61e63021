package weigh

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// fairness tells how weights, of which there is at least one, and all above 0, are spread.
//
// The Gini coefficient is the mean difference of two weights over twice their mean (Gini 1912): with the weights in ascending order,
// sum of (2i - n - 1) w[i] over n times their sum, i from 1. Entropy is Shannon's (1948), the sum of p log2(1/p), p being the share
// of a weight in the sum.
func fairness(weights []api.Decimal) api.WeighFairness {
	w := slices.Sorted(slices.Values(weights))
	n := len(w)
	sum, spread := api.Decimal(0), api.Decimal(0)
	for i, x := range w {
		sum += x
		spread += api.Decimal(2*(i+1)-n-1) * x
	}
	entropy := api.Decimal(0)
	for _, x := range w {
		entropy += fixed.MulDiv(x, fixed.LogRatio(sum, x), sum)
	}
	return api.WeighFairness{Gini: fixed.MulDiv(spread, api.One, api.Decimal(n)*sum), Max: w[n-1], Entropy: entropy}
}

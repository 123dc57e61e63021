package clearing

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// discover finds the price. Demand and supply change only at the prices of orders, so that it is enough to look at each of these and at
// what lies between it and the next. The demand less the supply falls with the price: hence the prices that are as good as the best
// are all those from the first to the last of them.
func discover(buys, sells []api.MarketOffer, b, s []int) (api.Micro, int64) {
	var prices []api.Micro
	var demand, supply int64
	for _, o := range buys {
		prices = append(prices, o.Price)
		demand += o.Quantity
	}
	for _, o := range sells {
		prices = append(prices, o.Price)
	}
	slices.Sort(prices)
	prices = slices.Compact(prices)
	var low, high api.Micro
	var most, least int64
	look := func(from, to api.Micro) {
		volume, imbalance := min(demand, supply), max(demand, supply)-min(demand, supply)
		switch {
		case volume > most || volume == most && imbalance < least:
			low, high, most, least = from, to, volume, imbalance
		case volume == most && imbalance == least:
			high = to
		}
	}
	i, j := len(b)-1, 0
	for k, p := range prices {
		for ; j < len(s) && sells[s[j]].Price == p; j++ {
			supply += sells[s[j]].Quantity
		}
		look(p, p)
		for ; i >= 0 && buys[b[i]].Price == p; i-- {
			demand -= buys[b[i]].Quantity
		}
		if k+1 < len(prices) && prices[k+1] > p+1 {
			look(p+1, prices[k+1]-1)
		}
	}
	return low + (high-low)/2, most
}

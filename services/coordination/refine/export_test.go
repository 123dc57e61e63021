package refine

import "github.com/mabus-project/mabus/shared/api"

// Custom is the similarity "custom" of one pair after the other.
func Custom(texts ...string) api.Decimal {
	var pairs []pair
	for i := 0; i < len(texts); i += 2 {
		pairs = append(pairs, pair{texts[i], texts[i+1]})
	}
	return custom(pairs)
}

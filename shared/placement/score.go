package placement

// hash is FNV-1a with a finish that spreads it over all bits. Every host must come to the same, so it has no seed.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the finish of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform is a number between 0 and 1 that a unit and a node always have in common. Its negative logarithm through the weight of
// the node is the unit's rendezvous score there: of several nodes each has the least with a probability in proportion to its
// weight, and a change of one weight moves nothing between the others.
func uniform(unit, node uint64) float64 {
	return (float64(mix(unit^node*0x9e3779b97f4a7c15)>>11) + 0.5) / (1 << 53)
}

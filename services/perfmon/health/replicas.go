package health

// Answer is what one part of a replica of a service says of itself.
type Answer struct {
	// Instance is that of the replica that it is a part of.
	Instance string
	// Nouns are those of its methods; none for all that the service has.
	Nouns []string
}

// Replicas counts the replicas of a service with such nouns that have answered with every part. One of them alone is no replica: some of what
// the service is for would not be done there.
func Replicas(nouns []string, answers []Answer) (n int) {
	parts := map[string]map[string]int{} // how many answer for each noun, by instance
	for _, a := range answers {
		if len(a.Nouns) == 0 {
			n++
			continue
		}
		if parts[a.Instance] == nil {
			parts[a.Instance] = map[string]int{}
		}
		for _, noun := range a.Nouns {
			parts[a.Instance][noun]++
		}
	}
	if len(nouns) == 0 {
		return n
	}
	for _, has := range parts {
		whole := has[nouns[0]]
		for _, noun := range nouns {
			whole = min(whole, has[noun])
		}
		n += whole
	}
	return n
}

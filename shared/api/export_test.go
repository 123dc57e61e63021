package api

// GrantNames returns the methods that are granted by name, as often as they are named.
func GrantNames() []string {
	var names []string
	for _, g := range grants {
		names = append(names, g.methods...)
	}
	return names
}

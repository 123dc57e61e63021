package pbft

// Bug is a fault that a test plants.
type Bug struct {
	Name string
	bug  bug
}

// Bugs lists every bug that can be planted.
func Bugs() []Bug {
	names := [...]string{
		"none", "small quorum", "early commit", "forget prepared", "blind new view", "free new view", "blind digest", "count duplicates",
		"count strangers", "blind signature", "loose view change", "loose commit", "overwrite", "two proposals", "steady timer",
	}
	var all []Bug
	for b := noBug + 1; b < numberOfBugs; b++ {
		all = append(all, Bug{Name: names[b], bug: b})
	}
	return all
}

// Plant makes the nodes of the configuration wrong.
func (b Bug) Plant(c *Config) { c.bug = b.bug }

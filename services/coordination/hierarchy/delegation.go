package hierarchy

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// resolve finds what the vote of each member of a cluster counts for. A delegation is followed from one member to the next until one
// has voted. Where it leads to nobody who has, because the last abstains, is silent, or the members delegate in a circle, the
// representative votes for those who have delegated, if it has voted itself; or else they have not voted.
func (h *house) resolve(number int, c cluster) {
	last := -1
	if rep := h.reps[0][number]; rep >= 0 {
		last = h.choice[rep]
	}
	done := map[int]bool{}
	for _, m := range c.parts {
		var path []int
		at := m
		for !done[at] && h.choice[at] < 0 && h.delegate[at] >= 0 && !slices.Contains(path, at) {
			path = append(path, at)
			at = h.delegate[at]
		}
		end := last
		switch {
		case len(path) > 0 && slices.Contains(path, at):
			h.circle(number, path[slices.Index(path, at):])
		case done[at]:
			if h.cast[at] >= 0 {
				end = h.cast[at]
			}
		case h.choice[at] >= 0:
			end = h.choice[at]
		}
		for _, p := range path {
			h.cast[p], done[p] = end, true
		}
		if !done[at] {
			h.cast[at], done[at] = h.choice[at], true
		}
	}
}

// circle notes members who delegate to one another in a circle. It is broken where expertise is greatest, or else at the one listed
// first.
func (h *house) circle(number int, members []int) {
	at := 0
	for i, m := range members {
		if b := members[at]; h.expertise[m] > h.expertise[b] || h.expertise[m] == h.expertise[b] && m < b {
			at = i
		}
	}
	var path []string
	for i := range len(members) + 1 {
		path = append(path, h.name(members[(at+i)%len(members)]))
	}
	h.deadlocks = append(h.deadlocks, api.HierarchyDeadlock{Kind: api.DeadlockCircular, Resolution: api.ResolveBreak, Cluster: number, Path: path})
}

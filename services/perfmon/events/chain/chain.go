// Package chain holds the pure rules of causation: it arranges the events of a correlation as a tree.
package chain

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Arrange returns events, which are in the order in which the store took them, so that each comes behind its cause, and those with one
// cause, as those with none, in their order. Missing are the causes that are not among them. Where events cause one another in a cycle,
// the oldest of it is a root.
func Arrange(events []api.Event) (links []api.EventLink, missing []string) {
	a := arrangement{events: events, place: make(map[string]int, len(events)), caused: map[int][]int{}, done: make([]bool, len(events))}
	for i, e := range slices.Backward(events) {
		a.place[e.ID] = i // of several with one id the oldest is meant
	}
	var roots []int
	seen := map[string]bool{}
	orphan := make([]bool, len(events))
	for i, e := range events {
		cause, there := a.place[e.CausationID]
		switch {
		case e.CausationID == "":
			roots = append(roots, i)
		case !there:
			roots = append(roots, i)
			orphan[i] = true
			if !seen[e.CausationID] {
				seen[e.CausationID] = true
				missing = append(missing, e.CausationID)
			}
		default:
			a.caused[cause] = append(a.caused[cause], i)
		}
	}
	for _, i := range roots {
		a.add(i, api.EventLink{Orphan: orphan[i]})
	}
	for i := range events { // what no root leads to hangs on a cycle
		if !a.done[i] {
			a.add(a.oldestOfCycle(i), api.EventLink{Cycle: true})
		}
	}
	return a.links, missing
}

type arrangement struct {
	events []api.Event
	place  map[string]int
	caused map[int][]int
	done   []bool
	links  []api.EventLink
}

// add adds an event and all that comes of it.
func (a *arrangement) add(root int, as api.EventLink) {
	type step struct{ event, depth int }
	for stack := []step{{root, 0}}; len(stack) > 0; {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if a.done[s.event] {
			continue
		}
		a.done[s.event] = true
		as.Event, as.Depth = a.events[s.event], s.depth
		a.links = append(a.links, as)
		as = api.EventLink{}
		for _, next := range slices.Backward(a.caused[s.event]) {
			stack = append(stack, step{next, s.depth + 1})
		}
	}
}

// oldestOfCycle goes from cause to cause until it comes round, and then once more round.
func (a *arrangement) oldestOfCycle(i int) int {
	met := map[int]bool{}
	for !met[i] {
		met[i] = true
		i = a.place[a.events[i].CausationID]
	}
	oldest := i
	for at := a.place[a.events[i].CausationID]; at != i; at = a.place[a.events[at].CausationID] {
		oldest = min(oldest, at)
	}
	return oldest
}

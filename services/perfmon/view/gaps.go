package view

import (
	"slices"
	"time"
)

// maxGap is how many numbers can be missing at once: what jumps further was not lost, but numbered anew.
const maxGap = 1_000_000

// gap are numbers of a source that have not come, both ends included.
type gap struct {
	from, to uint64
	noticed  time.Time
	state    gapState
}

type gapState int

const (
	missing gapState = iota // they may come by another replica
	lost                    // they have been counted as lost
	foreign                 // they were before the log that was read
)

func (g *gap) len() uint64 { return g.to - g.from + 1 }

// miss takes note of a gap, if it is one.
func (o *sender) miss(g gap) {
	if g.from <= g.to && g.to-g.from < maxGap {
		o.gaps = append(o.gaps, g)
	}
}

// fill takes a number out of the gap that it is in, and returns what that was.
func (o *sender) fill(seq uint64) (gap, bool) {
	for i, g := range o.gaps {
		if seq < g.from || seq > g.to {
			continue
		}
		rest := make([]gap, 0, 2)
		if seq > g.from {
			rest = append(rest, gap{g.from, seq - 1, g.noticed, g.state})
		}
		if seq < g.to {
			rest = append(rest, gap{seq + 1, g.to, g.noticed, g.state})
		}
		o.gaps = slices.Replace(o.gaps, i, i+1, rest...)
		return g, true
	}
	return gap{}, false
}

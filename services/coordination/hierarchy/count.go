package hierarchy

import (
	"github.com/mabus-project/mabus/shared/api"
)

// outcome is what a cluster has decided.
type outcome struct {
	tally    []api.Decimal // by option
	total    api.Decimal   // of it
	decision int
	tied     bool
	weight   api.Decimal // of the decision one level up
}

// count decides every cluster, from the members' up to the top.
func (h *house) count() {
	h.outcomes = make([][]outcome, len(h.tree))
	for level, clusters := range h.tree {
		h.outcomes[level] = make([]outcome, len(clusters))
		for i, c := range clusters {
			o := &h.outcomes[level][i]
			o.tally = make([]api.Decimal, len(h.params.Options))
			var casting int
			if level == 0 {
				h.resolve(i, c)
				casting = h.votes(o, c, h.reps[0][i])
			} else {
				casting = h.carry(o, level, c, h.reps[level][i])
			}
			h.decide(o, casting)
		}
	}
}

// votes counts those of the members of a cluster, and returns what its representative has voted.
func (h *house) votes(o *outcome, c cluster, rep int) int {
	for _, m := range c.parts {
		if option := h.cast[m]; option >= 0 {
			weight := api.One
			if h.params.Delegation == api.DelegateExpertise {
				weight = h.expertise[m]
			}
			o.tally[option] += weight
		}
	}
	if rep < 0 {
		return -1
	}
	return h.cast[rep]
}

// carry counts what the clusters below bring to one, and returns what that of its representative has brought.
func (h *house) carry(o *outcome, level int, c cluster, rep int) int {
	casting := -1
	for _, below := range c.parts {
		from := &h.outcomes[level-1][below]
		if h.params.Delegation == api.DelegateProportional {
			for option, d := range from.tally {
				o.tally[option] += d
			}
		}
		option := from.decision
		if said, ok := h.said[level][below]; ok && said >= 0 && h.params.Mandate == api.MandateFree {
			option = said
		}
		if option < 0 {
			continue
		}
		if h.params.Delegation != api.DelegateProportional {
			o.tally[option] += from.weight
		}
		if rep >= 0 && h.reps[level-1][below] == rep {
			casting = option
		}
	}
	return casting
}

// decide takes the option with the most weight; of equal ones the casting vote, or else the one listed first.
func (h *house) decide(o *outcome, casting int) {
	o.decision = -1
	for option, d := range o.tally {
		o.total += d
		switch {
		case d == 0:
		case o.decision < 0 || d > o.tally[o.decision]:
			o.decision, o.tied = option, false
		case d == o.tally[o.decision]:
			o.tied = true
		}
	}
	if o.decision < 0 {
		return
	}
	if o.tied && casting >= 0 && o.tally[casting] == o.tally[o.decision] {
		o.decision = casting
	}
	o.weight = o.total
	if h.params.Delegation == api.DelegateEqual {
		o.weight = api.One
	}
}

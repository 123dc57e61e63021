package hierarchy

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

const maxDeadlocks = 100 // that are listed

func (h *house) result() api.HierarchyResult {
	top := &h.outcomes[len(h.outcomes)-1][0]
	r := api.HierarchyResult{Decision: h.option(top.decision), Levels: make([][]api.HierarchyCluster, len(h.tree))}
	if top.decision >= 0 {
		r.Confidence = fixed.MulDiv(top.tally[top.decision], api.One, top.total)
		r.ConsensusReached = r.Confidence > h.params.Threshold
	}
	for level, clusters := range h.tree {
		for i, c := range clusters {
			r.Levels[level] = append(r.Levels[level], h.cluster(level, i, c))
			if from, to := h.first[level][i], h.reps[level][i]; from != to && from >= 0 {
				r.Replacements = append(r.Replacements, api.HierarchyReplacement{Level: level, Cluster: i, From: h.name(from), To: h.name(to)})
			}
			h.forced(level, i)
		}
	}
	r.Deadlocks = h.deadlocks[:min(len(h.deadlocks), maxDeadlocks)]
	for m := range h.session.Members {
		if !h.voted[m] {
			r.Silent = append(r.Silent, h.name(m))
		}
	}
	r.Analytics = h.analytics(top.decision)
	return r
}

func (h *house) cluster(level, i int, c cluster) api.HierarchyCluster {
	o := &h.outcomes[level][i]
	out := api.HierarchyCluster{
		Cluster: i, Representative: h.name(h.reps[level][i]), Tally: h.written(o.tally), Decision: h.option(o.decision), Tied: o.tied, Weight: o.weight,
	}
	if level == 0 {
		out.Members = h.names(c.parts)
	} else {
		out.Clusters = c.parts
	}
	return out
}

// forced notes a cluster whose representatives were all asked one level up and none has answered.
func (h *house) forced(level, i int) {
	if h.params.Mandate != api.MandateFree || level == len(h.tree)-1 || h.outcomes[level][i].weight == 0 {
		return
	}
	if _, said := h.said[level+1][i]; !said {
		h.deadlocks = append(h.deadlocks, api.HierarchyDeadlock{Kind: api.DeadlockTimeout, Resolution: api.ResolveForce, Level: level, Cluster: i})
	}
}

func (h *house) analytics(decision int) api.HierarchyAnalytics {
	a := api.HierarchyAnalytics{
		Members: len(h.session.Members), Levels: len(h.tree), Smallest: len(h.tree[0][0].parts), Popular: map[string]int{}, Deadlocks: len(h.deadlocks),
		Efficiency: Efficiency(len(h.session.Members), shape(&h.params, len(h.session.Members)).size),
	}
	for level := range h.tree {
		a.Clusters += len(h.tree[level])
	}
	a.Representatives = a.Clusters - 1
	for _, c := range h.tree[0] {
		a.Smallest, a.Largest = min(a.Smallest, len(c.parts)), max(a.Largest, len(c.parts))
	}
	for m, option := range h.cast {
		if option < 0 {
			continue
		}
		a.Cast++
		a.Popular[h.option(option)]++
		if h.delegate[m] >= 0 {
			a.Delegated++
		}
	}
	a.Turnout = fixed.MulDiv(api.Decimal(a.Cast), api.One, api.Decimal(a.Members))
	if a.Cast > 0 {
		a.Agreement = fixed.MulDiv(api.Decimal(a.Popular[h.option(decision)]), api.One, api.Decimal(a.Cast))
	}
	return a
}

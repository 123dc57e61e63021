package gather

import (
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/sketch"
)

// aggregate is the sum of several series.
type aggregate struct {
	group  journal.Group
	metric string
	batch  uint64 // in which it was used last
	sum    sketch.Sketch
}

// Take returns the messages of what was gathered, and begins the next batch. Part, Parts and Records of the head are set by it.
func (g *Gatherer) Take(head journal.Head) [][]byte {
	for _, d := range g.deltas {
		g.w.Delta(d)
	}
	for _, o := range g.used {
		g.w.Group(o.group)
		for _, c := range o.cells {
			c.settle()
			g.w.Series(c.metric, c.sketch)
			g.aggregate(o, c)
			if cap(c.sketch) > keep {
				c.sketch = nil
			}
		}
		o.cells = o.cells[:0]
	}
	g.writeAggregates()
	head.Records = g.records
	parts := g.w.Finish(head)
	g.used, g.deltas, g.records, g.bytes = g.used[:0], g.deltas[:0], 0, 0
	g.batch++
	if g.batch%turn == 0 || len(g.taken) >= maxDeltas {
		g.taken, g.before = map[deltaID]bool{}, g.taken
	}
	if g.batch%idle == 0 {
		g.sweep()
	}
	return parts
}

// aggregate adds a series to those of its type, its host and its fleet.
func (g *Gatherer) aggregate(o *source, c *cell) {
	k := o.group.Kind
	if o.group.Type != "" {
		g.sum(journal.Group{Scope: journal.Type, Kind: k, Type: o.group.Type}, c)
	}
	if o.group.Host != "" {
		g.sum(journal.Group{Scope: journal.Host, Kind: k, Host: o.group.Host}, c)
	}
	g.sum(journal.Group{Scope: journal.Fleet, Kind: k}, c)
}

func (g *Gatherer) sum(group journal.Group, c *cell) {
	g.key = append(g.key[:0], byte(group.Scope))
	g.key = appendKey(g.key, string(group.Kind), group.Type, group.Host, c.metric)
	a := g.sums[string(g.key)]
	if a == nil {
		a = &aggregate{group: group, metric: c.metric}
		g.sums[string(g.key)] = a
	}
	if a.batch != g.batch {
		a.batch = g.batch
		a.sum.Reset()
	}
	_ = a.sum.MergeBinary(c.sketch)
}

// writeAggregates writes the sums of this batch, and forgets those that were not needed for a while.
func (g *Gatherer) writeAggregates() {
	var buf []byte
	for key, a := range g.sums {
		switch {
		case a.batch == g.batch:
			g.w.Group(a.group)
			buf = a.sum.AppendBinary(buf[:0])
			g.w.Series(a.metric, buf)
		case a.batch+idle < g.batch:
			delete(g.sums, key)
		}
	}
}

package reputation

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Evidence is what some records say: their weight, and the sum of weight times quality. Sum is never above Mass.
type Evidence struct {
	Mass api.Decimal `json:"mass"`
	Sum  api.Decimal `json:"sum"`
}

func (e *Evidence) add(weight, value api.Decimal) {
	e.Mass += weight
	e.Sum += fixed.Mul(weight, value)
}

func (e *Evidence) join(o Evidence) { e.Mass, e.Sum = e.Mass+o.Mass, e.Sum+o.Sum }

// fade leaves f of it, in units of 2^-64.
func (e *Evidence) fade(f uint64) { e.Mass, e.Sum = part(e.Mass, f), part(e.Sum, f) }

// atMost returns the evidence with the same mean and no more weight than limit.
func (e Evidence) atMost(limit api.Decimal) Evidence {
	if e.Mass <= limit {
		return e
	}
	return Evidence{Mass: limit, Sum: fixed.MulDiv(e.Sum, limit, e.Mass)}
}

// Edge is the proven evidence of one rater.
type Edge struct {
	By string `json:"by"`
	Evidence
}

// Standing is the evidence about one agent, as a whole or in one domain. Its sums have faded to Day.
type Standing struct {
	Day     int64 `json:"day"`
	Records int   `json:"records"`
	// Operators is what operators have recorded, Edges what single raters have, in the order of their first record, and Rest what those
	// had who made room for others. Pool is what is not proven.
	Operators Evidence `json:"operators,omitzero"`
	Edges     []Edge   `json:"edges,omitempty"`
	Rest      Evidence `json:"rest,omitzero"`
	Pool      Evidence `json:"pool,omitzero"`
}

// Clone implements draft.Record.
func (s *Standing) Clone() *Standing {
	c := *s
	c.Edges = slices.Clone(s.Edges)
	return &c
}

func (s *Standing) fadeTo(day int64) {
	n := day - s.Day
	if n <= 0 {
		return
	}
	s.Day = day
	f := uint64(0)
	if n < longAgo {
		f = dailyPower(n)
	}
	s.fadeProven(f)
	s.Pool.fade(f)
}

func (s *Standing) fadeProven(f uint64) {
	s.Operators.fade(f)
	s.Rest.fade(f)
	for i := range s.Edges {
		s.Edges[i].fade(f)
	}
}

// proven is the evidence that is backed.
func (s *Standing) proven() Evidence {
	e := s.Operators
	e.join(s.Rest)
	for i := range s.Edges {
		e.join(s.Edges[i].Evidence)
	}
	return e
}

// unproven is what is not, as far as it counts next to so much that is.
func (s *Standing) unproven(proven api.Decimal) Evidence {
	return s.Pool.atMost(fixed.MulDiv(poolLimit, priorWeight, priorWeight+proven))
}

// score is the mean with the prior, before penalties.
func (s *Standing) score() api.Decimal {
	e := s.proven()
	e.join(s.unproven(e.Mass))
	return fixed.MulDiv(e.Sum+fixed.Mul(priorWeight, Prior), api.One, e.Mass+priorWeight)
}

// older is what a record leaves of those before it, when it takes so much off them, in units of 2^-64.
func older(less api.Decimal) uint64 {
	return uint64(api.One-less) * 18446744073709 // times 10^6 that is 2^64, but for a part in 10^13
}

// addOperator adds a record of full weight.
func (s *Standing) addOperator(value api.Decimal) {
	s.fadeProven(older(ageing))
	s.Operators.add(api.One, value)
}

// addProven adds a rater's record. Its older ones give way when they would count for too much together.
func (s *Standing) addProven(by string, weight, value api.Decimal) {
	if weight <= 0 {
		return
	}
	s.fadeProven(older(fixed.Mul(crowding, weight)))
	i := slices.IndexFunc(s.Edges, func(e Edge) bool { return e.By == by })
	if i < 0 {
		if len(s.Edges) == raters {
			s.makeRoom()
		}
		s.Edges = append(s.Edges, Edge{By: by})
		i = len(s.Edges) - 1
	}
	e := &s.Edges[i]
	e.Evidence = e.atMost(raterLimit - weight)
	e.add(weight, value)
}

// makeRoom lets the rater with the least weight, of equal ones the earliest, go into the rest.
func (s *Standing) makeRoom() {
	least := 0
	for i := range s.Edges {
		if s.Edges[i].Mass < s.Edges[least].Mass {
			least = i
		}
	}
	s.Rest.join(s.Edges[least].Evidence)
	s.Edges = slices.Delete(s.Edges, least, least+1)
}

func (s *Standing) addPool(weight, value api.Decimal) {
	if weight <= 0 {
		return
	}
	s.Pool.fade(older(fixed.Mul(crowding, weight)))
	s.Pool.add(weight, value)
}

// ratedBy tells whether somebody has a say in the standing.
func (s *Standing) ratedBy(id string) bool {
	return slices.ContainsFunc(s.Edges, func(e Edge) bool { return e.By == id && e.Mass > 0 })
}
